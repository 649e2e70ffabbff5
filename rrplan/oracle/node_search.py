"""What a planner does in the nodes of a graph: the action after each number of simulations.

The graph is the model, so a simulation neither steps the environment nor asks the network, which
has evaluated every node before.
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
from rrplan.engine.consult import NO_DEPTH_LIMIT
from rrplan.models import Model, Position, Settings
from rrplan.oracle.state_graph import ENDED, Graph, refuse
from rrplan.search import final_action
from rrplan.types import Array, PyTree

Progress = Callable[[int, int], None]
"""``(nodes searched, nodes to search)``"""

_LANES = 256  # nodes searched at a time


class Found(NamedTuple):
    """What searches from some nodes have found after some numbers of simulations, ``G`` of them."""

    action: np.ndarray  # [n, G] int16, taken then
    levels: np.ndarray  # [n, G] int32, that the simulations went down in all
    visit_counts: np.ndarray  # [n, G, A] int16
    qvalues: np.ndarray  # [n, G, A] float32, 0 where unvisited
    search_value: np.ndarray  # [n, G] float32, mean over the network's value and the simulations


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
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every node's masked prior logits ``[N, A]``, value ``[N]`` and features ``[N, F]``.

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
        answer = _evaluate(model, settings, *_take(everything, nodes))
        answers.append([np.asarray(part)[:count] for part in answer])
    logits, value, features = map(np.concatenate, zip(*answers, strict=True))
    finite = np.isfinite(logits).all(axis=1) & np.isfinite(value)
    message = "the network's output is NaN or infinite, expected finite numbers"
    refuse(~finite, graph.ids[graph.instance], message)
    return logits, value, features


def make_known(graph: Graph, prior_logits: np.ndarray, value: np.ndarray) -> Known:
    """Return a graph as the search's model.

    Args:
        graph: of ``N`` nodes.
        prior_logits: ``[N, A]``, masked.
        value: ``[N]``.
    """
    total = len(graph.following)
    room = 1 << (total - 1).bit_length()

    def pad(rows: np.ndarray) -> Array:
        return jnp.asarray(np.pad(rows, [(0, room - total)] + [(0, 0)] * (rows.ndim - 1)))

    return Known(
        pad(graph.following),
        pad(graph.reward),
        pad(graph.invalid_actions),
        pad(prior_logits),
        pad(value),
    )


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
    _check_fits(max_simulations, num_actions)
    known = make_known(graph, prior_logits, value)
    settings = _without_parameters(settings)
    # With one legal action there is nothing to search, and the engine does not.
    only = _first_legal(graph)
    shape = (total, len(depths), max_simulations + 1)
    actions = np.broadcast_to(only[:, None, None], shape).copy()
    levels = np.zeros(shape, np.int32)
    todo, done = np.flatnonzero(graph.legal_actions > 1), 0
    for nodes, count in _batches(todo, _LANES):
        for place, depth in enumerate(depths):
            limit = jnp.int32(depth)
            found = _search(known, settings, nodes, limit, max_simulations, _tell_decision)
            actions[nodes[:count], place], levels[nodes[:count], place] = (
                np.asarray(part)[:count] for part in found
            )
        done += count
        if progress is not None:
            progress(done, len(todo))
    return actions, levels


def search_from(
    settings: Settings, graph: Graph, known: Known, nodes: np.ndarray, ks: Sequence[int]
) -> Found:
    """Return what the searches from some nodes have found after each of ``ks`` simulations.

    There is no limit of depth. Where one action is legal nothing is searched.

    Args:
        settings: of which the rule of acting and the constants of PUCT are read.
        graph: the search's model.
        known: of :func:`make_known`, the same graph.
        nodes: ``[n]``, to search from.
        ks: ``G`` numbers of simulations, rising; static.

    Raises:
        InputError: where the trees do not fit into memory.
    """
    num_actions = graph.following.shape[1]
    _check_fits(ks[-1], num_actions)
    settings = _without_parameters(settings)
    shape = (len(nodes), len(ks))
    found = Found(
        np.broadcast_to(_first_legal(graph)[nodes][:, None], shape).copy(),
        np.zeros(shape, np.int32),
        np.zeros((*shape, num_actions), np.int16),
        np.zeros((*shape, num_actions), np.float32),
        np.broadcast_to(np.asarray(known.value)[nodes][:, None], shape).copy(),
    )
    at, todo = np.asarray(ks), np.flatnonzero(graph.legal_actions[nodes] > 1)
    for places, count in _batches(todo, _LANES):
        batch, limit = jnp.asarray(nodes[places]), jnp.int32(NO_DEPTH_LIMIT)
        parts = _search(known, settings, batch, limit, ks[-1], _tell_all)
        for store, part in zip(found, parts, strict=True):
            store[places[:count]] = np.asarray(part)[:count, at]
    return found


@functools.partial(jax.jit, static_argnames="model")
def _evaluate(
    model: Model, settings: Settings, state: PyTree, observation: PyTree
) -> tuple[Array, Array, Array]:
    """Let the engine's model answer for real states, ``[B, ...]``."""
    batch = jax.tree.leaves(state)[0].shape[0]
    root_keys = jnp.broadcast_to(settings.key, batch)
    position = Position(state, jnp.zeros(batch, bool))
    answer = model.root(settings, root_keys, position, observation)
    return answer.prior_logits, answer.value, answer.features


@functools.partial(jax.jit, static_argnames=("max_simulations", "tell"))
def _search(
    known: Known,
    settings: Settings,
    nodes: Array,
    depth: Array,
    max_simulations: int,
    tell: Callable[[Settings, search.State], tuple[Array, ...]],
) -> tuple[Array, ...]:
    """Return what ``tell`` says of the searches from these nodes after each k, ``[B, K + 1, ...]``.

    ``tell`` is static.
    """
    invalid = known.invalid_actions[nodes]
    root = mctx.RootFnOutput(
        prior_logits=known.prior_logits[nodes], value=known.value[nodes], embedding=nodes
    )
    # Room for one simulation more: the last is run, and nobody looks at it.
    state = search.init(root, max_simulations=max_simulations + 1, invalid_actions=invalid)
    recurrent_fn = functools.partial(_imagine, settings.discount)
    c_init, c_base = settings.c_init, settings.c_base

    def tell_and_simulate(state, _):
        told = tell(settings, state)
        state = search.step(
            state, known, settings.key, recurrent_fn, 1,
            max_depth=depth, pb_c_init=c_init, pb_c_base=c_base,
        )  # fmt: skip
        return state, told

    _, told = jax.lax.scan(tell_and_simulate, state, length=max_simulations + 1)
    return tuple(jnp.swapaxes(part, 0, 1) for part in told)


def _tell_decision(settings: Settings, state: search.State) -> tuple[Array, ...]:
    """Return the action taken now, and the levels."""
    rows = search.roots(state)
    action = final_action.choose_action(settings.acting, rows, state.invalid_actions)
    return action, state.levels


def _tell_all(settings: Settings, state: search.State) -> tuple[Array, ...]:
    """Return the fields of :class:`Found`, as they are now."""
    rows = search.roots(state)
    told = (rows.visit_counts, rows.qvalues, rows.node_value)
    return (*_tell_decision(settings, state), *told)


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


def _without_parameters(settings: Settings) -> Settings:
    """Return settings for a search in a graph: it needs no parameters, which would compile anew."""
    return settings._replace(env_params=(), model_params=())


def _first_legal(graph: Graph) -> np.ndarray:
    """Return the first legal action of every node, ``[N]`` int16."""
    return graph.invalid_actions.argmin(axis=1).astype(np.int16)


def _check_fits(max_simulations: int, num_actions: int) -> None:
    """Refuse trees that do not fit into memory."""
    memory.check_fits(_LANES, max_simulations, num_actions, jax.ShapeDtypeStruct((), jnp.int32))


@jax.jit
def _take(tree: PyTree, nodes: Array) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[nodes], tree)


def _batches(nodes: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Yield ``(nodes [size], how many are meant)``: the last is filled up with some of its own."""
    for start in range(0, len(nodes), size):
        some = nodes[start : start + size]
        yield np.resize(some, size), len(some)
