"""Games of pgx for one player as gymnax environments.

pgx is an extra: nothing here imports it before a game of its is asked for.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces

from envs.adapters.extras import NO_LIMIT, import_extra, raw_key
from rrplan.errors import InputError
from rrplan.types import Array, PyTree


@struct.dataclass
class PgxState(environment.EnvState):
    """A state of a pgx game.

    Attributes:
        time: steps so far.
        inner: the game's own state, with None in place of its observation, which is computed from
            the rest and need not be kept in every node of a tree, and no rewards: they are told.
    """

    inner: PyTree  # [...]


@dataclasses.dataclass(frozen=True, eq=False)
class PgxEnvironment(environment.Environment[PgxState, environment.EnvParams]):
    """A pgx game for one player, as a gymnax environment.

    Each step is given a key of its own; the state holds none. Illegal actions are those that the
    game's mask forbids. Terminal states absorb.

    Objects are equal only to themselves; :func:`build` gives the same one for a name.

    Attributes:
        title: what it is called.
        game: the pgx game.
        observed: shape and dtype of its observation.
        actions: number of its actions.
    """

    title: str
    game: Any = dataclasses.field(compare=False, repr=False)
    observed: jax.ShapeDtypeStruct = dataclasses.field(compare=False, repr=False)
    actions: int = dataclasses.field(compare=False)

    @property
    def name(self) -> str:
        """Environment name."""
        return self.title

    @property
    def num_actions(self) -> int:
        """Number of actions."""
        return self.actions

    @property
    def default_params(self) -> environment.EnvParams:
        """The only parameter is a limit of steps."""
        return environment.EnvParams(max_steps_in_episode=NO_LIMIT)

    def reset_env(self, key: Array, params: environment.EnvParams) -> tuple[Array, PgxState]:
        """Begin a game; return ``(observation, state)``."""
        return self._split(self.game.init(raw_key(key)), jnp.int32(0))

    def step_env(
        self,
        key: Array,
        state: PgxState,
        action: Array | int | float,
        params: environment.EnvParams,
    ) -> tuple[Array, PgxState, Array, Array, dict[str, Any]]:
        """Step once; return ``(observation, state, reward, terminated, info)``."""
        after = self.game.step(state.inner, jnp.asarray(action, jnp.int32), raw_key(key))
        observation, following = self._split(after, state.time + 1)
        reward = jnp.asarray(after.rewards[0], jnp.float32)
        return observation, following, reward, after.terminated, {}

    def observe(
        self,
        key: Array,
        state: PgxState,
        action: Array | int | float | None,
        params: environment.EnvParams,
    ) -> Array:
        """Return the observation of a state, as float32."""
        return jnp.asarray(self.game.observe(state.inner, state.inner.current_player), jnp.float32)

    def is_truncated(self, state: PgxState, params: environment.EnvParams) -> Array:
        """Return whether a limit cut the game, ``[]`` bool."""
        return state.inner.truncated | (state.time >= params.max_steps_in_episode)

    def invalid_actions(self, state: PgxState, params: environment.EnvParams) -> Array:
        """Return a mask ``[A]`` bool, true where an action is illegal."""
        return ~state.inner.legal_action_mask

    def action_space(self, params: environment.EnvParams | None = None) -> spaces.Discrete:
        """Space of the actions."""
        return spaces.Discrete(self.num_actions)

    def observation_space(self, params: environment.EnvParams) -> spaces.Box:
        """Space of the observations."""
        low, high = (0.0, 1.0) if self.observed.dtype == bool else (-jnp.inf, jnp.inf)
        return spaces.Box(low, high, self.observed.shape, jnp.float32)

    def _split(self, inner: PyTree, time: Any) -> tuple[Array, PgxState]:
        observation = jnp.asarray(inner.observation, jnp.float32)
        inner = inner.replace(observation=None, rewards=jnp.zeros_like(inner.rewards))
        return observation, PgxState(time=time, inner=inner)


def names() -> list[str]:
    """Return the names of pgx's games, such as ``"2048"``; its MinAtar is a package of its own.

    Raises:
        InputError: pgx is not installed, or cannot be imported.
    """
    games = import_extra("pgx").available_envs()
    return sorted(game for game in games if not game.startswith("minatar"))


def factory(name: str) -> Callable[..., PgxEnvironment]:
    """Return what builds a game, which takes no arguments."""
    return functools.partial(build, name)


@functools.lru_cache(maxsize=64)
def build(name: str) -> PgxEnvironment:
    """Build a game by its name.

    Raises:
        InputError: it is not for one player.
    """
    return from_pgx(import_extra("pgx").make(name), f"pgx:{name}")


def from_pgx(game: Any, title: str | None = None) -> PgxEnvironment:
    """Return a pgx game of your own as a gymnax environment.

    Args:
        game: the game, a ``pgx.Env``.
        title: what it is called; by default its id.

    Raises:
        InputError: it is not for one player.
    """
    if game.num_players != 1:
        raise InputError(
            f"it is a game of {game.num_players} players: expected one of one player, such as "
            "'pgx:2048'"
        )
    first = jax.eval_shape(game.init, raw_key(jax.random.key(0)))
    (actions,) = first.legal_action_mask.shape
    return PgxEnvironment(title or str(game.id), game, first.observation, actions)
