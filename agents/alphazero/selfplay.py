"""Self-play: lanes that search with the true model, and what their episodes teach."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx

from agents.alphazero import replay
from agents.alphazero.config import TrainConfig
from rrplan.capabilities import return_scale_of
from rrplan.models import Position, where
from rrplan.models.true_model import TrueModel
from rrplan.search.qtransforms import SMALLEST
from rrplan.types import Array, Environment, PyTree


class SelfPlayState(NamedTuple):
    """Environments in the middle of their episodes."""

    state: PyTree  # [B, ...]
    observation: PyTree  # [B, ...]
    episode_return: Array  # [B] float32, rewards so far
    episode_length: Array  # [B] int32, steps so far


class Stepped(NamedTuple):
    """What one step of every lane brought, ``[B]`` each."""

    observation: PyTree  # of the state it led to, before a new episode
    reward: Array
    done: Array  # bool, terminated or truncated
    truncated: Array  # bool, ended by a limit alone
    episode_return: Array  # with this step's reward
    episode_length: Array  # with this step


class Played(NamedTuple):
    """One step of every lane, or with a leading axis T, of a whole chunk."""

    observation: PyTree  # [B, ...] what was decided on
    invalid_actions: Array  # [B, A] bool
    policy_target: Array  # [B, A]
    search_value: Array  # [B] the root's value after the search
    reward: Array  # [B]
    done: Array  # [B] bool, terminated or truncated
    final_value: Array  # [B] what is still to come where a limit ended it; 0 elsewhere
    episode_return: Array  # [B] with this step's reward
    episode_length: Array  # [B] with this step
    finite: Array  # [B] bool, no NaN or infinity turned up, here or in the search


def search(
    model: TrueModel, config: TrainConfig, params: PyTree, key: Array, lanes: SelfPlayState
) -> tuple[mctx.PolicyOutput, Array]:
    """Search every lane by Gumbel MuZero (Danihelka et al. 2022) with the true model.

    Illegal actions are masked at every node.

    Returns:
        What was found, and the illegal actions ``[B, A]`` at the roots.
    """
    position = Position(lanes.state, jnp.zeros(lanes.episode_return.shape, bool))
    begun = model.begin(params, position, lanes.observation)
    found = mctx.gumbel_muzero_policy(
        params=begun.params,
        rng_key=key,
        root=begun.root,
        recurrent_fn=model.recurrent_fn,
        num_simulations=config.num_simulations,
        invalid_actions=begun.invalid_actions,
        qtransform=functools.partial(
            mctx.qtransform_completed_by_mix_value,
            value_scale=config.value_scale,
            maxvisit_init=config.maxvisit_init,
            rescale_values=config.rescale_values,
            epsilon=max(config.value_floor * return_scale_of(model.network), SMALLEST),
        ),
        max_num_considered_actions=config.max_num_considered_actions,
        gumbel_scale=config.gumbel_scale,
    )
    return found, begun.invalid_actions


def _finite_tree(tree: mctx.Tree) -> Array:
    # The network is finite where its input is, so a raw value tells of the observations.
    rewards = jnp.isfinite(tree.children_rewards).all(axis=(1, 2))
    return rewards & jnp.isfinite(tree.raw_values).all(axis=1)


def reset_lanes(
    environment: Environment, env_params: PyTree, key: Array, count: int
) -> SelfPlayState:
    """Start ``count`` lanes at the first states of new episodes."""
    state, observation = jax.vmap(environment.reset, (0, None))(
        jax.random.split(key, count), env_params
    )
    return SelfPlayState(state, observation, jnp.zeros(count), jnp.zeros(count, jnp.int32))


def step_lanes(
    model: TrueModel, step_key: Array, reset_key: Array, lanes: SelfPlayState, action: Array
) -> tuple[SelfPlayState, Stepped]:
    """Step every lane once by ``action [B]``; those whose episode ends start a new one."""
    count = action.shape[0]
    after = jax.vmap(model.environment.step, (0, 0, 0, None))(
        jax.random.split(step_key, count), lanes.state, action, model.env_params
    )
    stepped = SelfPlayState(
        state=after.state,
        observation=after.observation,
        episode_return=lanes.episode_return + after.reward,
        episode_length=lanes.episode_length + 1,
    )
    done = after.terminated | after.truncated
    fresh = reset_lanes(model.environment, model.env_params, reset_key, count)
    cut = after.truncated & ~after.terminated
    totals = stepped.episode_return, stepped.episode_length
    told = Stepped(after.observation, after.reward, done, cut, *totals)
    return where(done, fresh, stepped), told


def play_step(
    model: TrueModel, config: TrainConfig, params: PyTree, key: Array, lanes: SelfPlayState
) -> tuple[SelfPlayState, Played]:
    """Search, act and step every lane once; lanes whose episode ended start a new one."""
    search_key, step_key, reset_key = jax.random.split(key, 3)
    found, invalid = search(model, config, params, search_key, lanes)
    following, stepped = step_lanes(model, step_key, reset_key, lanes, found.action)
    final_value = jnp.zeros_like(stepped.reward)
    if config.bootstrap_truncated:
        value = model.network(params, stepped.observation).value
        final_value = jnp.where(stepped.truncated, value, 0.0)
    played = Played(
        observation=lanes.observation,
        invalid_actions=invalid,
        policy_target=found.action_weights,
        search_value=found.search_tree.summary().value,
        reward=stepped.reward,
        done=stepped.done,
        final_value=final_value,
        episode_return=stepped.episode_return,
        episode_length=stepped.episode_length,
        finite=jnp.isfinite(stepped.reward) & _finite_tree(found.search_tree),
    )
    return following, played


def play_chunk(
    model: TrueModel, config: TrainConfig, params: PyTree, key: Array, lanes: SelfPlayState
) -> tuple[SelfPlayState, Played]:
    """Play ``steps_per_chunk`` steps; the record's leaves are ``[T, B, ...]``."""

    def body(lanes, step):
        return play_step(model, config, params, jax.random.fold_in(key, step), lanes)

    return jax.lax.scan(body, lanes, jnp.arange(config.steps_per_chunk))


def value_targets(played: Played, last_value: Array, gamma: float, td_lambda: float) -> Array:
    """Return λ-returns to go ``[T, B]`` (Sutton & Barto, 12.1).

    ``last_value [B]`` is the network's value of the states after the chunk: episodes still
    open there are bootstrapped with it, so an episode may span many chunks. Termination ends the
    return, and so does truncation where ``final_value`` is 0 (Pardo et al. 2018 on the choice).
    """

    def backward(carry, row):
        later_return, later_value = carry
        mixed = td_lambda * later_return + (1 - td_lambda) * later_value
        target = row.reward + gamma * jnp.where(row.done, row.final_value, mixed)
        return (target, row.search_value), target

    rows = played._replace(observation=())
    _, targets = jax.lax.scan(backward, (last_value, last_value), rows, reverse=True)
    return targets


def to_positions(played: Played, targets: Array) -> replay.Position:
    """Flatten a chunk ``[T, B, ...]`` into ``T * B`` positions."""
    rows = replay.Position(
        played.observation, played.invalid_actions, played.policy_target, targets
    )
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), rows)
