"""Training of controllers on metareasoning problems: the policy computes, or stops, itself."""

import functools
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from agents import controller_lanes, ppo
from agents.controller_config import ControllerConfig
from agents.controller_lanes import Actor, Harvest, Lanes
from agents.meta_training import make_optimizer, make_schedule
from agents.training import evaluate_prior
from envs.adapter import Adapter
from rrplan.types import Array, Network, PyTree

# Held-out episodes have keys of their own, the same for every training seed.
EVALUATION_SEED = 0x7E59


@struct.dataclass
class ControllerTrainState:
    """Everything a training needs to go on, and nothing else."""

    params: PyTree
    opt_state: PyTree
    lanes: Lanes
    key: Array  # [] never changes: chunks fold their number into it
    chunk: Array  # [] int32, chunks done


class ControllerMetrics(NamedTuple):
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


class ControllerTrain(NamedTuple):
    """A training as pure functions; the programs behind them are shared by equal settings.

    As :class:`agents.training.Train`, so that :func:`agents.fit.fit` drives both;
    ``evaluate(params)`` gives the returns ``[E]`` of other episodes, with likeliest actions.
    """

    init: Callable[[Array, PyTree], ControllerTrainState]
    advance: Callable[[ControllerTrainState], tuple[ControllerTrainState, ControllerMetrics]]
    evaluate: Callable[[PyTree], Array]
    config: ControllerConfig
    network: Network
    identity: dict[str, Any]  # what else makes it this training, as JSON


class _Spec(NamedTuple):
    """The static half of a training: what a compiled program depends on."""

    environment: Adapter
    network: Network
    config: ControllerConfig


def make_controller_train(
    environment: Adapter, env_params: PyTree, network: Network, config: ControllerConfig
) -> ControllerTrain:
    """Return the functions that train ``network`` to choose the environment's actions.

    Compiled programs are shared between trainings that differ in seed or ``env_params`` only: a
    further cost compiles nothing.

    Args:
        environment: a problem of :mod:`envs.metalevel`, adapted, or any other environment.
        env_params: its parameters, the cost among them; traced.
        network: of :func:`agents.controller_networks.build`.
        config: how it is trained.
    """
    spec, env_params = _Spec(environment, network, config), jax.tree.map(jnp.asarray, env_params)
    return ControllerTrain(
        init=functools.partial(_init, spec, env_params),
        advance=functools.partial(_advance, spec, env_params),
        evaluate=functools.partial(_evaluate, spec, env_params),
        config=config,
        network=network,
        identity={
            "environment": _describe(environment.env),
            "env_params": [np.asarray(leaf).tolist() for leaf in jax.tree.leaves(env_params)],
        },
    )


@functools.partial(jax.jit, static_argnums=0)
def _init(spec: _Spec, env_params: PyTree, key: Array, params: PyTree) -> ControllerTrainState:
    config, episodes_key = spec.config, _keys(key)[0]
    return ControllerTrainState(
        params=params,
        opt_state=make_optimizer(config).init(params),
        lanes=controller_lanes.start(spec.environment, env_params, episodes_key, config.num_lanes),
        key=key,
        chunk=jnp.int32(0),
    )


@functools.partial(jax.jit, static_argnums=0)
def _advance(
    spec: _Spec, env_params: PyTree, state: ControllerTrainState
) -> tuple[ControllerTrainState, ControllerMetrics]:
    config, actor = spec.config, Actor(spec.network)
    episodes_key, learn_key = _keys(state.key)
    params = actor.wrap(state.params)
    lanes, harvest = controller_lanes.collect(
        spec.environment,
        env_params,
        actor,
        params,
        episodes_key,
        state.lanes,
        config.steps_per_chunk,
    )
    params, opt_state, losses = ppo.learn(
        actor,
        config,
        make_optimizer(config),
        ppo.shares(config, state.chunk),
        jax.random.fold_in(learn_key, state.chunk),
        params,
        state.opt_state,
        ppo.to_batch(harvest.asks, config),
    )
    chunk = state.chunk + 1
    updates = chunk * config.epochs * config.minibatches
    metrics = summarize(harvest, losses, make_schedule(config)(updates - 1))
    following = ControllerTrainState(params["weights"], opt_state, lanes, state.key, chunk)
    return following, metrics


def summarize(harvest: Harvest, losses: ppo.Losses, learning_rate: Array) -> ControllerMetrics:
    """Return the metrics of a chunk."""
    ended = harvest.ended
    number = ended.sum()
    return ControllerMetrics(
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


def _keys(key: Array) -> tuple[Array, Array]:
    """Return the key of the episodes and that of the learning."""
    return jax.random.fold_in(key, 0), jax.random.fold_in(key, 1)


def _describe(env: Any) -> dict[str, str]:
    """Return what tells an environment from others, where it is a dataclass, and its name."""
    told = fields(env) if is_dataclass(env) else ()
    return {"name": env.name} | {f.name: repr(getattr(env, f.name)) for f in told if f.compare}
