"""An episode searched again, so that the tree of each of its decisions can be looked at.

The engine runs the one episode with the keys that it had, and with the simulations that are known
of each decision; so it finds the same trees. A run keeps no trees: they are large.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from agents.metapolicies.rules.schedule import schedule
from experiments.evaluation import (
    TRACED,
    Domain,
    build_problem,
    load_params,
    make_planner,
    study_key,
)
from experiments.runs import Run
from rrplan import keys
from rrplan.capabilities import Rendered, offers, require
from rrplan.costs import Costs, traced
from rrplan.engine import lanes, trace
from rrplan.engine.state import Engine, EngineState, Queue
from rrplan.errors import InputError
from rrplan.models import Learned, Settings, make_model
from rrplan.planner import Planner
from rrplan.types import Array, Environment, PyTree

CLOSE = 1e-3
"""By how much a value of a tree may differ from what the run has noted, as a share of the largest:
with one lane instead of many, matrix kernels round differently."""
MOST_NODES, _LEAST_NODES = 30_000, 30
"""Nodes of all trees of a run together, about; but so many of each at least."""
_DIGITS = 5  # of the numbers in a tree
_UNTRIED = 20  # actions of a root that are shown though no simulation took them


class Searched(NamedTuple):
    """One decision: its tree, on the host, and where the episode stood."""

    tree: Any  # rrplan.search.trees.Tree with one lane, NumPy arrays
    root: int  # slot
    invalid_actions: np.ndarray  # [A] bool
    state: PyTree  # of the environment


def tell_again(run: Run, results: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Return the stories of results with states and trees, and why some lack them.

    A decision gets ``state``, a text, where the environment shows states as text, and ``tree``:
    nodes with the action ``a`` that leads there, visits ``n``, prior ``p``, reward ``r``, value
    ``q`` of the action, value ``v`` of the node, whether an episode ends there ``end``, and
    children ``c``; ``more`` says that some of them
    are left out. Where the search comes out otherwise than the run has noted, as with a limit of
    depth, decisions from there on have neither.

    Args:
        run: a finished one of planning depth.
        results: its results.
    """
    stories = [dict(story) for story in results.get("stories", ()) if story["decisions"]]
    if not stories:
        return [], ""
    try:
        problem = build_problem(run.config)
        planner = make_planner(problem, load_params(problem, run, 0), results["acting"])
    except InputError as error:
        return stories, f"No search trees: {error}."
    key, partly = study_key(problem.config, Domain.HELD_OUT), False
    decisions = sum(len(story["decisions"]) for story in stories)
    most = max(_LEAST_NODES, MOST_NODES // decisions)
    for story in stories:
        noted = story["decisions"]
        searched, found = replay(planner, key, story["episode"], [d["simulations"] for d in noted])
        whole = _same(noted, found)
        shown = [_show(one, planner, most) for one in searched[:whole]]
        rest: list[dict[str, Any]] = [{}] * (len(noted) - whole)
        story["decisions"] = [d | more for d, more in zip(noted, shown + rest, strict=True)]
        partly |= whole < len(noted)
    told = "Where a decision has no tree, its search did not come out the same again."
    return stories, told if partly else ""


def replay(
    planner: Planner, key: Array, episode: int, simulations: Sequence[int]
) -> tuple[list[Searched], dict[str, np.ndarray]]:
    """Return the decisions of an episode, searched again, and the trace of them by column.

    Args:
        planner: that ran the episode, with as many simulations at most.
        key: of the evaluation.
        episode: its id.
        simulations: of each decision.
    """
    environment = planner.environment
    env_params = jax.tree.map(jnp.asarray, planner.env_params)
    # One k for each index of the decision, whatever the number of legal actions. Its length and
    # the trace's are the same for every episode, which so share their programs.
    length = max(TRACED, len(simulations))
    table = np.zeros((length, environment.num_actions + 1), np.int32)
    table[: len(simulations)] = np.asarray(simulations)[:, None]
    settings = Settings(
        env_params=env_params,
        model_params=planner.params,
        meta_params=jnp.asarray(table),
        key=key,
        costs=traced(Costs()),
        **planner.traced_search(),
    )
    model = make_model(environment, env_params, planner.network)
    engine = Engine(model, schedule(), 1, planner.max_simulations, trace=length)
    queue = _queue(environment, settings, jnp.full(1, episode, jnp.int32))
    state = _start(engine, settings, queue)
    searched = []
    for _ in range(sum(simulations) + len(simulations) + 1):
        after = _tick(engine, settings, queue, state)
        ended = not bool(after.active[0])
        if ended or int(after.sums.length[0]) > int(state.sums.length[0]):
            searched.append(_look(engine, state))
        if ended or len(searched) == len(simulations):
            state = after
            break
        state = after
    record = trace.finish(state.trace)
    assert record is not None  # as the engine records
    columns = {
        name: np.asarray(column[0, : len(simulations)]) for name, column in record._asdict().items()
    }
    return searched, columns


_start = jax.jit(lanes.start, static_argnums=0)
_tick = jax.jit(lanes.tick, static_argnums=0)


@functools.partial(jax.jit, static_argnums=0)
def _queue(environment: Environment, settings: Settings, ids: Array) -> Queue:
    """Return the queue of one episode."""
    first = keys.first_states(environment, settings.env_params, settings.key, ids)
    return Queue(ids, jnp.zeros(1, jnp.float32), jnp.int32(1), jnp.int32(0), *first)


def _look(engine: Engine, state: EngineState) -> Searched:
    """Return the search of the one lane, which acts now."""
    root = int(state.root[0])
    state = jax.device_get(state)
    real = jax.tree.map(lambda leaf: leaf[0], state.real)
    model = engine.model
    if not isinstance(model, Learned):
        position = jax.tree.map(lambda leaf: leaf[root, 0], state.tree.states)
        real = model.division.join(position.state, real)
    return Searched(state.tree, root, np.asarray(state.invalid_actions[0]), real)


def _same(noted: Sequence[Mapping[str, Any]], found: Mapping[str, np.ndarray]) -> int:
    """Return how many decisions, the first ones, came out as they are noted."""
    size = max(1.0, *(abs(decision["search_value"]) for decision in noted))
    for place, decision in enumerate(noted):
        exact = all(
            decision[name] == found[name][place]
            for name in ("action", "simulations", "levels")
            if name in decision
        )
        apart = abs(decision["search_value"] - found["search_value"][place])
        if not (found["valid"][place] and exact and apart <= CLOSE * size):
            return place
    return len(noted)


def _show(searched: Searched, planner: Planner, most: int) -> dict[str, Any]:
    shown: dict[str, Any] = {"tree": nodes_of(searched, most)}
    if offers(planner.environment, Rendered):
        shown["state"] = require(planner.environment, Rendered).render_text(searched.state)
    return shown


def nodes_of(searched: Searched, most: int) -> list[dict[str, Any]]:
    """Return the legal actions of the root, the most visited first, with what is below each.

    Of actions that were never tried, the likeliest are among them.

    Args:
        searched: a decision.
        most: nodes below the root's actions, about; of larger trees the most visited are kept, and
            a node that has more children says so: ``more``.
    """
    tree = searched.tree
    least = _least_visits(searched, most)

    def below(slot: int) -> list[dict[str, Any]]:
        visits, priors = tree.visit_counts[slot, 0], tree.prior_probs[slot, 0]
        shown = np.flatnonzero(visits >= least)
        if slot == searched.root:
            tried = np.flatnonzero(visits > 0)
            untried = np.flatnonzero(~searched.invalid_actions & (visits == 0))
            likeliest = sorted(untried, key=lambda a: (-priors[a], a))[:_UNTRIED]
            shown = [*tried, *likeliest]
        order = sorted(shown, key=lambda a: (-visits[a], -priors[a], a))
        return [node(slot, int(action)) for action in order]

    def node(slot: int, action: int) -> dict[str, Any]:
        visits, child = (int(of[slot, 0, action]) for of in (tree.visit_counts, tree.children))
        told: dict[str, Any] = {
            "a": action,
            "n": visits,
            "p": _short(tree.prior_probs[slot, 0, action]),
        }
        if visits:
            told["q"] = _short(tree.qvalues[slot, 0, action])
            told["r"] = _short(tree.rewards[child, 0])
            told["v"] = _short(tree.node_values[child, 0])
            if tree.discounts[child, 0] == 0:
                told["end"] = True
            if under := below(child):
                told["c"] = under
            if len(under) < (tree.visit_counts[child, 0] > 0).sum():
                told["more"] = True
        return told

    return below(searched.root)


def _least_visits(searched: Searched, most: int) -> int:
    """Return the visits that an edge must have, so that about ``most`` are shown."""
    tree, found, slots = searched.tree, [], [searched.root]
    while slots:
        slot = slots.pop()
        tried = np.flatnonzero(tree.visit_counts[slot, 0] > 0)
        found += tree.visit_counts[slot, 0, tried].tolist()
        slots += tree.children[slot, 0, tried].tolist()
    found.sort(reverse=True)
    return 1 if len(found) <= most else found[most] + 1


def _short(number: Any) -> float:
    return float(f"{float(number):.{_DIGITS}g}")
