"""What a model learns from: a finished planner's play, with some steps drawn at random."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from agents.alphazero import selfplay
from agents.alphazero.selfplay import SelfPlayState
from agents.model_learning.config import ModelConfig
from rrplan.logits import mask_logits
from rrplan.models.true_model import TrueModel
from rrplan.types import Array, PyTree


class Step(NamedTuple):
    """One step of every lane, ``[B, ...]``; as a row of a replay without the axis."""

    observation: PyTree  # what was decided on
    invalid_actions: Array  # [B, A] bool
    action: Array  # [B] int32
    drawn: Array  # [B] bool, the action was drawn at random
    policy_target: Array  # [B, A] improved policy of the search
    search_value: Array  # [B] the root's value after the search
    reward: Array  # [B]
    ended: Array  # [B] bool, terminated or truncated


def blank(observation: PyTree, num_actions: int) -> Step:
    """Return a step without a lane, for the shapes of a history, with an observation ``[...]``."""
    return Step(
        observation=observation,
        invalid_actions=jnp.zeros(num_actions, bool),
        action=jnp.int32(0),
        drawn=jnp.zeros((), bool),
        policy_target=jnp.zeros(num_actions),
        search_value=jnp.zeros(()),
        reward=jnp.zeros(()),
        ended=jnp.zeros((), bool),
    )


class Told(NamedTuple):
    """What is reported of a step, ``[B]`` each."""

    episode_return: Array  # with this step's reward
    ended: Array  # bool
    finite: Array  # bool, no NaN or infinity turned up


def play_step(
    model: TrueModel, config: ModelConfig, params: PyTree, key: Array, lanes: SelfPlayState
) -> tuple[SelfPlayState, tuple[Step, Told]]:
    """Search, act and step every lane once; lanes whose episode ended start a new one.

    Args:
        model: the true model with the planner's network.
        config: how long it searches, and how much is drawn at random.
        params: of the planner's network.
        key: of this step.
        lanes: ``[B]``.
    """
    search_key, draw_key, step_key, reset_key = jax.random.split(key, 4)
    found, invalid = selfplay.search(model, config.play, params, search_key, lanes)
    whether_key, action_key = jax.random.split(draw_key)
    drawn = jax.random.bernoulli(whether_key, config.random_share, found.action.shape)
    anything = jax.random.categorical(action_key, mask_logits(jnp.zeros(invalid.shape), invalid))
    action = jnp.where(drawn, anything, found.action).astype(jnp.int32)
    following, stepped = selfplay.step_lanes(model, step_key, reset_key, lanes, action)
    value = found.search_tree.summary().value
    step = Step(
        observation=lanes.observation,
        invalid_actions=invalid,
        action=action,
        drawn=drawn,
        policy_target=found.action_weights,
        search_value=value,
        reward=stepped.reward,
        ended=stepped.done,
    )
    finite = jnp.isfinite(stepped.reward) & jnp.isfinite(value)
    return following, (step, Told(stepped.episode_return, stepped.done, finite))


def play(
    model: TrueModel,
    config: ModelConfig,
    params: PyTree,
    key: Array,
    lanes: SelfPlayState,
    steps: int,
) -> tuple[SelfPlayState, tuple[Step, Told]]:
    """Play some steps; the records' leaves are ``[T, B, ...]``."""

    def body(lanes, number):
        return play_step(model, config, params, jax.random.fold_in(key, number), lanes)

    return jax.lax.scan(body, lanes, jnp.arange(steps))
