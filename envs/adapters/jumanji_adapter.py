"""Environments of jumanji as gymnax ones.

jumanji is an extra: nothing here imports it before an environment of its is asked for.
"""

import dataclasses
import functools
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces

from envs.adapters.choices import Choice, read_choice
from envs.adapters.extras import NO_LIMIT, import_extra, raw_key
from envs.adapters.records import fields_of, find_fields, with_fields
from envs.adapters.views import CLOCK, MASK, View, read_view
from rrplan.capabilities import Masked
from rrplan.errors import InputError
from rrplan.types import Array, PyTree


@struct.dataclass
class JumanjiState(environment.EnvState):
    """A state of a jumanji environment, and what its last step told.

    Attributes:
        time: steps so far.
        inner: the environment's own state, with None in place of its key.
        legal: which actions its mask allows; None where it has no mask.
        cut: whether its own time limit ended the episode.
    """

    inner: PyTree  # [...]
    legal: Array | None  # [A] bool
    cut: Array  # [] bool


@dataclasses.dataclass(frozen=True, eq=False)
class JumanjiEnvironment(environment.Environment[JumanjiState, environment.EnvParams]):
    """A jumanji environment for one agent, as a gymnax environment.

    **The key** in jumanji's state is taken out, and each step is given one of its own. A search
    that stepped the state with its key would foresee every random event of the real future.

    **The time limit.** jumanji ends an episode at its limit as it ends one that is over. The two
    are told apart where the state has ``step_count`` and the environment ``time_limit``: an end is
    the limit's, if the same step with one step less on the clock would not have ended the episode.
    What jumanji itself calls a truncation (a last step whose discount is above 0) is one too.

    **Actions** of several parts are one choice (:mod:`envs.adapters.choices`). **A mask** in the
    observation is told by ``invalid_actions``; where it leaves nothing in a state that goes on, all
    actions are legal. **Observations** are one array (:mod:`envs.adapters.views`).

    Objects are equal only to themselves; :func:`build` gives the same one for equal options.

    Attributes:
        title: what it is called.
        options: arguments of its constructor that were given.
        game: the jumanji environment.
        choice: its actions.
        view: its observations.
        time_limit: its own; None where ends cannot be told apart, or it has none.
    """

    title: str
    options: tuple[tuple[str, Any], ...]
    game: Any = dataclasses.field(compare=False, repr=False)
    choice: Choice = dataclasses.field(compare=False, repr=False)
    view: View = dataclasses.field(compare=False, repr=False)
    time_limit: int | None = dataclasses.field(compare=False)

    def offers(self, capability: type) -> bool:
        """Return whether it has an optional capability: a mask only where jumanji has one."""
        return capability is not Masked or self.choice.mask != "none"

    @property
    def name(self) -> str:
        """Environment name."""
        return self.title

    @property
    def num_actions(self) -> int:
        """Number of actions; of several parts, all combinations."""
        return self.choice.num_actions

    @property
    def default_params(self) -> environment.EnvParams:
        """The only parameter is a limit of steps, beside the environment's own."""
        return environment.EnvParams(max_steps_in_episode=self.time_limit or NO_LIMIT)

    def reset_env(self, key: Array, params: environment.EnvParams) -> tuple[Array, JumanjiState]:
        """Begin an episode; return ``(observation, state)``."""
        inner, timestep = self.game.reset(raw_key(key))
        state = JumanjiState(
            time=jnp.int32(0),
            inner=with_fields(inner, key=None),
            legal=self._legal(timestep.observation),
            cut=jnp.zeros((), bool),
        )
        return self.view.encode(timestep.observation), state

    def step_env(
        self,
        key: Array,
        state: JumanjiState,
        action: Array | int | float,
        params: environment.EnvParams,
    ) -> tuple[Array, JumanjiState, Array, Array, dict[str, Any]]:
        """Step once; return ``(observation, state, reward, terminated, info)``."""
        before = with_fields(state.inner, key=raw_key(key))
        move = self.choice.action(jnp.asarray(action, jnp.int32))
        after, timestep = self.game.step(before, move)
        ended = timestep.last()
        over = ended & (timestep.discount == 0)
        if self.time_limit is not None:
            # Of this step only the end is used; XLA leaves out what that does not need.
            earlier = with_fields(before, **{CLOCK: fields_of(before)[CLOCK] - 1})
            over &= self.game.step(earlier, move)[1].last()
        following = JumanjiState(
            time=state.time + 1,
            inner=with_fields(after, key=None),
            legal=self._legal(timestep.observation),
            cut=ended & ~over,
        )
        observation = self.view.encode(timestep.observation)
        return observation, following, jnp.asarray(timestep.reward, jnp.float32), over, {}

    def is_truncated(self, state: JumanjiState, params: environment.EnvParams) -> Array:
        """Return whether a limit cut the episode, its own or the parameters', ``[]`` bool."""
        return state.cut | (state.time >= params.max_steps_in_episode)

    def invalid_actions(self, state: JumanjiState, params: environment.EnvParams) -> Array:
        """Return a mask ``[A]`` bool, true where an action is illegal, unless all are."""
        assert state.legal is not None  # only asked where there is a mask
        return ~state.legal & state.legal.any()

    def action_space(self, params: environment.EnvParams | None = None) -> spaces.Discrete:
        """Space of the actions."""
        return spaces.Discrete(self.num_actions)

    def observation_space(self, params: environment.EnvParams) -> spaces.Box:
        """Space of the observations: a picture ``[H, W, C]`` or a vector ``[n]``."""
        low, high = self.view.bounds()
        return spaces.Box(low, high, low.shape, jnp.float32)

    def _legal(self, observation: PyTree) -> Array | None:
        if self.choice.mask == "none":
            return None
        return self.choice.legal(fields_of(observation)[MASK])


def names() -> list[str]:
    """Return the names of jumanji's environments: registered ids, and those without a version.

    Raises:
        InputError: jumanji is not installed, or cannot be imported.
    """
    ids = import_extra("jumanji").registered_environments()
    return sorted({*ids, *map(_stem, ids)})


def factory(name: str) -> Callable[..., JumanjiEnvironment]:
    """Return what builds an environment, from arguments of its constructor.

    Args:
        name: one of :func:`names`; without a version it is the latest.
    """
    ids = sorted(import_extra("jumanji").registered_environments(), key=_version)
    latest = {_stem(found): found for found in ids}
    return functools.partial(build, latest.get(name, name))


def build(name: str, **options: Any) -> JumanjiEnvironment:
    """Build a registered environment; equal arguments give the same object.

    Args:
        name: its registered id.
        **options: arguments of its constructor.

    Raises:
        InputError: it cannot be adapted.
    """
    try:
        return _build(name, tuple(sorted(options.items())))
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return from_jumanji(import_extra("jumanji").make(name, **options), f"jumanji:{name}")


@functools.lru_cache(maxsize=64)
def _build(name: str, options: tuple[tuple[str, Any], ...]) -> JumanjiEnvironment:
    game = import_extra("jumanji").make(name, **dict(options))
    return from_jumanji(game, f"jumanji:{name}", options)


def from_jumanji(
    game: Any, title: str | None = None, options: tuple[tuple[str, Any], ...] = ()
) -> JumanjiEnvironment:
    """Return a jumanji environment of your own as a gymnax one.

    Args:
        game: the jumanji environment.
        title: what it is called; by default the name of its class.
        options: what tells it from others of its class, for its description.

    Raises:
        InputError: it cannot be adapted; one line says why.
    """
    kind = type(game).__name__
    state, timestep = jax.eval_shape(game.reset, raw_key(jax.random.key(0)))
    if timestep.reward is None or timestep.reward.shape != ():
        shape = getattr(timestep.reward, "shape", None)
        raise InputError(
            f"its reward has shape {shape}: expected one number, games of several agents are not "
            "adapted"
        )
    if "key" not in (find_fields(state) or {}):
        raise InputError("its state has no key: expected one, as jumanji asks of every state")
    if hidden := _other_keys(state):
        raise InputError(
            f"its state holds random keys beside 'key', {', '.join(hidden)}: a search would "
            "foresee what is drawn from them"
        )
    mask = (find_fields(timestep.observation) or {}).get(MASK)
    limit = getattr(game, "time_limit", None)
    known = isinstance(limit, int) and CLOCK in fields_of(state)
    return JumanjiEnvironment(
        title=title or kind,
        options=options,
        game=game,
        choice=read_choice(game.action_spec, None if mask is None else tuple(mask.shape)),
        view=read_view(timestep.observation, game.observation_spec, kind, limit if known else None),
        time_limit=limit if known else None,
    )


def _other_keys(state: PyTree) -> list[str]:
    """Return the paths of what looks like a random key in a state, beside its field ``key``."""
    rest = with_fields(state, key=None)
    leaves, _ = jax.tree_util.tree_flatten_with_path(rest)
    found = []
    for path, leaf in leaves:
        name = jax.tree_util.keystr(path).lstrip(".")
        typed = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        raw = leaf.dtype == jnp.uint32 and re.search(r"(key|rng)\W*$", name)
        if typed or raw:
            found.append(name)
    return found


def _stem(name: str) -> str:
    """Return a registered id without its version."""
    return re.sub(r"-v\d+$", "", name)


def _version(name: str) -> int:
    version = name.rpartition("-v")[2]
    return int(version) if version.isdigit() else 0
