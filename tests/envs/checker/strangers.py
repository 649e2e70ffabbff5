"""Environments as a new user might write them: one is sound, each of the others has one mistake.

Tests copy this file into a user's folder, so it imports nothing of the tests.
"""

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces


@struct.dataclass
class State(environment.EnvState):
    position: jax.Array


class Sound(environment.Environment):
    """Three steps to the right end an episode; action 0 stays."""

    @property
    def num_actions(self):
        return 2

    @property
    def default_params(self):
        return environment.EnvParams(max_steps_in_episode=6)

    def reset_env(self, key, params):
        return jnp.zeros(2), State(time=jnp.int32(0), position=jnp.int32(0))

    def step_env(self, key, state, action, params):
        position = state.position + action
        state = State(time=state.time + 1, position=position)
        observation = jnp.stack([position, state.time]).astype(jnp.float32)
        return observation, state, position * 1.0, position >= 3, {}

    def action_space(self, params=None):
        return spaces.Discrete(2)

    def observation_space(self, params):
        return spaces.Box(0.0, 10.0, (2,))


class Mended(Sound):
    """Types that `envs.adapt` mends: Python numbers, whole rewards, an end as a number."""

    def reset_env(self, key, params):
        return jnp.zeros(2, jnp.int32), State(time=0, position=0)

    def step_env(self, *args):
        observation, state, reward, over, info = super().step_env(*args)
        return observation, state, reward.astype(jnp.int32)[None], over * 1, info


class AnotherShape(Sound):
    def step_env(self, *args):
        observation, *rest = super().step_env(*args)
        return observation[:1], *rest


class GrowingState(Sound):
    def step_env(self, *args):
        observation, state, *rest = super().step_env(*args)
        return observation, state.replace(position=state.position[None]), *rest


class MaskTooShort(Sound):
    def invalid_actions(self, state, params):
        return jnp.zeros(1, bool)


class MaskTooLong(Sound):
    def invalid_actions(self, state, params):
        return jnp.zeros((2, 2), bool)


class NothingLegal(Sound):
    def invalid_actions(self, state, params):
        return jnp.ones(2, bool)


class TwoRewards(Sound):
    def step_env(self, *args):
        observation, state, reward, *rest = super().step_env(*args)
        return observation, state, jnp.stack([reward, reward]), *rest


class SeesNone(Sound):
    def reset_env(self, *args):
        return None, super().reset_env(*args)[1]

    def step_env(self, *args):
        return None, *super().step_env(*args)[1:]


class ThreeValues(Sound):
    def step_env(self, *args):
        return super().step_env(*args)[:3]


class ResetsToOneValue(Sound):
    def reset_env(self, *args):
        return super().reset_env(*args)[1]


class Branches(Sound):
    def step_env(self, key, state, action, params):
        if state.position > 1:
            action = 0
        return super().step_env(key, state, action, params)


class NoActions(Sound):
    num_actions = 0

    def action_space(self, params=None):
        return spaces.Discrete(0)


class Raises(Sound):
    def step_env(self, *args):
        raise KeyError("no such cell:\n  in the map")


class SeesNan(Sound):
    def step_env(self, *args):
        observation, *rest = super().step_env(*args)
        return observation * jnp.nan, *rest


class PaysNan(Sound):
    def step_env(self, *args):
        observation, state, reward, *rest = super().step_env(*args)
        return observation, state, reward * jnp.nan, *rest


class ForTwo(Sound):
    def current_player(self, state, params):
        return state.time % 2


class GreedyOutside(Sound):
    def greedy_action(self, state, params):
        return jnp.int32(2)


class GreedyVector(Sound):
    def greedy_action(self, state, params):
        return jnp.zeros(2)


class NeverEnds(Sound):
    """The clock stands still: no time limit can end it."""

    def step_env(self, *args):
        observation, state, reward, over, info = super().step_env(*args)
        return observation, state.replace(time=jnp.int32(0)), 0.0 * reward, over & False, info


class NeverSaysSo(Sound):
    """It has no time limit at all."""

    def step_env(self, *args):
        observation, state, reward, over, info = super().step_env(*args)
        return observation, state, 0.0 * reward, over & False, info

    def is_truncated(self, state, params):
        return jnp.zeros((), bool)


class CannotBeBuilt(Sound):
    def __init__(self):
        raise ValueError("no level file")
