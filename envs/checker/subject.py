"""An environment under check: its methods, called with a net underneath."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from gymnax.environments import spaces

from envs.adapters.gymnax_adapter import RESET, STEP, take
from envs.checker.report import BrokenMethod
from rrplan.capabilities import Masked, offers
from rrplan.errors import InputError
from rrplan.tracing import explain
from rrplan.types import Array, PyTree


class First(NamedTuple):
    """What a reset led to, as the environment's author returned it."""

    observation: PyTree  # [...]
    state: PyTree  # [...]
    invalid: Any  # [A]; None where the environment has no mask


class Outcome(NamedTuple):
    """What a step led to, as the environment's author returned it."""

    observation: PyTree  # [...]
    state: PyTree  # [...]
    reward: Any  # []
    terminated: Any  # []
    truncated: Any  # []
    invalid: Any  # [A] of the new state; None where the environment has no mask


@dataclasses.dataclass(frozen=True)
class Subject:
    """The environment under check. A method that fails raises :class:`BrokenMethod`.

    Attributes:
        env: the environment, as its author wrote it.
        params: its parameters.
        num_actions: number of its actions, ``A``.
    """

    env: Any
    params: PyTree
    num_actions: int

    @property
    def has_mask(self) -> bool:
        """Whether the environment says which actions are illegal."""
        return offers(self.env, Masked)

    def reset(self, key: Array, params: PyTree) -> First:
        """Begin an episode."""
        result = self.call("reset_env", key, params)
        observation, state = self._take(result, "reset_env", RESET)
        return First(observation, state, self.mask(state, params))

    def step(self, key: Array, state: PyTree, action: Array, params: PyTree) -> Outcome:
        """Step once, without automatic reset."""
        result = self.call("step_env", key, state, action, params)
        observation, state, reward, terminated, _ = self._take(result, "step_env", STEP)
        truncated = self.call("is_truncated", state, params)
        return Outcome(observation, state, reward, terminated, truncated, self.mask(state, params))

    def mask(self, state: PyTree, params: PyTree) -> Array | None:
        """Return the mask of illegal actions, or None."""
        return self.call("invalid_actions", state, params) if self.has_mask else None

    def _take(self, result: Any, method: str, parts: Sequence[str]) -> tuple:
        try:
            return take(result, method, parts)
        except InputError as error:
            raise BrokenMethod(str(error)) from error

    def call(self, method: str, *args: Any) -> Any:
        """Call a method of the environment; what it raises becomes a sentence."""
        try:
            return getattr(self.env, method)(*args)
        except Exception as error:
            raise BrokenMethod(explain(method, error)) from error


class Leaf(NamedTuple):
    """The type of one leaf of a pytree."""

    python: str  # name of its Python type, or "" for an array
    shape: tuple[int, ...]
    dtype: Any
    weak: bool

    @property
    def is_array(self) -> bool:
        """Whether JAX can compute with it: an array or a number."""
        return self.dtype is not None

    def __str__(self) -> str:
        if self.python:
            return f"a Python {self.python}"
        shape = ",".join(map(str, self.shape))
        return f"{'weakly typed ' * self.weak}{self.dtype}[{shape}]"


def leaf_types(tree: PyTree) -> dict[str, Leaf]:
    """Return the type of each leaf by its path, traced or not."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {path_name(path): _leaf_type(leaf) for path, leaf in leaves}


def path_name(path: tuple) -> str:
    """Return the path of a leaf as an author would write it, ``"position.x"``."""
    return jax.tree_util.keystr(path).lstrip(".")


def _leaf_type(leaf: Any) -> Leaf:
    if isinstance(leaf, bool | int | float | complex):
        return Leaf(type(leaf).__name__, (), jnp.result_type(leaf), True)
    if isinstance(leaf, jax.Array | np.ndarray | np.generic) and leaf.dtype != object:
        return Leaf("", leaf.shape, leaf.dtype, getattr(leaf, "weak_type", False))
    return Leaf(type(leaf).__name__, (), None, False)


def space_leaves(space: Any, observation: PyTree, name: str = "the observation") -> list[tuple]:
    """Return ``(name, space, leaf)`` for each part of an observation.

    Raises:
        BrokenMethod: if the observation is not built like its space, or the space is unknown.
    """
    if isinstance(space, spaces.Discrete | spaces.Box):
        return [(name, space, observation)]
    if isinstance(space, spaces.Dict):
        parts = list(space.spaces.items())
        fits = isinstance(observation, dict) and set(observation) == set(space.spaces)
    elif isinstance(space, spaces.Tuple):
        parts = list(enumerate(space.spaces))
        fits = isinstance(observation, tuple | list) and len(observation) == len(parts)
    else:
        raise BrokenMethod(
            f"the space of {name} is a {type(space).__name__}: expected Box, Discrete, Dict or "
            "Tuple"
        )
    if not fits:
        raise BrokenMethod(
            f"{name} is a {type(observation).__name__} that does not have the parts of its space, "
            f"{[key for key, _ in parts]}"
        )
    return [
        leaf
        for key, part in parts
        for leaf in space_leaves(part, observation[key], f"{name}[{key!r}]")
    ]
