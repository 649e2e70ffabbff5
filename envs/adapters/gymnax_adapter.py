"""The adapter between a gymnax environment and everything else in the suite."""

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from gymnax.environments import environment as gymnax_environment
from gymnax.environments import spaces

from rrplan.capabilities import (
    CurrentPlayer,
    Enumerable,
    FromFiles,
    Greedy,
    Masked,
    Observable,
    ObservationKind,
    Priced,
    Rendered,
    offers,
    require,
)
from rrplan.errors import InputError
from rrplan.types import Array, PyTree, Transition

RESET = ("observation", "state")
STEP = ("observation", "state", "reward", "terminated", "info")
"""What the methods of an environment return."""


@dataclass(frozen=True)
class Adapter:
    """A gymnax 1.x environment as an :class:`rrplan.types.Environment`.

    Many environments reset with Python numbers as leaves and step with arrays; here every
    leaf of the state gets one strong dtype, once. Observations become float32 arrays, and
    ``Discrete`` ones (also inside ``Dict`` and ``Tuple``) one-hot vectors, so that any network
    can take them. Terminal states need not absorb: callers stop at ``terminated`` or
    ``truncated``.

    Adapters of the same environment object are equal, so they share compiled programs.

    Attributes:
        env: the gymnax environment, static.
    """

    env: gymnax_environment.Environment

    @property
    def name(self) -> str:
        """The environment's own name."""
        return self.env.name

    @property
    def num_actions(self) -> int:
        """Number of discrete actions, ``A``."""
        return int(self.env.num_actions)

    @property
    def observation_kind(self) -> str | None:
        """What the rows of observations are; None where the environment does not say it."""
        return self.env.observation_kind if offers(self.env, ObservationKind) else None

    @property
    def files_digest(self) -> str:
        """A hash of the files it is made of.

        Raises:
            InputError: if the environment has none.
        """
        return require(self.env, FromFiles).files_digest

    def offers(self, capability: type) -> bool:
        """Return whether it offers an optional capability of :mod:`rrplan.capabilities`.

        It does where the environment does. It is always named and described, and has a mask.
        """
        if capability is Observable:
            return _observes(self.env)
        return capability not in _PASSED_ON or offers(self.env, capability)

    def describe(self) -> dict[str, str]:
        """Return the environment's name and, where it is a dataclass, its fields as text."""
        told = dataclasses.fields(self.env) if dataclasses.is_dataclass(self.env) else ()
        settings = {f.name: repr(getattr(self.env, f.name)) for f in told if f.compare}
        return {"name": self.name} | settings

    def reset(self, key: Array, params: PyTree) -> tuple[PyTree, PyTree]:
        """Return the first ``(state, observation)`` of an episode."""
        result = self.env.reset_env(key, params)
        observation, state = take(result, "reset_env", RESET)
        return self._cast_state(state, params), self._encode(observation, params)

    def step(self, key: Array, state: PyTree, action: Array, params: PyTree) -> Transition:
        """Step once, without automatic reset."""
        result = self.env.step_env(key, state, action, params)
        observation, state, reward, terminated, _ = take(result, "step_env", STEP)
        state = self._cast_state(state, params)
        return Transition(
            state=state,
            observation=self._encode(observation, params),
            reward=jnp.asarray(reward, jnp.float32).reshape(()),
            terminated=jnp.asarray(terminated, bool).reshape(()),
            truncated=jnp.asarray(self.env.is_truncated(state, params), bool).reshape(()),
        )

    def invalid_actions(self, state: PyTree, params: PyTree) -> Array:
        """Return a boolean mask ``[A]``, true where an action is illegal."""
        if offers(self.env, Masked):
            return jnp.asarray(self.env.invalid_actions(state, params), bool)
        return jnp.zeros(self.num_actions, bool)

    def greedy_action(self, state: PyTree, params: PyTree) -> Array:
        """Return the environment's own greedy action, ``[]`` int32.

        Raises:
            InputError: if the environment has none.
        """
        action = require(self.env, Greedy).greedy_action(state, params)
        return jnp.asarray(action, jnp.int32)

    def enumerate_states(self, first_state: PyTree, params: PyTree) -> PyTree:
        """Return all states that can be reached from a first state, ``[S, ...]``.

        The first and those that end an episode are among them; there may be others.

        Raises:
            InputError: if the environment lists none.
        """
        listed = require(self.env, Enumerable).enumerate_states(first_state, params)
        return self._cast_state(listed, params)

    def price_factor(self, state: PyTree, params: PyTree) -> Array:
        """Return what multiplies the price of thinking in a state, ``[]`` float32.

        Raises:
            InputError: if the environment has no such factor.
        """
        factor = require(self.env, Priced).price_factor(state, params)
        return jnp.asarray(factor, jnp.float32).reshape(())

    def current_player(self, state: PyTree, params: PyTree) -> Array:
        """Return whose move it is in a state, ``[]`` int32.

        Raises:
            InputError: if the environment is for one player.
        """
        player = require(self.env, CurrentPlayer).current_player(state, params)
        return jnp.asarray(player, jnp.int32).reshape(())

    def observe_state(self, key: Array, state: PyTree, params: PyTree) -> PyTree:
        """Return the observation of any state, by the environment's ``observe`` or ``get_obs``.

        Args:
            key: for what is drawn.
            state: however it was reached; ``observe`` is given no action.
            params: of the environment.
        """
        return self._encode(self.env.observe(key, state, None, params), params)

    def render_text(self, state: PyTree) -> str:
        """Return a state as text.

        Raises:
            InputError: if the environment shows none.
        """
        return require(self.env, Rendered).render_text(state)

    def _cast_state(self, state: PyTree, params: PyTree) -> PyTree:
        dtypes = state_dtypes(self.env, params)
        return jax.tree.map(lambda leaf, dtype: jnp.asarray(leaf, dtype), state, dtypes)

    def _encode(self, observation: PyTree, params: PyTree) -> PyTree:
        return encode(observation, self.env.observation_space(params))


# What it has methods for, and offers only where the environment inside does.
_PASSED_ON = (CurrentPlayer, Greedy, Enumerable, FromFiles, ObservationKind, Priced, Rendered)


def _observes(env: gymnax_environment.Environment) -> bool:
    """Return whether an environment has an ``observe`` or ``get_obs`` of its own."""
    kind, base = type(env), gymnax_environment.Environment
    return kind.observe is not base.observe or kind.get_obs is not base.get_obs


def take(result: Any, method: str, parts: Sequence[str]) -> tuple:
    """Return what a method returned, which must be a tuple of so many parts.

    Raises:
        InputError: it is something else; one line that says what.
    """
    if isinstance(result, tuple) and len(result) == len(parts):
        return result
    found = f"{len(result)} values" if isinstance(result, tuple) else f"a {type(result).__name__}"
    listed = f"{', '.join(parts[:-1])} and {parts[-1]}"
    raise InputError(f"{method} returns {found}: expected {len(parts)}, {listed}")


def encode(observation: PyTree, space: spaces.Space) -> PyTree:
    """Return an observation as float32 arrays, what is ``Discrete`` in ``space`` as one-hot.

    A ``Dict`` or ``Tuple`` space keeps its structure: one array per leaf.
    """
    if isinstance(space, spaces.Discrete):
        return jax.nn.one_hot(jnp.asarray(observation, jnp.int32), space.n, dtype=jnp.float32)
    if isinstance(space, spaces.Dict):
        return {name: encode(observation[name], part) for name, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(map(encode, observation, space.spaces))
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), observation)


def state_dtypes(env: gymnax_environment.Environment, params: PyTree) -> PyTree:
    """Return the dtype each leaf of the state settles on: wide enough for reset and step.

    Nothing is computed: shapes and dtypes are traced abstractly, once for an environment and
    the types of its parameters.
    """
    leaves, structure = jax.tree.flatten(params)
    arrays = map(jnp.asarray, leaves)
    types = tuple(jax.ShapeDtypeStruct(array.shape, array.dtype) for array in arrays)
    return _state_dtypes(env, structure, types)


@functools.lru_cache(maxsize=256)
def _state_dtypes(env, structure, types) -> PyTree:
    params = jax.tree.unflatten(structure, types)
    key = jax.eval_shape(lambda: jax.random.key(0))

    def reset_state(key, params):
        return take(env.reset_env(key, params), "reset_env", RESET)[1]

    def step_state(key, state, params):
        return take(env.step_env(key, state, jnp.int32(0), params), "step_env", STEP)[1]

    first = jax.eval_shape(reset_state, key, params)
    second = jax.eval_shape(step_state, key, first, params)
    return jax.tree.map(
        # A random key has a dtype of its own, which is promoted with nothing.
        lambda a, b: a.dtype if a.dtype == b.dtype else jnp.promote_types(a.dtype, b.dtype),
        first,
        second,
    )


def require_gymnax(env: object) -> gymnax_environment.Environment:
    """Return ``env`` if it is a gymnax environment.

    Wrappers are refused: they change ``step`` but pass on the ``step_env`` of what they wrap, so
    that a planner would silently search another environment than the one it acts in.

    Raises:
        InputError: if it is something else; one line that says what.
    """
    if isinstance(env, gymnax_environment.Environment):
        return env
    kind = type(env).__name__
    if isinstance(env, type):
        hint = f"the class {env.__name__}: build it first"
    elif isinstance(getattr(env, "_env", None), gymnax_environment.Environment):
        hint = f"the wrapper {kind}: give the environment inside, or subclass it"
    else:
        hint = f"a {kind}: subclass gymnax.environments.environment.Environment"
    raise InputError(f"expected a gymnax environment, got {hint}")


def adapt(env: gymnax_environment.Environment) -> Adapter:
    """Return ``env`` behind the suite's own environment interface.

    Raises:
        InputError: if ``env`` is not a gymnax environment, or cannot be a static argument.
    """
    require_gymnax(env)
    try:
        hash(env)
    except TypeError:
        raise InputError(
            f"{type(env).__name__} objects cannot be hashed: an environment is a static argument "
            "of compiled programs (a frozen dataclass can be hashed)"
        ) from None
    return Adapter(env)
