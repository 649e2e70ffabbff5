"""Searches from many nodes, noted after every simulation: what all searches of the oracle share."""

from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import mctx
import numpy as np

from rrplan import search
from rrplan.models import Settings
from rrplan.oracle.state_graph import Graph
from rrplan.search import final_action
from rrplan.types import Array, PyTree

Progress = Callable[[int, int], None]
"""``(nodes searched, nodes to search)``"""
Find = Callable[[np.ndarray, Array], tuple[Array, ...]]
"""``(nodes [B], depth limit) ->`` actions and levels after each k, ``[B, K + 1]`` each."""
Tell = Callable[[Settings, search.State], tuple[Array, ...]]
"""``(settings, a search) ->`` what is noted of it, ``[B, ...]`` each."""


def tell_decision(settings: Settings, state: search.State) -> tuple[Array, ...]:
    """Return the action taken now, and the levels."""
    rows = search.roots(state)
    action = final_action.choose_action(settings.acting, rows, state.invalid_actions)
    return action, state.levels


def note_each(
    root: mctx.RootFnOutput,
    invalid: Array,
    params: PyTree,
    recurrent_fn: mctx.RecurrentFn,
    settings: Settings,
    depth: Array,
    max_simulations: int,
    tell: Tell = tell_decision,
) -> tuple[Array, ...]:
    """Search, and return what ``tell`` says after each k, ``[B, K + 1, ...]`` each."""
    # Room for one simulation more: the last is run, and nobody looks at it.
    state = search.init(root, max_simulations=max_simulations + 1, invalid_actions=invalid)
    c_init, c_base = settings.c_init, settings.c_base

    def tell_and_simulate(state, _):
        told = tell(settings, state)
        state = search.step(
            state, params, settings.key, recurrent_fn, 1,
            max_depth=depth, pb_c_init=c_init, pb_c_base=c_base,
        )  # fmt: skip
        return state, told

    _, told = jax.lax.scan(tell_and_simulate, state, length=max_simulations + 1)
    return tuple(jnp.swapaxes(part, 0, 1) for part in told)


def note_all(
    find: Find,
    graph: Graph,
    max_simulations: int,
    depths: Sequence[int],
    batch: int,
    progress: Progress | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what ``find`` finds for all nodes with a choice; elsewhere the one action is taken."""
    # With one legal action there is nothing to search, and the engine does not.
    only = first_legal(graph)
    shape = (len(only), len(depths), max_simulations + 1)
    actions = np.broadcast_to(only[:, None, None], shape).copy()
    levels = np.zeros(shape, np.int32)
    todo, done = np.flatnonzero(graph.legal_actions > 1), 0
    for nodes, count in batches(todo, batch):
        for place, depth in enumerate(depths):
            found = find(nodes, jnp.int32(depth))
            actions[nodes[:count], place], levels[nodes[:count], place] = (
                np.asarray(part)[:count] for part in found
            )
        done += count
        if progress is not None:
            progress(done, len(todo))
    return actions, levels


def first_legal(graph: Graph) -> np.ndarray:
    """Return the first legal action of every node, ``[N]`` int16."""
    return graph.invalid_actions.argmin(axis=1).astype(np.int16)


@jax.jit
def take(tree: PyTree, nodes: Array) -> PyTree:
    """Return the rows of these nodes."""
    return jax.tree.map(lambda leaf: leaf[nodes], tree)


def batches(nodes: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Yield ``(nodes [size], how many are meant)``: the last is filled up with some of its own."""
    for start in range(0, len(nodes), size):
        some = nodes[start : start + size]
        yield np.resize(some, size), len(some)
