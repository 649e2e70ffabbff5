"""Where an agent thinks, and where its planner errs: decision by decision, by the state.

A planner errs where the action that it takes without a search loses some of the best return that
can still be had. That is known exactly on the knapsack and on sliding tiles.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from envs.puzzles.knapsack import KnapsackState
from envs.puzzles.knapsack_optimum import optimal_value
from envs.puzzles.sliding_tiles import SlidingTilesState
from envs.puzzles.sliding_tiles_distances import sliding_tiles_distance
from rrplan import keys
from rrplan.planner import Planner
from rrplan.types import Array, Environment, MetaPolicy, PyTree, Trace

LEAST = 20
"""Decisions that a cell of a map must have to be told."""


class Measure(NamedTuple):
    """What places of an environment are told apart by, and what can still be had there. Static."""

    axes: tuple[str, ...]
    """Names of one or two numbers."""
    edges: tuple[tuple[float, ...], ...]
    """Of the groups of each number; a whole number is in the middle of its group."""
    place: Callable[[PyTree], Array]
    """``(state) -> [D]`` float32."""
    loses: Callable[[PyTree, PyTree], Array]
    """``(state, next state) -> []`` bool: some of the best return that could still be had is
    lost on the way."""


class Decisions(NamedTuple):
    """Decisions with a choice, ``N`` of them."""

    place: np.ndarray  # [N, D] float32
    simulations: np.ndarray  # [N] int
    errs: np.ndarray  # [N] bool, acting without a search would lose something


def measure_of(environment: Environment, env_params: PyTree) -> Measure | None:
    """Return what tells the places of an environment apart; None where nothing is known of it."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    state, _ = jax.eval_shape(environment.reset, key, env_params)
    if isinstance(state, KnapsackState):
        return _knapsack(state.weights.shape[0])
    if isinstance(state, SlidingTilesState):
        cells = state.cells.shape[0]
        side = round(cells**0.5)
        return _tiles(side) if side * side == cells == 9 else None
    return None


def play(
    planner: Planner,
    meta_policy: MetaPolicy,
    params: PyTree,
    measure: Measure,
    *,
    key: Array,
    episodes: int,
    decisions: int,
    costs: rrplan.Costs,
    num_lanes: int,
) -> Decisions:
    """Play an agent, and tell each decision that has a choice.

    Args:
        planner: of an environment without chance.
        meta_policy: static.
        params: its parameters.
        measure: of the environment.
        key: scalar key.
        episodes: how many.
        decisions: of an episode that are told, from the first.
        costs: what the agent is charged, and sees of it.
        num_lanes: as for :func:`rrplan.evaluate`.
    """
    options: Any = {"key": key, "episodes": episodes, "costs": costs, "num_lanes": num_lanes}
    trace = rrplan.evaluate(planner, meta_policy, params, trace=decisions, **options).trace
    assert trace is not None
    ids = jnp.arange(episodes, dtype=jnp.int32)
    env_params = jax.tree.map(jnp.asarray, planner.env_params)
    place, errs = _follow(planner.environment, measure, env_params, key, ids, trace)
    chosen = np.asarray(trace.valid & (trace.legal_actions > 1))
    return Decisions(
        np.asarray(place).swapaxes(0, 1)[chosen],
        np.asarray(trace.simulations)[chosen],
        np.asarray(errs).T[chosen],
    )


def tell(decisions: Decisions, measure: Measure) -> dict[str, Any]:
    """Return the map as JSON: decisions, mean simulations and share of errors of each group.

    Groups of fewer than :data:`LEAST` decisions are left out of it.
    """
    group = [
        np.clip(np.digitize(decisions.place[:, axis], edges) - 1, 0, len(edges) - 2)
        for axis, edges in enumerate(measure.edges)
    ]
    cells = []
    for cell in np.ndindex(*(len(edges) - 1 for edges in measure.edges)):
        inside = np.all([own == at for own, at in zip(group, cell, strict=True)], axis=0)
        if inside.sum() >= LEAST:
            cells.append(
                {
                    "cell": [int(at) for at in cell],
                    "decisions": int(inside.sum()),
                    "simulations": float(decisions.simulations[inside].mean()),
                    "errs": float(decisions.errs[inside].mean()),
                }
            )
    errs = decisions.errs
    return {
        "axes": list(measure.axes),
        "edges": [list(edges) for edges in measure.edges],
        "cells": cells,
        "decisions": len(errs),
        "errs": float(errs.mean()),
        "simulations_where_it_errs": _mean(decisions.simulations[errs]),
        "simulations_elsewhere": _mean(decisions.simulations[~errs]),
    }


def _mean(values: Sequence[float] | np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None


@functools.partial(jax.jit, static_argnums=(0, 1))
def _follow(
    environment: Environment,
    measure: Measure,
    env_params: PyTree,
    key: Array,
    ids: Array,
    trace: Trace,
) -> tuple[Array, Array]:
    """Return the places ``[T, E, D]`` and whether the prior's action loses ``[T, E]``."""
    step = jax.vmap(environment.step, (0, 0, 0, None))
    none = jnp.zeros(ids.shape, jnp.int32)

    def decide(state: PyTree, told: tuple[Array, Array, Array]) -> tuple[PyTree, Any]:
        number, action, prior = told
        step_keys = keys.draw(key, ids, keys.Domain.STEP, none + number, none)
        tried = step(step_keys, state, prior, env_params)
        loses = jax.vmap(measure.loses)(state, tried.state)
        after = step(step_keys, state, action, env_params).state
        return after, (jax.vmap(measure.place)(state), loses)

    first, _ = keys.first_states(environment, env_params, key, ids)
    numbers = jnp.arange(trace.action.shape[1], dtype=jnp.int32)
    _, found = jax.lax.scan(decide, first, (numbers, trace.action.T, trace.prior_action.T))
    return found


@functools.cache
def _knapsack(items: int) -> Measure:
    largest = 5 * items * items  # no capacity is larger: weights are at most 5 n

    def place(state: KnapsackState) -> Array:
        unpacked = jnp.where(state.packed, 0, state.weights).sum()
        share = state.remaining / jnp.maximum(unpacked, 1)
        return jnp.stack([(~state.packed).sum().astype(jnp.float32), share])

    def left(state: KnapsackState) -> Array:
        values = jnp.where(state.packed, 0, state.values)
        return optimal_value(state.weights, values, state.remaining, max_capacity=largest)

    def loses(state: KnapsackState, after: KnapsackState) -> Array:
        packed = jnp.where(after.packed & ~state.packed, state.values, 0).sum()
        return packed + left(after) < left(state)

    counts = tuple(number + 0.5 for number in range(items + 1))
    shares = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.01)
    axes = ("Items left", "Capacity left / weight of these items")
    return Measure(axes, (counts, shares), place, loses)


@functools.cache
def _tiles(side: int) -> Measure:
    def distance(state: SlidingTilesState) -> Array:
        return sliding_tiles_distance(state.cells.reshape(side, side))

    def place(state: SlidingTilesState) -> Array:
        return distance(state).astype(jnp.float32)[None]

    def loses(state: SlidingTilesState, after: SlidingTilesState) -> Array:
        return distance(after) >= distance(state)

    edges = tuple(number + 0.5 for number in range(32))
    return Measure(("Moves to the goal",), (edges,), place, loses)
