"""Small environments built as jumanji's and pgx's are, for tests without these packages."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

FIRST, MID, LAST = (jnp.int8(number) for number in range(3))


@chex.dataclass
class TimeStep:
    """As ``jumanji.types.TimeStep``."""

    step_type: Any
    reward: Any
    discount: Any
    observation: Any
    extras: Any = None

    def last(self):
        return self.step_type == LAST


class Spec(SimpleNamespace):
    """As the specs of jumanji: what it is called, a shape, a dtype, bounds or numbers of values."""


def discrete(count):
    return Spec(shape=(), dtype=jnp.int32, num_values=count, minimum=0, maximum=count - 1)


def multi_discrete(*counts):
    return Spec(shape=(len(counts),), dtype=jnp.int32, num_values=np.array(counts))


def bounded(shape, low, high, dtype=jnp.int32):
    return Spec(shape=shape, dtype=dtype, minimum=jnp.asarray(low), maximum=jnp.asarray(high))


class Position(NamedTuple):
    row: Any
    col: Any


@chex.dataclass
class State:
    key: Any
    position: Any
    luck: Any
    step_count: Any


class Seen(NamedTuple):
    position: Any
    step_count: Any
    action_mask: Any


class Walk:
    """Steps to the left and right between walls at 0 and 4; the goal is 3.

    It pays ``luck``, 1 or the last throw of a die. An episode ends at the goal, or after
    ``time_limit`` steps, which jumanji does not tell apart.
    """

    MOVES = np.array([-1, 1])

    def __init__(self, time_limit: int = 4, start: int = 1, dice: bool = False):
        self.time_limit, self.start, self.dice = time_limit, start, dice
        self.action_spec = discrete(2)
        self.observation_spec = Spec(position=bounded((), 0, 4), step_count=Spec())

    def reset(self, key):
        state = State(
            key=key,
            position=jnp.int32(self.start),
            luck=jnp.int32(0),
            step_count=jnp.int32(0),
        )
        return state, TimeStep(
            step_type=FIRST,
            reward=jnp.zeros(()),
            discount=jnp.ones(()),
            observation=self.see(state),
        )

    def step(self, state, action):
        key, dice_key = jax.random.split(state.key)
        position = jnp.clip(state.position + jnp.asarray(self.MOVES)[action], 0, 4)
        luck = jax.random.randint(dice_key, (), 1, 7) if self.dice else jnp.int32(1)
        state = State(key=key, position=position, luck=luck, step_count=state.step_count + 1)
        goal = position == 3
        ended = goal | (state.step_count >= self.time_limit)
        return state, TimeStep(
            step_type=jnp.where(ended, LAST, MID),
            reward=jnp.where(goal, luck, 0).astype(float),
            discount=jnp.where(ended, 0.0, 1.0),
            observation=self.see(state),
        )

    def see(self, state):
        mask = jnp.stack([state.position > 0, state.position < 4])
        return Seen(position=state.position, step_count=state.step_count, action_mask=mask)


class Closed(Walk):
    """Its mask allows nothing, and the episode goes on."""

    def see(self, state):
        return super().see(state)._replace(action_mask=jnp.zeros(2, bool))


class Truncating(Walk):
    """It says itself that its limit is a truncation, and has no ``time_limit`` by that name."""

    def __init__(self):
        super().__init__()
        self.limit = vars(self).pop("time_limit")

    def step(self, state, action):
        self.time_limit = self.limit
        state, timestep = super().step(state, action)
        del self.time_limit
        goal = state.position == 3
        return state, timestep.replace(discount=jnp.where(goal, 0.0, 1.0))


class Grid(NamedTuple):
    walls: Any
    agent: Any
    step_count: Any
    action_mask: Any


class Faces(Walk):
    """Two parts of an action; the position moves by the first less the second."""

    def __init__(self, mask=None, sizes=(3, 2), reward_shape=(), hidden_key=False):
        super().__init__(time_limit=6)
        self.action_spec = multi_discrete(*sizes)
        self.mask, self.reward_shape, self.hidden_key = mask, reward_shape, hidden_key
        self.observation_spec = Spec(
            walls=bounded((2, 3), False, True, bool),
            agent=Spec(row=bounded((), 0, 1), col=bounded((), 0, 2)),
            step_count=Spec(),
        )

    def reset(self, key):
        state, timestep = super().reset(key)
        if self.hidden_key:
            state = state.replace(luck={"rng_key": key})
        return state, timestep.replace(reward=jnp.zeros(self.reward_shape))

    def step(self, state, action):
        self.MOVES = np.arange(-2, 3)
        return super().step(state, action[0] - action[1] + 2)

    def see(self, state):
        walls = jnp.array([[False, True, False], [False, False, True]])
        row, col = jnp.divmod(state.position, 3)
        mask = None if self.mask is None else jnp.asarray(self.mask)
        return Grid(walls, Position(row=row, col=col), state.step_count, mask)


@struct.dataclass
class Game:
    """As ``pgx.State``."""

    current_player: Any
    observation: Any
    rewards: Any
    terminated: Any
    truncated: Any
    legal_action_mask: Any
    tile: Any


class Doubling:
    """Add a random 1 or 2 or stop; to pass 5 ends the game with nothing."""

    id, num_players = "doubling", 1

    def init(self, key):
        return self._make(jax.random.randint(key, (), 0, 2), 0.0, False)

    def step(self, state, action, key=None):
        assert key is not None
        tile = state.tile + jnp.where(action == 0, jax.random.randint(key, (), 1, 3), 0)
        over = (action == 1) | (tile > 5)
        after = self._make(tile, jnp.where(over & (tile <= 5), tile, 0), over)
        return jax.tree.map(
            lambda new, old: jnp.where(state.terminated, old, new),
            after,
            state.replace(observation=after.observation, rewards=jnp.zeros(1)),
        )

    def observe(self, state, player_id=None):
        return jax.nn.one_hot(state.tile, 8, dtype=bool)

    def _make(self, tile, reward, over):
        state = Game(
            current_player=jnp.int8(0),
            observation=None,
            rewards=jnp.asarray(reward, jnp.float32).reshape(1),
            terminated=jnp.asarray(over, bool),
            truncated=jnp.zeros((), bool),
            legal_action_mask=jnp.stack([tile < 6, tile > 0]) | over,
            tile=jnp.asarray(tile, jnp.int32),
        )
        return state.replace(observation=self.observe(state))


class ForTwo(Doubling):
    id, num_players = "for_two", 2


def jumanji():
    """A module as jumanji's, with three registered environments."""
    made = {"Walk-v2": Walk, "Walk-v10": Walk, "Faces-v0": Faces}
    return SimpleNamespace(
        registered_environments=lambda: list(made),
        make=lambda name, **options: made[name](**options),
    )


def pgx():
    """A module as pgx's, with two games, and the name of one of another package."""
    made = {"doubling": Doubling, "for_two": ForTwo}
    return SimpleNamespace(
        available_envs=lambda: (*made, "minatar-breakout"), make=lambda name: made[name]()
    )
