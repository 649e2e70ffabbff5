"""The adapter between a gymnax environment and everything else in the suite."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from gymnax.environments import environment as gymnax_environment
from gymnax.environments import spaces

from rrplan.types import Array, PyTree, Transition


@dataclass(frozen=True)
class Adapter:
    """A gymnax 1.x environment as an :class:`rrplan.types.Environment`.

    Many environments reset with Python numbers as leaves and step with arrays; here every
    leaf of the state gets one strong dtype, once. Observations become float32 arrays, and
    ``Discrete`` ones one-hot vectors, so that any network can take them. Terminal states
    need not absorb: callers stop at ``terminated`` or ``truncated``.

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

    def reset(self, key: Array, params: PyTree) -> tuple[PyTree, PyTree]:
        """Return the first ``(state, observation)`` of an episode."""
        observation, state = self.env.reset_env(key, params)
        return self._cast_state(state, params), self._encode(observation, params)

    def step(self, key: Array, state: PyTree, action: Array, params: PyTree) -> Transition:
        """Step once, without automatic reset."""
        observation, state, reward, terminated, _ = self.env.step_env(key, state, action, params)
        return Transition(
            state=self._cast_state(state, params),
            observation=self._encode(observation, params),
            reward=jnp.asarray(reward, jnp.float32).reshape(()),
            terminated=jnp.asarray(terminated, bool).reshape(()),
            truncated=jnp.asarray(self.env.is_truncated(state, params), bool).reshape(()),
        )

    def invalid_actions(self, state: PyTree, params: PyTree) -> Array:
        """Return a boolean mask ``[A]``, true where an action is illegal."""
        if hasattr(self.env, "invalid_actions"):
            return jnp.asarray(self.env.invalid_actions(state, params), bool)
        return jnp.zeros(self.num_actions, bool)

    def _cast_state(self, state: PyTree, params: PyTree) -> PyTree:
        dtypes = state_dtypes(self.env, params)
        return jax.tree.map(lambda leaf, dtype: jnp.asarray(leaf, dtype), state, dtypes)

    def _encode(self, observation: PyTree, params: PyTree) -> PyTree:
        space = self.env.observation_space(params)
        if isinstance(space, spaces.Discrete):
            return jax.nn.one_hot(jnp.asarray(observation, jnp.int32), space.n, dtype=jnp.float32)
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), observation)


def state_dtypes(env: gymnax_environment.Environment, params: Any) -> PyTree:
    """Return the dtype each leaf of the state settles on: wide enough for reset and step.

    Nothing is computed: shapes and dtypes are traced abstractly.
    """
    key = jax.eval_shape(lambda: jax.random.key(0))

    def reset_dtypes(key, params):
        return env.reset_env(key, params)[1]

    def step_dtypes(key, state, params):
        return env.step_env(key, state, jnp.int32(0), params)[1]

    first = jax.eval_shape(reset_dtypes, key, params)
    second = jax.eval_shape(step_dtypes, key, first, params)
    return jax.tree.map(
        lambda a, b: a.dtype if a.dtype == b.dtype else jnp.promote_types(a.dtype, b.dtype),
        first,
        second,
    )


def adapt(env: gymnax_environment.Environment) -> Adapter:
    """Return ``env`` behind the suite's own environment interface."""
    return Adapter(env)
