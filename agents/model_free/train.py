"""Training by PPO of a policy that acts in an environment itself, without a search."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from agents.model_free import lanes as plain_lanes
from agents.model_free.config import RolloutConfig
from agents.model_free.lanes import Actor, Harvest, RolloutState
from agents.networks.prior_policy import evaluate_prior
from agents.ppo import learner as ppo
from agents.ppo import train as ppo_train
from agents.ppo.train import Learner, Source
from agents.training.protocol import TrainableEvaluator, Training
from rrplan.capabilities import Described, require
from rrplan.types import Array, Environment, Network, PyTree

# Held-out episodes have keys of their own, the same for every training seed.
EVALUATION_SEED = 0x7E59


@struct.dataclass
class PlainTrainState:
    """Everything a training needs to go on, and nothing else."""

    params: PyTree
    opt_state: PyTree
    lanes: RolloutState
    key: Array  # [] never changes: chunks fold their number into it
    chunk: Array  # [] int32, chunks done


class PlainMetrics(NamedTuple):
    """What one chunk says of itself, ``[]`` float32 each."""

    loss: Array
    policy_loss: Array
    value_loss: Array  # squared error, in units of return_scale
    entropy: Array  # of the policy, nats
    kl: Array
    clipped: Array
    grad_norm: Array
    learning_rate: Array
    episode_return: Array  # mean of the episodes that ended, with drawn actions; NaN without any
    computations: Array  # an episode: its actions but for the last
    episodes: Array  # that ended in this chunk
    finite_input: Array  # 1 where observations and rewards held no NaN or infinity

    @property
    def mean_return(self) -> Array:
        """What progress shows: the mean return with drawn actions."""
        return self.episode_return


class _Spec(NamedTuple):
    """The static half of a training: what a compiled program depends on."""

    environment: Environment
    network: Network
    config: RolloutConfig


def make_plain_train(
    environment: Environment,
    env_params: PyTree,
    network: TrainableEvaluator,
    config: RolloutConfig,
) -> Training:
    """Return the functions that train ``network`` to choose the environment's actions.

    Its states are :class:`PlainTrainState`, its metrics :class:`PlainMetrics`; evaluation is with
    likeliest actions. The network's value is that of a planner's, so that what is learned may
    search as well.

    Compiled programs are shared between trainings that differ in seed or ``env_params`` only: a
    further cost compiles nothing.

    Args:
        environment: any, adapted.
        env_params: its parameters; traced.
        network: of :func:`agents.networks.build` or :func:`agents.metareasoning.network.build`.
        config: how it is trained.

    Raises:
        InputError: the environment does not tell itself from others (``describe``).
    """
    spec, env_params = _Spec(environment, network, config), jax.tree.map(jnp.asarray, env_params)
    return Training(
        init=functools.partial(_init, spec, env_params),
        advance=functools.partial(_advance, spec, env_params),
        evaluate=functools.partial(_evaluate, spec, env_params),
        config=config,
        network=network,
        identity={
            "environment": dict(require(environment, Described).describe()),
            "env_params": [np.asarray(leaf).tolist() for leaf in jax.tree.leaves(env_params)],
        },
    )


def _source(spec: _Spec, env_params: PyTree) -> Source[Harvest]:
    environment, config, actor = spec.environment, spec.config, Actor(spec.network)

    def start(params, key):
        del params
        return plain_lanes.start(environment, env_params, key, config.num_lanes)

    def collect(params, key, lanes):
        beyond = config.gamma if config.bootstrap_truncated else None
        return plain_lanes.collect(
            environment, env_params, actor, params, key, lanes, config.steps_per_chunk, beyond
        )

    return Source(actor, start, collect)


@functools.partial(jax.jit, static_argnums=0)
def _init(spec: _Spec, env_params: PyTree, key: Array, params: PyTree) -> PlainTrainState:
    source, params = _source(spec, env_params), Actor(spec.network).wrap(params)
    return _to_state(ppo_train.begin(source, spec.config, key, params))


@functools.partial(jax.jit, static_argnums=0)
def _advance(
    spec: _Spec, env_params: PyTree, state: PlainTrainState
) -> tuple[PlainTrainState, PlainMetrics]:
    source = _source(spec, env_params)
    params = Actor(spec.network).wrap(state.params)
    learner = Learner(params, state.opt_state, state.lanes, state.key, state.chunk)
    learner, done = ppo_train.advance(source, spec.config, learner)
    return _to_state(learner), summarize(done.harvest, done.losses, done.learning_rate)


def _to_state(learner: Learner) -> PlainTrainState:
    return PlainTrainState(
        params=learner.params["weights"],
        opt_state=learner.opt_state,
        lanes=learner.episodes,
        key=learner.key,
        chunk=learner.chunk,
    )


def summarize(harvest: Harvest, losses: ppo.Losses, learning_rate: Array) -> PlainMetrics:
    """Return the metrics of a chunk."""
    ended = harvest.ended
    number = ended.sum()
    return PlainMetrics(
        **ppo.tell(losses, learning_rate),
        episode_return=jnp.sum(harvest.total * ended) / number,
        computations=jnp.sum((harvest.length - 1) * ended) / number,
        episodes=number.astype(jnp.float32),
        finite_input=harvest.finite.all().astype(jnp.float32),
    )


def _evaluate(spec: _Spec, env_params: PyTree, params: PyTree) -> Array:
    count = spec.config.evaluation_episodes
    problem = (spec.environment, env_params, spec.network, params)
    return evaluate_prior(*problem, seed=EVALUATION_SEED, episodes=count)
