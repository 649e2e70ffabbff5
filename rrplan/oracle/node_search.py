"""What a planner does in every node of a graph: the action after each number of simulations.

With a network the graph is the model: a simulation neither steps the environment nor asks the
network, which has evaluated every node before. :mod:`rrplan.oracle.imagined_search` is for learned
models.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx
import numpy as np

from rrplan import search
from rrplan.engine import memory
from rrplan.models import Model, Position, Settings
from rrplan.oracle.state_graph import ENDED, Graph, refuse
from rrplan.search import final_action
from rrplan.types import Array, PyTree

Progress = Callable[[int, int], None]
"""``(nodes searched, nodes to search)``"""
Find = Callable[[np.ndarray, Array], tuple[Array, Array]]
"""``(nodes [B], depth limit) ->`` actions and levels after each k, ``[B, K + 1]`` each."""

_LANES = 256  # nodes searched at a time


class Known(NamedTuple):
    """The graph as the search's model, with the network's word on each node.

    ``P`` is ``N``, padded to a power of two so that graphs of about one size share a program.
    """

    following: Array  # [P, A] int32
    reward: Array  # [P, A]
    invalid_actions: Array  # [P, A] bool
    prior_logits: Array  # [P, A]
    value: Array  # [P]


def evaluate_nodes(
    model: Model, settings: Settings, graph: Graph, states: PyTree, observations: PyTree, batch: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return every node's masked prior logits ``[N, A]`` and value ``[N]``.

    Args:
        model: the engine's, static.
        settings: traced.
        graph: whose nodes these are.
        states: ``[N, ...]``.
        observations: ``[N, ...]``.
        batch: how many the network is shown at a time.

    Raises:
        InputError: for a network whose output is not finite.
    """
    everything = jax.tree.map(jnp.asarray, (states, observations))  # to the device, once
    answers = []
    for nodes, count in _batches(np.arange(len(graph.instance)), batch):
        answer = _evaluate(model, settings, *take(everything, nodes))
        answers.append([np.asarray(part)[:count] for part in answer])
    logits, value = map(np.concatenate, zip(*answers, strict=True))
    finite = np.isfinite(logits).all(axis=1) & np.isfinite(value)
    message = "the network's output is NaN or infinite, expected finite numbers"
    refuse(~finite, graph.ids[graph.instance], message)
    return logits, value


def search_nodes(
    settings: Settings,
    graph: Graph,
    prior_logits: np.ndarray,
    value: np.ndarray,
    max_simulations: int,
    depths: Sequence[int],
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is done in every node after each k, at each depth limit.

    The action taken, ``[N, D, K + 1]`` int16, and the levels that the simulations went down until
    then, ``[N, D, K + 1]`` int32.

    Args:
        settings: of which the rule of acting and the constants of PUCT are read.
        graph: the search's model.
        prior_logits: ``[N, A]``, masked.
        value: ``[N]``.
        max_simulations: static, ``K``.
        depths: limits of depth, ``D`` of them.
        progress: called after every batch.

    Raises:
        InputError: where the trees do not fit into memory.
    """
    total, num_actions = graph.following.shape
    memory.check_fits(_LANES, max_simulations, num_actions, jax.ShapeDtypeStruct((), jnp.int32))
    room = 1 << (total - 1).bit_length()

    def pad(rows: np.ndarray) -> Array:
        return jnp.asarray(np.pad(rows, [(0, room - total)] + [(0, 0)] * (rows.ndim - 1)))

    known = Known(
        pad(graph.following),
        pad(graph.reward),
        pad(graph.invalid_actions),
        pad(prior_logits),
        pad(value),
    )
    # No parameters are needed here, and passing them would compile the search anew.
    settings = settings._replace(env_params=(), model_params=())

    def find(nodes: np.ndarray, depth: Array) -> tuple[Array, Array]:
        return _search(known, settings, nodes, depth, max_simulations)

    return note_all(find, graph, max_simulations, depths, _LANES, progress)


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
    only = graph.invalid_actions.argmin(axis=1).astype(np.int16)
    shape = (len(only), len(depths), max_simulations + 1)
    actions = np.broadcast_to(only[:, None, None], shape).copy()
    levels = np.zeros(shape, np.int32)
    todo, done = np.flatnonzero(graph.legal_actions > 1), 0
    for nodes, count in _batches(todo, batch):
        for place, depth in enumerate(depths):
            found = find(nodes, jnp.int32(depth))
            actions[nodes[:count], place], levels[nodes[:count], place] = (
                np.asarray(part)[:count] for part in found
            )
        done += count
        if progress is not None:
            progress(done, len(todo))
    return actions, levels


@functools.partial(jax.jit, static_argnames="model")
def _evaluate(
    model: Model, settings: Settings, state: PyTree, observation: PyTree
) -> tuple[Array, Array]:
    """Let the engine's model answer for real states, ``[B, ...]``."""
    batch = jax.tree.leaves(state)[0].shape[0]
    root_keys = jnp.broadcast_to(settings.key, batch)
    position = Position(state, jnp.zeros(batch, bool))
    answer = model.root(settings, root_keys, position, observation)
    return answer.prior_logits, answer.value


@functools.partial(jax.jit, static_argnames="max_simulations")
def _search(
    known: Known, settings: Settings, nodes: Array, depth: Array, max_simulations: int
) -> tuple[Array, Array]:
    """Return the actions taken in these nodes after each k, and the levels; ``[B, K + 1]`` each."""
    invalid = known.invalid_actions[nodes]
    root = mctx.RootFnOutput(
        prior_logits=known.prior_logits[nodes], value=known.value[nodes], embedding=nodes
    )
    recurrent_fn = functools.partial(_imagine, settings.discount)
    return note_each(root, invalid, known, recurrent_fn, settings, depth, max_simulations)


def note_each(
    root: mctx.RootFnOutput,
    invalid: Array,
    params: PyTree,
    recurrent_fn: mctx.RecurrentFn,
    settings: Settings,
    depth: Array,
    max_simulations: int,
) -> tuple[Array, Array]:
    """Return the actions taken after each k, and the levels; ``[B, K + 1]`` each."""
    # Room for one simulation more: the last is run, and nobody looks at it.
    state = search.init(root, max_simulations=max_simulations + 1, invalid_actions=invalid)
    c_init, c_base = settings.c_init, settings.c_base

    def act_and_simulate(state, _):
        action = final_action.choose_action(settings.acting, search.roots(state), invalid)
        levels = state.levels
        state = search.step(
            state, params, settings.key, recurrent_fn, 1,
            max_depth=depth, pb_c_init=c_init, pb_c_base=c_base,
        )  # fmt: skip
        return state, (action, levels)

    _, (actions, levels) = jax.lax.scan(act_and_simulate, state, length=max_simulations + 1)
    return actions.T, levels.T


def _imagine(
    discount: Array, known: Known, key: Array, action: Array, node: Array
) -> tuple[mctx.RecurrentFnOutput, Array]:
    """Step in the graph, as the engine steps in the environment; an mctx ``recurrent_fn``.

    The graph knows legal actions only, and PUCT tries no other: an action whose prior is 0 scores
    least, and loses ties to one that has a prior.
    """
    del key
    following = known.following[node, action]
    ended, after = following == ENDED, jnp.maximum(following, 0)
    output = mctx.RecurrentFnOutput(
        reward=known.reward[node, action],
        discount=jnp.where(ended, 0.0, discount),
        prior_logits=known.prior_logits[after],
        value=jnp.where(ended, 0.0, known.value[after]),
    )
    return output, after


@jax.jit
def take(tree: PyTree, nodes: Array) -> PyTree:
    """Return the rows of these nodes."""
    return jax.tree.map(lambda leaf: leaf[nodes], tree)


def _batches(nodes: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Yield ``(nodes [size], how many are meant)``: the last is filled up with some of its own."""
    for start in range(0, len(nodes), size):
        some = nodes[start : start + size]
        yield np.resize(some, size), len(some)
