"""Training of base planners: AlphaZero with Gumbel MuZero's search over the true model."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import struct

from agents.alphazero import replay, selfplay
from agents.alphazero.config import TrainConfig
from agents.alphazero.replay import Position, Replay
from agents.alphazero.selfplay import SelfPlayState
from agents.networks.prior_policy import evaluate_prior
from agents.training.descent import make_optimizer, make_schedule
from agents.training.protocol import TrainableEvaluator, Training
from rrplan.capabilities import return_scale_of
from rrplan.logits import entropy_of, mask_logits
from rrplan.models.true_model import make_true_model
from rrplan.types import Array, Environment, Network, PyTree

# Held-out episodes have keys of their own, the same for every training seed.
EVALUATION_SEED = 0x7E57


@struct.dataclass
class TrainState:
    """Everything a training needs to go on, and nothing else."""

    params: PyTree
    opt_state: PyTree
    replay: Replay
    lanes: SelfPlayState  # [B, ...]
    key: Array  # [] never changes: chunks fold their number into it
    chunk: Array  # [] int32, chunks done


class Metrics(NamedTuple):
    """What one chunk says of itself, ``[]`` float32 each."""

    loss: Array
    policy_loss: Array  # cross-entropy against the search
    value_loss: Array  # half the squared error, in units of return_scale
    target_entropy: Array  # of the search's improved policies, nats
    grad_norm: Array
    learning_rate: Array
    selfplay_return: Array  # mean of the episodes that ended; NaN where none did
    selfplay_length: Array  # their mean length; NaN where none ended
    episodes: Array  # that ended in this chunk
    finite_input: Array  # 1 where observations, rewards and searches held no NaN or infinity

    @property
    def mean_return(self) -> Array:
        """What progress shows: the mean return of self-play."""
        return self.selfplay_return


class _Spec(NamedTuple):
    """The static half of a training: what a compiled program depends on."""

    environment: Environment
    network: Network
    config: TrainConfig


def make_train(
    environment: Environment, env_params: PyTree, network: TrainableEvaluator, config: TrainConfig
) -> Training:
    """Return the functions that train ``network`` on ``environment``.

    Its states are :class:`TrainState`, its metrics :class:`Metrics`; evaluation is without search.

    The environment's own step is the model (stochastic environments are searched as mctx
    does, each edge keeping the sample it drew). Compiled programs are shared between calls
    with equal arguments, so further training seeds compile nothing.
    """
    spec = _Spec(environment, network, config)
    return Training(
        init=functools.partial(_init, spec, env_params),
        advance=functools.partial(_advance, spec, env_params),
        evaluate=functools.partial(_evaluate, spec, env_params),
        config=config,
        network=network,
        identity={},  # settings, network and key name it
    )


@functools.partial(jax.jit, static_argnums=0)
def _init(spec: _Spec, env_params: PyTree, key: Array, params: PyTree) -> TrainState:
    run_key, reset_key = jax.random.split(key)
    environment, config = spec.environment, spec.config
    lanes = selfplay.reset_lanes(environment, env_params, reset_key, config.num_lanes)
    row = Position(
        observation=jax.tree.map(lambda leaf: leaf[0], lanes.observation),
        invalid_actions=jnp.zeros(environment.num_actions, bool),
        policy_target=jnp.zeros(environment.num_actions),
        value_target=jnp.zeros(()),
    )
    return TrainState(
        params=params,
        opt_state=make_optimizer(config).init(params),
        replay=replay.empty(row, config.replay_capacity),
        lanes=lanes,
        key=run_key,
        chunk=jnp.int32(0),
    )


@functools.partial(jax.jit, static_argnums=0)
def _advance(spec: _Spec, env_params: PyTree, state: TrainState) -> tuple[TrainState, Metrics]:
    environment, network, config = spec
    play_key, learn_key = jax.random.split(jax.random.fold_in(state.key, state.chunk))
    model = make_true_model(environment, env_params, network, config.gamma)
    lanes, played = selfplay.play_chunk(model, config, state.params, play_key, state.lanes)
    last_value = network(state.params, lanes.observation).value
    targets = selfplay.value_targets(played, last_value, config.gamma, config.td_lambda)
    rows = replay.insert(state.replay, selfplay.to_positions(played, targets))
    params, opt_state, losses = _learn(spec, learn_key, state.params, state.opt_state, rows)
    chunk = state.chunk + 1
    updates = chunk * config.updates_per_chunk
    rate = jnp.asarray(make_schedule(config)(updates - 1))
    metrics = _summarize(played, losses, rate)
    return TrainState(params, opt_state, rows, lanes, state.key, chunk), metrics


class Losses(NamedTuple):
    """What gradient steps say of themselves, ``[]`` float32 each."""

    loss: Array
    policy: Array
    value: Array
    grad_norm: Array


def _learn(spec: _Spec, key: Array, params: PyTree, opt_state: PyTree, rows: Replay):
    config = spec.config

    def body(carry, step):
        batch = replay.sample(rows, jax.random.fold_in(key, step), config.batch_size)
        params, opt_state = carry
        params, opt_state, losses = update(spec.network, config, params, opt_state, batch)
        return (params, opt_state), losses

    steps = jnp.arange(config.updates_per_chunk)
    (params, opt_state), losses = jax.lax.scan(body, (params, opt_state), steps)
    return params, opt_state, jax.tree.map(jnp.mean, losses)


def update(
    network: Network, config: TrainConfig, params: PyTree, opt_state: PyTree, batch: Position
) -> tuple[PyTree, PyTree, Losses]:
    """Take one gradient step on ``batch``, and return parameters, optimizer's state and losses."""
    objective = functools.partial(_loss, network, config, batch=batch)
    (loss, (policy, value)), grads = jax.value_and_grad(objective, has_aux=True)(params)
    updates, opt_state = make_optimizer(config).update(grads, opt_state, params)
    losses = Losses(loss, policy, value, _norm(grads))
    return optax.apply_updates(params, updates), opt_state, losses


def _norm(tree: PyTree) -> Array:
    return jnp.sqrt(sum(jnp.square(leaf).sum() for leaf in jax.tree.leaves(tree)))


def _loss(
    network: Network, config: TrainConfig, params: PyTree, batch: Position
) -> tuple[Array, tuple[Array, Array]]:
    answer = network(params, batch.observation)
    log_probs = jax.nn.log_softmax(mask_logits(answer.prior_logits, batch.invalid_actions))
    # Illegal actions have a target of 0 and a log-probability near the lowest float.
    terms = jnp.where(batch.invalid_actions, 0.0, batch.policy_target * log_probs)
    policy_loss = -terms.sum(axis=-1).mean()
    entropy = entropy_of(jnp.exp(log_probs)).mean() if config.entropy_weight else 0.0
    scale = return_scale_of(network)
    value_loss = 0.5 * jnp.square((answer.value - batch.value_target) / scale).mean()
    loss = policy_loss + config.value_loss_weight * value_loss - config.entropy_weight * entropy
    return loss, (policy_loss, value_loss)


def _summarize(played: selfplay.Played, losses: Losses, learning_rate: Array) -> Metrics:
    target = played.policy_target
    entropy = -jnp.sum(jnp.where(target > 0, target * jnp.log(target), 0.0), axis=-1)
    episodes = played.done.sum()
    return Metrics(
        loss=losses.loss,
        policy_loss=losses.policy,
        value_loss=losses.value,
        target_entropy=entropy.mean(),
        grad_norm=losses.grad_norm,
        learning_rate=jnp.asarray(learning_rate, jnp.float32),
        selfplay_return=jnp.sum(played.episode_return * played.done) / episodes,
        selfplay_length=jnp.sum(played.episode_length * played.done) / episodes,
        episodes=episodes.astype(jnp.float32),
        finite_input=played.finite.all().astype(jnp.float32),
    )


def _evaluate(spec: _Spec, env_params: PyTree, params: PyTree) -> Array:
    count = spec.config.evaluation_episodes
    problem = (spec.environment, env_params, spec.network, params)
    return evaluate_prior(*problem, seed=EVALUATION_SEED, episodes=count)
