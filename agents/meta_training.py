"""Training of meta-policies: lanes that run on and on, and PPO on what they were asked."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct

import rrplan
from agents import learned, ppo
from agents.meta_config import PPOConfig
from agents.meta_metrics import MetaMetrics, summarize
from agents.meta_networks import MetaNetwork, measure
from rrplan import checks, memory, stream
from rrplan.errors import InputError
from rrplan.models import Settings, make_model
from rrplan.records import Engine
from rrplan.stream import Stream
from rrplan.types import Array, Costs, Environment, Network, PyTree

# Held-out episodes have keys of their own, the same for every training seed.
EVALUATION_SEED = 0x7E58
_LEAST_SHARE = 0.02  # of a chunk in the statistics that normalise inputs


class Planner(NamedTuple):
    """What a meta-policy controls. ``params`` are traced, the rest is static."""

    environment: Environment
    env_params: PyTree
    network: Network
    params: PyTree
    search: rrplan.Search
    max_simulations: int


@struct.dataclass
class MetaTrainState:
    """Everything a training needs to go on, and nothing else."""

    params: PyTree
    opt_state: PyTree
    stream: Stream
    key: Array  # [] never changes: chunks fold their number into it
    chunk: Array  # [] int32, chunks done


class MetaTrain(NamedTuple):
    """A training as pure functions; the programs behind them are shared by equal settings.

    As :class:`agents.training.Train`, so that :func:`agents.fit.fit` drives both;
    ``evaluate(params)`` gives the timed returns ``[E]`` of other episodes, with likeliest answers.
    """

    init: Callable[[Array, PyTree], MetaTrainState]
    advance: Callable[[MetaTrainState], tuple[MetaTrainState, MetaMetrics]]
    evaluate: Callable[[PyTree], Array]
    config: PPOConfig
    network: MetaNetwork
    identity: dict[str, Any]  # what else makes it this training, as JSON


class _Spec(NamedTuple):
    """The static half of a training: what a compiled program depends on."""

    environment: Environment
    network: Network
    meta_network: MetaNetwork
    config: PPOConfig
    max_simulations: int


class _Given(NamedTuple):
    """The traced half: what may differ between trainings that share a program."""

    env_params: PyTree
    planner_params: PyTree
    search: dict[str, Array]  # fields of Settings
    lowest_price: Array
    highest_price: Array
    start: Array
    strength: Array


def make_meta_train(
    planner: Planner, meta_network: MetaNetwork, config: PPOConfig, start: int
) -> MetaTrain:
    """Return the functions that train a meta-policy for a planner.

    Prices are drawn log-uniformly for each episode, from ``config.lowest_price`` to
    ``config.highest_price``; where they are equal, that is the price. Compiled programs are
    shared between trainings that differ in seed, planner parameters, prices or ``start`` only.

    Args:
        planner: what it controls.
        meta_network: of :func:`agents.meta_networks.build`.
        config: how it is trained.
        start: the fixed k that the policy starts from.

    Raises:
        InputError: ``start`` or ``planner.max_simulations`` is out of range, the planner's network
            has outputs of wrong shapes, or the trees do not fit into memory.
    """
    _require("max_simulations", planner.max_simulations, 1, 2**30)
    _require("start", start, 0, planner.max_simulations)
    # Prices are traced: without them in the static half, all prices share one program.
    static = dataclasses.replace(config, lowest_price=1.0, highest_price=1.0)
    spec = _Spec(
        planner.environment, planner.network, meta_network, static, planner.max_simulations
    )
    given = _Given(
        env_params=jax.tree.map(jnp.asarray, planner.env_params),
        planner_params=planner.params,
        search=planner.search.traced(),
        lowest_price=jnp.float32(config.lowest_price),
        highest_price=jnp.float32(config.highest_price),
        start=jnp.int32(start),
        strength=jnp.float32(config.initial_strength),
    )
    _check(spec, given)
    return MetaTrain(
        init=functools.partial(_init, spec, given),
        advance=functools.partial(_advance, spec, given),
        evaluate=functools.partial(_evaluate, planner, meta_network, config),
        config=config,
        network=meta_network,
        identity={
            "start": int(start),
            "search": dataclasses.asdict(planner.search),
            "max_simulations": planner.max_simulations,
            "planner": _digest((planner.env_params, planner.params)),
        },
    )


def draw_prices(lowest: Array, highest: Array, keys: Array) -> Array:
    """Return prices ``[n]`` drawn log-uniformly, one from each key; all alike if both are equal.

    Zero is a price, but the lower end of no range.
    """
    share = jax.vmap(jax.random.uniform)(keys)
    least = jnp.maximum(lowest, 1e-12)
    drawn = least * jnp.exp(share * jnp.log(jnp.maximum(highest, 1e-12) / least))
    return jnp.where(lowest == highest, lowest, drawn)


def make_schedule(config: PPOConfig) -> optax.Schedule:
    """Return the learning rate as a function of the gradient step: a cosine to zero."""
    return optax.cosine_decay_schedule(config.learning_rate, max(1, config.total_updates))


def make_optimizer(config: PPOConfig) -> optax.GradientTransformation:
    """Return Adam with clipped gradients."""
    return optax.chain(
        optax.clip_by_global_norm(config.max_grad_norm), optax.adam(make_schedule(config))
    )


def _engine(spec: _Spec, given: _Given) -> Engine:
    return Engine(
        model=make_model(spec.environment, given.env_params, spec.network),
        meta_policy=learned.sampling(spec.meta_network),
        num_lanes=spec.config.num_lanes,
        max_simulations=spec.max_simulations,
        record=spec.config.rows_per_lane,
    )


def _settings(given: _Given, key: Array, meta_params: PyTree) -> Settings:
    return Settings(
        env_params=given.env_params,
        model_params=given.planner_params,
        meta_params=meta_params,
        key=key,
        costs=jax.tree.map(jnp.asarray, Costs()),
        **given.search,
    )


@functools.partial(jax.jit, static_argnums=0)
def _init(spec: _Spec, given: _Given, key: Array, params: PyTree) -> MetaTrainState:
    params = {**params, "start": given.start, "strength": given.strength}
    settings = _settings(given, _keys(key)[0], params)
    return MetaTrainState(
        params=params,
        opt_state=make_optimizer(spec.config).init(params["weights"]),
        stream=stream.start(_engine(spec, given), settings, spec.config.supply),
        key=key,
        chunk=jnp.int32(0),
    )


@functools.partial(jax.jit, static_argnums=0, donate_argnums=2)
def _advance(
    spec: _Spec, given: _Given, state: MetaTrainState
) -> tuple[MetaTrainState, MetaMetrics]:
    config = spec.config
    stream_key, learn_key = _keys(state.key)
    prices = functools.partial(draw_prices, given.lowest_price, given.highest_price)
    lanes, harvest = stream.collect(
        _engine(spec, given),
        _settings(given, stream_key, state.params),
        state.stream,
        config.asks_per_chunk,
        config.supply,
        prices,
    )
    batch = ppo.to_batch(harvest.asks, config)
    params, opt_state, losses = ppo.learn(
        spec.meta_network,
        config,
        make_optimizer(config),
        ppo.shares(config, state.chunk),
        jax.random.fold_in(learn_key, state.chunk),
        state.params,
        state.opt_state,
        batch,
    )
    # Of the first chunk only the statistics are kept: the network cannot read its inputs yet.
    params, opt_state = jax.tree.map(
        lambda new, old: jnp.where(state.chunk == 0, old, new),
        (params, opt_state),
        (state.params, state.opt_state),
    )
    share = jnp.maximum(1.0 / (state.chunk + 1.0), _LEAST_SHARE)
    params = measure(params, batch.choice.inputs, batch.target, batch.weight, share)
    chunk = state.chunk + 1
    updates = state.chunk * config.epochs * config.minibatches
    rate = make_schedule(config)(jnp.maximum(updates - 1, 0))
    metrics = summarize(harvest, batch, losses, rate)
    return MetaTrainState(params, opt_state, lanes, state.key, chunk), metrics


def _keys(key: Array) -> tuple[Array, Array]:
    """Return the key of the episodes and that of the learning."""
    return jax.random.fold_in(key, 0), jax.random.fold_in(key, 1)


def _check(spec: _Spec, given: _Given) -> None:
    """Refuse a planner of wrong shapes, and trees that do not fit."""
    engine, key = _engine(spec, given), jax.random.key(0)
    embedding = checks.check_model(engine.model, _settings(given, key, ()))
    num_actions = spec.environment.num_actions
    memory.check_fits(engine.num_lanes, engine.max_simulations, num_actions, embedding)


def _require(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InputError(f"{name} is {value}: expected {least} to {most}")


def _digest(tree: PyTree) -> str:
    """Return what tells parameters from others."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        array = np.asarray(leaf)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _evaluate(
    planner: Planner, meta_network: MetaNetwork, config: PPOConfig, params: PyTree
) -> Array:
    """Return timed returns ``[E]`` at prices spread evenly, in logarithms, over the range."""
    ids = jnp.arange(config.evaluation_episodes)
    share = (ids + 0.5) / config.evaluation_episodes
    ratio = config.highest_price / max(config.lowest_price, 1e-12)
    prices = config.lowest_price * ratio**share if ratio > 1 else config.lowest_price + 0.0 * share
    return rrplan.evaluate(
        planner.environment,
        planner.env_params,
        planner.network,
        planner.params,
        learned.greedy(meta_network),
        params,
        key=jax.random.key(EVALUATION_SEED),
        episodes=ids,
        costs=Costs(price=prices),
        search=planner.search,
        num_lanes=config.num_lanes,
        max_simulations=planner.max_simulations,
    ).timed_return
