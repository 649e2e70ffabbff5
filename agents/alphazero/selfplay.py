"""Self-play: lanes that search with the true model, and what their episodes teach."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx

from agents.alphazero.config import TrainConfig
from agents.alphazero.replay import Position
from rrplan.logits import mask_logits
from rrplan.models import where
from rrplan.models.static_leaves import Division, find_division
from rrplan.types import Array, Environment, Network, PyTree


class SelfPlayState(NamedTuple):
    """Environments in the middle of their episodes."""

    state: PyTree  # [B, ...]
    observation: PyTree  # [B, ...]
    episode_return: Array  # [B] float32, rewards so far
    episode_length: Array  # [B] int32, steps so far


class Played(NamedTuple):
    """One step of every lane, or with a leading axis T, of a whole chunk."""

    observation: PyTree  # [B, ...] what was decided on
    invalid_actions: Array  # [B, A] bool
    policy_target: Array  # [B, A]
    search_value: Array  # [B] the root's value after the search
    reward: Array  # [B]
    done: Array  # [B] bool, terminated or truncated
    episode_return: Array  # [B] with this step's reward
    episode_length: Array  # [B] with this step
    finite: Array  # [B] bool, no NaN or infinity turned up, here or in the search


class Model(NamedTuple):
    """The true model as a search carries it: what may change, apart from what never does."""

    environment: Environment
    env_params: PyTree
    division: Division


def make_model(environment: Environment, env_params: PyTree) -> Model:
    """Return the environment as a model.

    A tree copies its nodes' embeddings again and again, so what belongs to the episode (an
    instance's weights, a map) is better kept once a lane than once a node.
    """
    return Model(environment, env_params, find_division(environment, env_params))


def search(
    network: Network,
    model: Model,
    config: TrainConfig,
    params: PyTree,
    key: Array,
    lanes: SelfPlayState,
) -> mctx.PolicyOutput:
    """Search every lane by Gumbel MuZero (Danihelka et al. 2022) with the true model.

    Illegal actions are masked at every node. Past the end of an episode the state stays as
    it is and reward, value and discount are selected to be zero: terminal states need not
    absorb, and 0 · NaN would be NaN.
    """
    moving, still = model.division.divide(lanes.state)
    evaluation = network(params, lanes.observation)
    invalid = jax.vmap(model.environment.invalid_actions, (0, None))(lanes.state, model.env_params)
    root = mctx.RootFnOutput(
        prior_logits=mask_logits(evaluation.prior_logits, invalid),
        value=evaluation.value,
        embedding=(moving, jnp.zeros_like(evaluation.value, bool)),
    )
    return mctx.gumbel_muzero_policy(
        params=(params, still),
        rng_key=key,
        root=root,
        recurrent_fn=functools.partial(_simulate, network, model, config.gamma),
        num_simulations=config.num_simulations,
        invalid_actions=invalid,
        qtransform=functools.partial(
            mctx.qtransform_completed_by_mix_value,
            value_scale=config.value_scale,
            maxvisit_init=config.maxvisit_init,
            rescale_values=config.rescale_values,
        ),
        max_num_considered_actions=config.max_num_considered_actions,
        gumbel_scale=config.gumbel_scale,
    )


def _simulate(network, model, gamma, search_params, key, action, embedding):
    params, still = search_params
    moving, over = embedding
    state = model.division.join(moving, still)
    keys = jax.random.split(key, action.shape[0])
    step = jax.vmap(model.environment.step, (0, 0, 0, None))
    after = step(keys, state, action, model.env_params)
    moved = where(over, moving, model.division.divide(after.state)[0])
    invalid = jax.vmap(model.environment.invalid_actions, (0, None))(after.state, model.env_params)
    evaluation = network(params, after.observation)
    ended = over | after.terminated | after.truncated
    output = mctx.RecurrentFnOutput(
        reward=jnp.where(over, 0.0, after.reward),
        discount=jnp.where(ended, 0.0, gamma),
        prior_logits=mask_logits(evaluation.prior_logits, invalid),
        value=jnp.where(ended, 0.0, evaluation.value),
    )
    return output, (moved, ended)


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


def play_step(
    network: Network,
    model: Model,
    config: TrainConfig,
    params: PyTree,
    key: Array,
    lanes: SelfPlayState,
) -> tuple[SelfPlayState, Played]:
    """Search, act and step every lane once; lanes whose episode ended start a new one."""
    search_key, step_key, reset_key = jax.random.split(key, 3)
    found = search(network, model, config, params, search_key, lanes)
    invalid = jax.vmap(model.environment.invalid_actions, (0, None))(lanes.state, model.env_params)
    after = jax.vmap(model.environment.step, (0, 0, 0, None))(
        jax.random.split(step_key, config.num_lanes), lanes.state, found.action, model.env_params
    )
    done = after.terminated | after.truncated
    stepped = SelfPlayState(
        state=after.state,
        observation=after.observation,
        episode_return=lanes.episode_return + after.reward,
        episode_length=lanes.episode_length + 1,
    )
    played = Played(
        observation=lanes.observation,
        invalid_actions=invalid,
        policy_target=found.action_weights,
        search_value=found.search_tree.summary().value,
        reward=after.reward,
        done=done,
        episode_return=stepped.episode_return,
        episode_length=stepped.episode_length,
        finite=jnp.isfinite(after.reward) & _finite_tree(found.search_tree),
    )
    fresh = reset_lanes(model.environment, model.env_params, reset_key, config.num_lanes)
    return where(done, fresh, stepped), played


def play_chunk(
    network: Network,
    model: Model,
    config: TrainConfig,
    params: PyTree,
    key: Array,
    lanes: SelfPlayState,
) -> tuple[SelfPlayState, Played]:
    """Play ``steps_per_chunk`` steps; the record's leaves are ``[T, B, ...]``."""

    def body(lanes, step):
        return play_step(network, model, config, params, jax.random.fold_in(key, step), lanes)

    return jax.lax.scan(body, lanes, jnp.arange(config.steps_per_chunk))


def value_targets(played: Played, last_value: Array, gamma: float, td_lambda: float) -> Array:
    """Return λ-returns to go ``[T, B]`` (Sutton & Barto, 12.1).

    ``last_value [B]`` is the network's value of the states after the chunk: episodes still
    open there are bootstrapped with it, so an episode may span many chunks. Termination and
    truncation both end the return.
    """

    def backward(carry, row):
        later_return, later_value = carry
        mixed = td_lambda * later_return + (1 - td_lambda) * later_value
        target = row.reward + gamma * jnp.where(row.done, 0.0, mixed)
        return (target, row.search_value), target

    rows = played._replace(observation=())
    _, targets = jax.lax.scan(backward, (last_value, last_value), rows, reverse=True)
    return targets


def to_positions(played: Played, targets: Array) -> Position:
    """Flatten a chunk ``[T, B, ...]`` into ``T * B`` positions."""
    rows = Position(played.observation, played.invalid_actions, played.policy_target, targets)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), rows)
