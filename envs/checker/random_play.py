"""Random play for the checker: the environment is stepped alone, and in lanes."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs.adapters.gymnax_adapter import state_dtypes
from envs.checker.subject import First, Outcome, Subject, path_name
from rrplan.types import Array, PyTree

LANES = 16


class Tick(NamedTuple):
    """One step of all lanes: no state here is one that an episode ended in.

    ``B`` is ``LANES``.
    """

    key: Array  # [B] of the step
    state: PyTree  # [B, ...] before the step
    observation: PyTree  # [B, ...] before the step
    invalid: np.ndarray  # [B, A] bool, before the step
    action: np.ndarray  # [B] int32, legal where there is a legal one
    outcome: Outcome  # [B, ...]

    @property
    def done(self) -> np.ndarray:
        """``[B]`` bool, true where the episode ended with this step."""
        return np.asarray(self.outcome.terminated) | np.asarray(self.outcome.truncated)


class Player:
    """Compiled functions of an environment under check.

    Attributes:
        subject: the environment.
        reset_one: ``reset`` of the subject, compiled for one state.
        step_one: ``step`` of the subject, compiled for one state; what is told beside the state and
            the observation has the types that it should have.
    """

    def __init__(self, subject: Subject):
        self.subject = subject
        self.reset_one = jax.jit(subject.reset)
        self.step_one = jax.jit(self._step)
        self._dtypes = state_dtypes(subject.env, subject.params)
        self._reset_lanes = jax.jit(self._settled(jax.vmap(subject.reset, in_axes=(0, None))))
        self._step_lanes = jax.jit(self._settled(jax.vmap(self._step, in_axes=(0, 0, 0, None))))
        self._select = jax.jit(_select)

    def reset_lanes(self, keys: Array) -> First:
        """Begin an episode in every lane; ``keys`` is ``[B]``, the states are settled."""
        first = self._reset_lanes(keys, self.subject.params)
        return first._replace(invalid=self.known(first.invalid))

    def step_lanes(self, keys: Array, state: PyTree, action: np.ndarray) -> Outcome:
        """Step all lanes; ``keys`` is ``[B]``, the states that come back are settled."""
        outcome = self._step_lanes(keys, state, jnp.asarray(action, jnp.int32), self.subject.params)
        return outcome._replace(invalid=self.known(outcome.invalid))

    def restart(self, done: np.ndarray, fresh: PyTree, going: PyTree) -> PyTree:
        """Return ``fresh`` in the lanes that are done, ``going`` in the others."""
        return self._select(done, fresh, going)

    def _step(self, key: Array, state: PyTree, action: Array, params: PyTree) -> Outcome:
        outcome = self.subject.step(key, state, action, params)
        return outcome._replace(
            reward=jnp.asarray(outcome.reward, jnp.float32).reshape(()),
            terminated=jnp.asarray(outcome.terminated, bool).reshape(()),
            truncated=jnp.asarray(outcome.truncated, bool).reshape(()),
        )

    def _settled(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a call whose state has one strong dtype per leaf, so that it is compiled once."""

        def settled(*arguments: Any) -> Any:
            told = call(*arguments)
            return told._replace(state=jax.tree.map(jnp.asarray, told.state, self._dtypes))

        return settled

    def known(self, invalid: Array | None) -> np.ndarray:
        """Return a mask ``[B, A]`` bool; without one, nothing is illegal."""
        if invalid is None:
            return np.zeros((LANES, self.subject.num_actions), bool)
        return np.asarray(invalid).astype(bool)


def play(player: Player, key: Array, *, steps: int, at_least: int) -> Iterator[Tick]:
    """Yield ticks of random legal play, lanes starting again where an episode ends.

    It stops after ``steps`` ticks, or after ``at_least`` once every lane has ended an episode.
    """
    reset_key, action_key, step_key = jax.random.split(key, 3)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(action_key)))
    observation, state, invalid = player.reset_lanes(lane_keys(reset_key))
    ended = np.zeros(LANES, bool)
    for index in range(steps):
        if index >= at_least and ended.all():
            return
        keys = lane_keys(jax.random.fold_in(step_key, index))
        action = choose_legal(rng, invalid)
        outcome = player.step_lanes(keys, state, action)
        tick = Tick(keys, state, observation, invalid, action, outcome)
        yield tick
        observation, state, invalid = outcome.observation, outcome.state, outcome.invalid
        if tick.done.any():
            ended |= tick.done
            fresh = player.reset_lanes(lane_keys(jax.random.fold_in(reset_key, index)))
            state = player.restart(tick.done, fresh.state, state)
            observation = player.restart(tick.done, fresh.observation, observation)
            invalid = np.where(tick.done[:, None], fresh.invalid, invalid)


def lane_keys(key: Array) -> Array:
    """Return a key for each lane, ``[B]``."""
    return jax.random.split(key, LANES)


def choose_legal(rng: np.random.Generator, invalid: np.ndarray) -> np.ndarray:
    """Return a random legal action ``[B]`` int32, or any where no action is legal."""
    return np.argmin(rng.random(invalid.shape) + invalid, axis=1).astype(np.int32)


def to_numpy(tree: PyTree) -> dict[str, np.ndarray]:
    """Return the leaves of a pytree by path, as NumPy arrays; random keys as their data."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {path_name(path): _to_numpy(leaf) for path, leaf in leaves}


def _to_numpy(leaf: Array) -> np.ndarray:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return np.asarray(leaf)


def _select(done: Array, fresh: PyTree, going: PyTree) -> PyTree:
    def select(a, b):
        return jnp.where(done.reshape(done.shape + (1,) * (a.ndim - 1)), a, b)

    return jax.tree.map(select, fresh, going)
