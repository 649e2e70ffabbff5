"""Lanes in which a policy acts in an environment itself, and their records."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rrplan import keys
from rrplan.capabilities import return_scale_of
from rrplan.engine import meta_steps
from rrplan.engine.meta_steps import Looks
from rrplan.logits import mask_logits
from rrplan.models import finite, where
from rrplan.types import Array, Environment, Network, PyTree


class Seen(NamedTuple):
    """What a policy decides on."""

    observation: PyTree  # [B, ...]
    invalid_actions: Array  # [B, A] bool


class Decision(NamedTuple):
    """What is recorded of an action; fields as :class:`agents.metapolicies.learned.Choice`."""

    inputs: Seen  # [B, ...]
    answer: Array  # [B] int32, action
    log_prob: Array  # [B] float32
    value: Array  # [B] float32, expected return to go


@dataclass(frozen=True)
class Actor:
    """A network as a policy: its prior among the legal actions.

    Attributes:
        network: static; it may say in ``return_scale`` how large returns are.
    """

    network: Network

    def wrap(self, weights: PyTree) -> PyTree:
        """Return the network's parameters as :func:`agents.ppo.learner.learn` takes them."""
        scale = jnp.float32(return_scale_of(self.network))
        return {"weights": weights, "value_deviation": scale}

    def __call__(self, params: PyTree, seen: Seen) -> tuple[Array, Array]:
        """Return logits ``[B, A]`` and the expected return to go ``[B]``."""
        answer = self.network(params["weights"], seen.observation)
        return mask_logits(answer.prior_logits, seen.invalid_actions), answer.value


@struct.dataclass
class RolloutState:
    """Episodes under way. Each has a number of its own, from which all its keys come."""

    state: PyTree  # [B, ...]
    observation: PyTree  # [B, ...]
    episode: Array  # [B] int32
    time: Array  # [B] int32, actions so far
    total: Array  # [B] float32, rewards so far
    begun: Array  # [] int32, episodes begun so far: the number of the next


class Harvest(NamedTuple):
    """What a chunk brought: all that was done, and of each step what ended with it."""

    looks: Looks  # [T + 1, B], the last row open
    ended: Array  # [T, B] bool
    total: Array  # [T, B] float32, return of the episode so far
    length: Array  # [T, B] int32, its actions so far
    finite: Array  # [T, B] bool, no NaN or infinity in the reward and in what was seen


def start(environment: Environment, env_params: PyTree, key: Array, count: int) -> RolloutState:
    """Begin the first ``count`` episodes."""
    return _begin(environment, env_params, key, jnp.arange(count, dtype=jnp.int32), count)


def collect(
    environment: Environment,
    env_params: PyTree,
    actor: Actor,
    params: PyTree,
    key: Array,
    lanes: RolloutState,
    steps: int,
    beyond: float | None = None,
) -> tuple[RolloutState, Harvest]:
    """Act ``steps`` times in every lane; where an episode ends, the next one begins.

    The open row at the end tells what is expected of the state that was reached. It is asked
    about again, and then acted on, in the next chunk.

    Args:
        environment: static.
        env_params: traced.
        actor: static.
        params: of :meth:`Actor.wrap`.
        key: scalar key of all episodes; it is the same in every chunk.
        lanes: of :func:`start`, or as the chunk before left them.
        steps: ``T``.
        beyond: static; where a time limit alone ends an episode, what the network expects of the
            state that was reached is added to the reward that is learned from, times this discount.
            None: a limit ends an episode as anything else does.
    """

    def body(lanes, _):
        decision = _decide(environment, env_params, actor, params, key, lanes)
        after = jax.vmap(environment.step, (0, 0, 0, None))(
            keys.draw(key, lanes.episode, keys.Domain.STEP, lanes.time),
            lanes.state,
            decision.answer,
            env_params,
        )
        ended = after.terminated | after.truncated
        total, length = lanes.total + after.reward, lanes.time + 1
        stepped = replace(
            lanes, state=after.state, observation=after.observation, time=length, total=total
        )
        number = lanes.begun + jnp.cumsum(ended, dtype=jnp.int32) - 1
        begun = lanes.begun + ended.sum(dtype=jnp.int32)
        fresh = _begin(environment, env_params, key, number, begun)
        sound = finite((after.reward, decision.inputs.observation))
        reward = after.reward
        if beyond is not None:
            cut = after.truncated & ~after.terminated
            seen = Seen(after.observation, decision.inputs.invalid_actions)  # a value needs no mask
            reward = reward + beyond * jnp.where(cut, actor(params, seen)[1], 0.0)
        row = (decision, reward, ended, total, length, sound)
        # One number is shared by all lanes; the rest is selected lane by lane.
        kept = where(ended, replace(fresh, begun=()), replace(stepped, begun=()))
        return replace(kept, begun=begun), row

    lanes, rows = jax.lax.scan(body, lanes, None, length=steps)
    decisions, reward, ended, total, length, sound = rows
    last = _decide(environment, env_params, actor, params, key, lanes)
    looks = meta_steps.of_steps(decisions, last, reward, jnp.ones(ended.shape, jnp.int32), ended)
    return lanes, Harvest(looks, ended, total, length, sound)


def _begin(
    environment: Environment, env_params: PyTree, key: Array, episode: Array, begun: Array | int
) -> RolloutState:
    state, observation = keys.first_states(environment, env_params, key, episode)
    none = jnp.zeros(episode.shape, jnp.int32)
    return RolloutState(
        state, observation, episode, none, none.astype(jnp.float32), jnp.int32(begun)
    )


def _decide(
    environment: Environment,
    env_params: PyTree,
    actor: Actor,
    params: PyTree,
    key: Array,
    lanes: RolloutState,
) -> Decision:
    """Draw an action in every lane."""
    invalid = jax.vmap(environment.invalid_actions, (0, None))(lanes.state, env_params)
    seen = Seen(lanes.observation, invalid)
    logits, value = actor(params, seen)
    draws = keys.draw(key, lanes.episode, keys.Domain.META, lanes.time)
    action = jax.vmap(jax.random.categorical)(draws, logits).astype(jnp.int32)
    log_prob = jnp.take_along_axis(jax.nn.log_softmax(logits), action[:, None], axis=-1)[:, 0]
    return Decision(seen, action, log_prob, value)
