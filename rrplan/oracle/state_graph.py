"""Instances as graphs: every state in which an episode may have to act, and where it leads.

An environment that lists the states of an instance (``enumerate_states``) and steps without
chance is walked through from its first states, a block of states at a time, all their legal
actions at once. Where a step leads is looked up in the list by the bytes of the state.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rrplan import keys
from rrplan.capabilities import Enumerable, Priced, name_of, offers, require
from rrplan.costs import UNSOUND, sound
from rrplan.errors import InputError
from rrplan.oracle import state_index
from rrplan.types import Array, Environment, PyTree

ENDED, UNKNOWN = -1, -2  # instead of a node: the episode ends; the action is illegal

_BLOCK = 1024  # states stepped at a time
_LISTED = 2**17  # states listed at a time, of as many instances as they make


class ListingError(InputError):
    """What ``enumerate_states`` lists does not fit the environment."""


class Graph(NamedTuple):
    """All nodes of ``I`` instances, ``N`` in all; those of an instance stand side by side.

    A node is a state that can be reached and in which the episode goes on.
    """

    ids: np.ndarray  # [I] int32, the instances' episodes
    first: np.ndarray  # [I] int32, node of each instance's first state
    instance: np.ndarray  # [N] int32
    state: np.ndarray  # [N] int32, its place in the list of its instance's states
    invalid_actions: np.ndarray  # [N, A] bool
    following: np.ndarray  # [N, A] int32, the node that an action leads to, ENDED or UNKNOWN
    reward: np.ndarray  # [N, A] float32, 0 where illegal
    height: np.ndarray  # [N] int32, the most decisions that can come after this one
    factor: np.ndarray  # [N] float32, what multiplies the price of thinking there

    @property
    def legal_actions(self) -> np.ndarray:
        """How many actions are legal, ``[N]`` int32."""
        return (~self.invalid_actions).sum(axis=1, dtype=np.int32)


class Listing(NamedTuple):
    """The lists of some instances, one after another: ``T`` rows in all."""

    states: PyTree  # [T, ...]
    raw: Array  # [T, W] uint8, their bytes
    first: Array  # [C, W] uint8, the bytes of the first states
    observation: PyTree  # [C, ...] of the first states


class Steps(NamedTuple):
    """What all actions of some states lead to."""

    legal: Array  # [R, A] bool
    raw: Array  # [R, A, W] uint8, bytes of the next state
    observation: PyTree  # [R, A, ...]
    reward: Array  # [R, A]
    done: Array  # [R, A] bool
    chance: Array  # [R, A] bool, another key leads elsewhere


def explore(
    environment: Environment, env_params: PyTree, key: Array, ids: np.ndarray
) -> tuple[Graph, PyTree, PyTree]:
    """Find all nodes of the episodes that :func:`rrplan.evaluate` draws for ``key`` and ``ids``.

    Args:
        environment: static, with ``enumerate_states(first_state, params) -> [S, ...]``: all
            states that can be reached from there, the first and those that end an episode
            included, in any order; others may be among them.
        env_params: arrays.
        key: scalar key.
        ids: ``[I]`` int32.

    Returns:
        The graph, and the nodes' states and observations, pytrees of arrays ``[N, ...]``.

    Raises:
        ListingError: the list has wrong shapes, or lacks a state that is reached.
        InputError: there is no list; a step is subject to chance; what is seen of a state
            depends on the way there; a reward or the price's factor is not finite, or the factor
            below 0; no action is legal; one can return to a state.
    """
    size = _count_states(environment, env_params)
    together = min(len(ids), max(1, _LISTED // size))
    parts, nodes = [], 0
    for start in range(0, len(ids), together):
        some = ids[start : start + together]
        graph, *told = _explore(environment, env_params, key, some, together)
        parts.append((_shift(graph, nodes, start), *told))
        nodes += len(graph.instance)
    graphs, states, observations = zip(*parts, strict=True)
    graph = Graph(*(np.concatenate(fields) for fields in zip(*graphs, strict=True)))
    states = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *states)
    observations = jax.tree.map(lambda *leaves: np.concatenate(leaves), *observations)
    return graph._replace(height=_measure_heights(graph)), states, observations


def refuse(bad: np.ndarray, ids: np.ndarray, sentence: str, error=InputError) -> None:
    """Raise an error with the first id for which ``bad [n]`` is true of ``ids [n]``."""
    if bad.any():
        raise error(f"episode {ids[bad.argmax()]}: {sentence}")


def _measure_heights(graph: Graph) -> np.ndarray:
    """Return the most decisions that can come after the one at each node; refuse cycles."""
    unknown = np.iinfo(np.int32).max
    # Two more at the end, where ENDED and UNKNOWN point to.
    height = np.full(len(graph.instance) + 2, unknown, np.int32)
    height[[ENDED, UNKNOWN]] = -1
    left = np.arange(len(graph.instance))
    while left.size:
        below = height[graph.following[left]].max(axis=1)
        ready = below < unknown
        if not ready.any():
            refuse(
                ~ready,
                graph.ids[graph.instance[left]],
                "it can return to a state it has left, expected a state that counts its steps",
            )
        height[left[ready]] = below[ready] + 1
        left = left[~ready]
    return height[:-2]


def _count_states(environment: Environment, env_params: PyTree) -> int:
    """Return how many states are listed of an instance, ``S``; refuse what is no list of them."""
    enumerable = require(environment, Enumerable)
    key = jax.eval_shape(lambda: jax.random.key(0))
    state, _ = jax.eval_shape(environment.reset, key, env_params)
    listed = jax.eval_shape(enumerable.enumerate_states, state, env_params)
    leaves = jax.tree.leaves(listed)
    size = leaves[0].shape[0] if leaves and leaves[0].shape else 0
    told = _describe(listed)
    expected = _describe(state, size or "S")
    if not size or told != expected:
        raise ListingError(
            f"enumerate_states of {name_of(environment)} returns {told}: expected {expected}"
        )
    return size


def _describe(states: PyTree, *axes: int | str) -> str:
    """Return the types of some leaves, with more leading axes, on one line."""

    def describe(leaf):
        return f"{leaf.dtype}[{','.join(map(str, (*axes, *leaf.shape)))}]"

    return str(jax.tree.map(describe, states))


def _explore(
    environment: Environment, env_params: PyTree, key: Array, ids: np.ndarray, together: int
) -> tuple[Graph, PyTree, PyTree]:
    """Explore some instances side by side; the lists are ``together``, so that shapes are one."""
    listing = _list_states(environment, env_params, key, np.resize(ids, together))
    notes = _Notes(ids, environment.num_actions, listing)
    pending = notes.begin(listing)
    while pending.size:
        rows, pending = pending[:_BLOCK], pending[_BLOCK:]
        steps = _step(environment, env_params, key, listing.states, np.resize(rows, _BLOCK))
        pending = np.concatenate([pending, notes.record(rows, steps)])
    graph, rows = notes.finish()
    states = _take(listing.states, rows)
    if offers(environment, Priced):
        factor = jax.vmap(environment.price_factor, (0, None))(states, env_params)
        graph = graph._replace(factor=np.asarray(factor))
        refuse(~np.asarray(sound(factor)), ids[graph.instance], UNSOUND)
    return graph, states, _take(notes.observations, rows)


class _Notes:
    """What is known of some instances so far. A row is a place in all of their lists together."""

    def __init__(self, ids: np.ndarray, num_actions: int, listing: Listing):
        raw = np.asarray(listing.raw)
        total, self._size = len(raw), len(raw) // len(listing.first)
        self._ids = ids
        self._find = state_index.make_index(np.arange(total) // self._size, raw)
        self._seen = np.zeros(total, bool)
        self._legal = np.zeros((total, num_actions), bool)
        self._following = np.full((total, num_actions), UNKNOWN, np.int32)
        self._reward = np.zeros((total, num_actions), np.float32)
        self.observations = jax.tree.map(
            lambda leaf: np.zeros((total, *leaf.shape[1:]), leaf.dtype), listing.observation
        )

    def begin(self, listing: Listing) -> np.ndarray:
        """Note the first states; return their rows."""
        instance = np.arange(len(self._ids))
        first, seen = jax.tree.map(
            lambda leaf: np.asarray(leaf)[instance], (listing.first, listing.observation)
        )
        self._first = self._find(instance, first)
        missing = "enumerate_states does not list the first state"
        refuse(self._first < 0, self._ids, missing, ListingError)
        return self._meet(self._first, seen)

    def record(self, rows: np.ndarray, steps: Steps) -> np.ndarray:
        """Note where the steps from these rows lead; return the rows not met before.

        ``steps`` may say more at its end than there are rows.
        """
        told = jax.tree.map(lambda leaf: np.asarray(leaf)[: len(rows)], steps)
        none = ~told.legal.any(axis=1)
        refuse(none, self._id(rows), "no action is legal in a state in which it goes on")
        place, action = np.nonzero(told.legal)
        row = rows[place]
        told = jax.tree.map(lambda leaf: leaf[place, action], told)
        refuse(told.chance, self._id(row), "a step leads elsewhere under another key")
        refuse(~np.isfinite(told.reward), self._id(row), "a reward is NaN or infinite")
        target = self._find(row // self._size, told.raw)
        missing = "enumerate_states does not list what a step leads to"
        refuse(target < 0, self._id(row), missing, ListingError)
        self._legal[row, action] = True
        self._reward[row, action] = told.reward
        self._following[row, action] = np.where(told.done, ENDED, target)
        onward = ~told.done
        return self._meet(target[onward], jax.tree.map(lambda leaf: leaf[onward], told.observation))

    def finish(self) -> tuple[Graph, np.ndarray]:
        """Return the graph of what was met, and the row of each node."""
        rows = np.flatnonzero(self._seen)
        number = np.cumsum(self._seen, dtype=np.int32) - 1
        following = self._following[rows]
        graph = Graph(
            ids=self._ids,
            first=number[self._first],
            instance=(rows // self._size).astype(np.int32),
            state=(rows % self._size).astype(np.int32),
            invalid_actions=~self._legal[rows],
            following=np.where(following >= 0, number[following], following),
            reward=self._reward[rows],
            height=np.zeros(len(rows), np.int32),  # measured when all are together
            factor=np.ones(len(rows), np.float32),
        )
        return graph, rows

    def _meet(self, rows: np.ndarray, observations: PyTree) -> np.ndarray:
        """Note what is seen of the states in these rows; return the rows not met before."""
        new = ~self._seen[rows]
        for known, leaf in zip(
            jax.tree.leaves(self.observations), jax.tree.leaves(observations), strict=True
        ):
            known[rows[new]] = leaf[new]
            same = np.isclose(known[rows], leaf, rtol=1e-4, atol=1e-5, equal_nan=True)
            other = ~same.all(axis=tuple(range(1, same.ndim)))
            refuse(other, self._id(rows), "what is seen of a state depends on the way to it")
        self._seen[rows] = True
        return np.unique(rows[new])

    def _id(self, rows: np.ndarray) -> np.ndarray:
        return self._ids[rows // self._size]


def _shift(graph: Graph, nodes: int, instances: int) -> Graph:
    """Return the graph with its nodes and instances numbered from these on."""
    following = graph.following
    return graph._replace(
        first=graph.first + np.int32(nodes),
        instance=graph.instance + np.int32(instances),
        following=np.where(following >= 0, following + np.int32(nodes), following),
    )


@functools.partial(jax.jit, static_argnames="environment")
def _list_states(environment: Environment, env_params: PyTree, key: Array, ids: Array) -> Listing:
    first, observation = keys.first_states(environment, env_params, key, ids)
    enumerable = require(environment, Enumerable)
    listed = jax.vmap(enumerable.enumerate_states, (0, None))(first, env_params)
    states = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), listed)
    return Listing(
        states, state_index.as_bytes(states, 1), state_index.as_bytes(first, 1), observation
    )


@functools.partial(jax.jit, static_argnames="environment")
def _step(
    environment: Environment, env_params: PyTree, key: Array, states: PyTree, rows: Array
) -> Steps:
    """Step the states in these rows by every action, under two keys each."""
    actions = jnp.arange(environment.num_actions)
    shape = (rows.size, actions.size)
    invalid = jax.vmap(environment.invalid_actions, (0, None))(_take(states, rows), env_params)
    # One lane a step, as in the engine: shared states would be computed with otherwise, and a
    # reward could differ in its last digit.
    lanes = _take(states, jnp.repeat(rows, actions.size)), jnp.tile(actions, rows.size)
    step = jax.vmap(environment.step, (0, 0, 0, None))
    one, other = (
        jax.tree.map(
            lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), step(step_keys, *lanes, env_params)
        )
        for step_keys in jax.random.split(key, (2, rows.size * actions.size))
    )
    differ = jax.tree.map(state_index.differ, one, other)
    return Steps(
        legal=~invalid,
        raw=state_index.as_bytes(one.state, 2),
        observation=one.observation,
        reward=one.reward,
        done=one.terminated | one.truncated,
        chance=functools.reduce(jnp.logical_or, jax.tree.leaves(differ)),
    )


def _take(states: PyTree, rows: Array | np.ndarray) -> PyTree:
    return jax.tree.map(lambda leaf: leaf[rows], states)
