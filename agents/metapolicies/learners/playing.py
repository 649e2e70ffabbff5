"""Whole episodes, each played several times: with the same instance and the same luck.

What an episode draws comes from its id, so runs of one id differ in nothing but their answers:
common random numbers, exactly. Answers are drawn from keys of their own, one for each run.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from agents.metapolicies.learned.network import MetaNetwork
from agents.metapolicies.learned.policy import Choice
from rrplan import keys
from rrplan.engine import lanes as engine_lanes
from rrplan.engine.meta_steps import Looks
from rrplan.engine.state import Engine, EngineState, Queue, Results
from rrplan.models import Settings
from rrplan.types import Array, Control, MetaObservation, MetaPolicy, PyTree


class Manner(NamedTuple):
    """How the runs of an episode answer; static."""

    greedy_runs: int = 0
    """The first runs, which give the likeliest answers."""
    explored: float | None = None
    """Share of looks at which the others give any answer, and else the likeliest; they draw from
    the policy if None."""


class Running(NamedTuple):
    """What a lane carries: what the network's own agent does, and which run this is."""

    own: PyTree  # [B, ...]
    run: Array  # [B] int32


class Walk(NamedTuple):
    """Where episodes lead, as a table of nodes: it is followed while they are played."""

    first: Array  # [n] int32, the node that each episode begins in
    following: Array  # [N, A] int32
    action: Array  # [N, K + 1] int32, taken after k simulations


class Marks(NamedTuple):
    """Of which episode, and of which node, each look is; as the record of looks is laid out."""

    place: Array  # [R, B] int32, of the episode in the queue: run * n + its place among the ids
    node: Array  # [R, B] int32, 0 where there is no walk
    lost: Array  # [L] bool, some of the episode's looks found no room


class Played(NamedTuple):
    """What some runs of some episodes brought; ``L`` is their number, run after run."""

    looks: Looks  # [R, B]; all rows in use are closed where the episode was finished
    marks: Marks
    episodes: Results  # [L]; length 0 where one was not finished
    prices: Array  # [L]


@functools.cache
def running(network: MetaNetwork, manner: Manner) -> MetaPolicy:
    """Answer as each run is to, and record a :class:`Choice` of each look.

    Parameters: those of ``network``. Whoever steps the engine writes each lane's run into its
    carry, see :func:`play`.
    """

    def init(batch_size: int) -> Running:
        return Running(network.begin(batch_size), jnp.zeros(batch_size, jnp.int32))

    def apply(params: PyTree, look_keys: Array, carry: Running, seen: MetaObservation) -> Control:
        inputs = network.show(seen, params)
        logits, value = network(params, inputs)
        own = jax.vmap(jax.random.fold_in)(look_keys, carry.run)
        likeliest = jnp.argmax(logits, axis=-1).astype(jnp.int32)
        if manner.explored is None:
            drawn = jax.vmap(jax.random.categorical)(own, logits).astype(jnp.int32)
        else:
            drawn = _explore(own, network.allowed(inputs), likeliest, manner.explored)
        answer = jnp.where(carry.run < manner.greedy_runs, likeliest, drawn)
        log_probs = jax.nn.log_softmax(logits)
        log_prob = jnp.take_along_axis(log_probs, answer[:, None], axis=-1)[:, 0]
        control = network.control(answer, carry.own, seen)
        return control._replace(
            carry=Running(control.carry, carry.run), aux=Choice(inputs, answer, log_prob, value)
        )

    act = network.act

    def act_as_own(carry: Running, decision: Array, action: Array) -> Array:
        assert act is not None
        return act(carry.own, decision, action)

    return MetaPolicy(init, apply, network.config.looks, None if act is None else act_as_own)


def _explore(look_keys: Array, allowed: Array, likeliest: Array, share: float) -> Array:
    """Return answers ``[B]``: any that is allowed at a share of the looks, else the likeliest."""

    def one(key: Array, may: Array) -> tuple[Array, Array]:
        whether, which = jax.random.split(key)
        anything = jax.random.categorical(which, jnp.where(may, 0.0, -jnp.inf))
        return jax.random.bernoulli(whether, share), anything.astype(jnp.int32)

    explores, anything = jax.vmap(one)(look_keys, allowed)
    return jnp.where(explores, anything, likeliest)


def play(
    engine: Engine,
    settings: Settings,
    ids: Array,
    prices: Array,
    runs: int,
    *,
    first_run: Array | int = 0,
    walk: Walk | None = None,
) -> Played:
    """Play every episode to its end, ``runs`` times.

    It stops early only where no lane has room for another look.

    Args:
        engine: whose meta-policy is :func:`running`; it records.
        settings: traced; its key is that of the episodes.
        ids: ``[n]`` int32, of the episodes.
        prices: ``[n]``, of a simulation in each.
        runs: static; how often each is played.
        first_run: number of the first run; runs of equal numbers answer alike.
        walk: a table to follow, if any.
    """
    number = ids.shape[0]
    total = number * runs
    queue = _queue(engine, settings, ids, prices, runs)
    lane = jnp.arange(engine.num_lanes)
    none = jnp.zeros((engine.record, engine.num_lanes), jnp.int32)

    def go_on(carry: tuple[EngineState, Marks, Array]) -> Array:
        state = carry[0]
        assert state.looks is not None
        return (state.active & (state.looks.count <= engine.record)).any()

    def tick(carry: tuple[EngineState, Marks, Array]) -> tuple[EngineState, Marks, Array]:
        state, marks, node = carry
        run = first_run + state.place // number
        state = state._replace(carry=state.carry._replace(run=run))
        new = engine_lanes.tick(engine, settings, queue, state)
        assert state.looks is not None
        assert new.looks is not None
        looked = new.looks.count > state.looks.count
        full = state.looks.count >= engine.record
        row = jnp.where(looked & ~full, state.looks.count, engine.record)
        lost = jnp.where(looked & full, state.place, total)
        marks = Marks(
            place=marks.place.at[row, lane].set(state.place, mode="drop"),
            node=marks.node.at[row, lane].set(node, mode="drop"),
            lost=marks.lost.at[lost].set(True, mode="drop"),
        )
        return new, marks, node if walk is None else _follow(walk, node, state, new, number)

    marks = Marks(none, none, jnp.zeros(total, bool))
    begun = engine_lanes.start(engine, settings, queue), marks, jnp.zeros_like(lane)
    state, marks, _ = jax.lax.while_loop(go_on, tick, begun)
    assert state.looks is not None
    return Played(state.looks, marks, state.results, queue.prices)


def _queue(engine: Engine, settings: Settings, ids: Array, prices: Array, runs: int) -> Queue:
    """Return all runs of the episodes, run after run."""
    first = keys.first_states(engine.model.environment, settings.env_params, settings.key, ids)

    def repeat(leaf: Array) -> Array:
        return jnp.concatenate([leaf] * runs)

    total = jnp.int32(ids.shape[0] * runs)
    prices = prices.astype(jnp.float32)
    return Queue(repeat(ids), repeat(prices), total, jnp.int32(0), *jax.tree.map(repeat, first))


def _follow(walk: Walk, node: Array, before: EngineState, after: EngineState, number: int) -> Array:
    """Return the node that each lane is in after a tick, ``[B]``."""
    acted = before.active & ~before.starting & (after.simulations == 0)
    entered = before.starting | (after.place != before.place)
    action = walk.action[node, before.simulations]
    # Where the episode has ended there is no node, and none is looked up.
    moved = jnp.maximum(walk.following[node, action], 0)
    return jnp.where(entered, walk.first[after.place % number], jnp.where(acted, moved, node))
