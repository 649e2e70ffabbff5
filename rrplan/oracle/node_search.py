"""What a planner does in the nodes of a graph: the action after each number of simulations.

With a network the graph is the model: a simulation neither steps the environment nor asks the
network, which has evaluated every node before. :mod:`rrplan.oracle.imagined_search` is for learned
models.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx
import numpy as np

from rrplan import search
from rrplan.engine import memory
from rrplan.engine.consult import NO_DEPTH_LIMIT
from rrplan.models import Model, Position, Settings
from rrplan.oracle.noting import (
    Progress,
    Tell,
    batches,
    first_legal,
    note_all,
    note_each,
    take,
    tell_decision,
)
from rrplan.oracle.state_graph import ENDED, Graph, refuse
from rrplan.types import Array, PyTree

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
    for nodes, count in batches(np.arange(len(graph.instance)), batch):
        answer = _evaluate(model, settings, *take(everything, nodes))
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
    _check_fits(max_simulations, graph.following.shape[1])
    known = make_known(graph, prior_logits, value)
    settings = _without_parameters(settings)

    def find(nodes: np.ndarray, depth: Array) -> tuple[Array, ...]:
        return _search(known, settings, nodes, depth, max_simulations, tell_decision)

    return note_all(find, graph, max_simulations, depths, _LANES, progress)


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
        np.broadcast_to(first_legal(graph)[nodes][:, None], shape).copy(),
        np.zeros(shape, np.int32),
        np.zeros((*shape, num_actions), np.int16),
        np.zeros((*shape, num_actions), np.float32),
        np.broadcast_to(np.asarray(known.value)[nodes][:, None], shape).copy(),
    )
    at, todo = np.asarray(ks), np.flatnonzero(graph.legal_actions[nodes] > 1)
    for places, count in batches(todo, _LANES):
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
    tell: Tell,
) -> tuple[Array, ...]:
    """Return what ``tell`` (static) says of the searches from these nodes, as :func:`note_each`."""
    invalid = known.invalid_actions[nodes]
    root = mctx.RootFnOutput(
        prior_logits=known.prior_logits[nodes], value=known.value[nodes], embedding=nodes
    )
    recurrent_fn = functools.partial(_imagine, settings.discount)
    return note_each(root, invalid, known, recurrent_fn, settings, depth, max_simulations, tell)


def _tell_all(settings: Settings, state: search.State) -> tuple[Array, ...]:
    """Return the fields of :class:`Found`, as they are now."""
    rows = search.roots(state)
    told = (rows.visit_counts, rows.qvalues, rows.node_value)
    return (*tell_decision(settings, state), *told)


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


def _check_fits(max_simulations: int, num_actions: int) -> None:
    """Refuse trees that do not fit into memory."""
    memory.check_fits(_LANES, max_simulations, num_actions, jax.ShapeDtypeStruct((), jnp.int32))
