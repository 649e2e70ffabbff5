"""Training of meta-policies: lanes that run on and on, and PPO on what they were asked."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from agents.metapolicies import heldout
from agents.metapolicies.learned import policy
from agents.metapolicies.learned.config import PPOConfig
from agents.metapolicies.learned.metrics import MetaMetrics, summarize
from agents.metapolicies.learned.network import MetaNetwork, measure
from agents.ppo import train as ppo_train
from agents.ppo.learner import Batch
from agents.ppo.train import Learner, Source
from agents.training.protocol import Training
from rrplan.costs import Costs, traced
from rrplan.engine import memory, parts, stream, validation
from rrplan.engine.state import Engine
from rrplan.engine.stream import Stream
from rrplan.errors import InputError
from rrplan.models import Settings, make_model
from rrplan.planner import Planner
from rrplan.types import Array, Environment, LearnedModel, MetaPolicy, Network, PyTree

_LEAST_SHARE = 0.02  # of a chunk in the statistics that normalise inputs


@struct.dataclass
class MetaTrainState:
    """Everything a training needs to go on, and nothing else."""

    params: PyTree
    opt_state: PyTree
    stream: Stream
    key: Array  # [] never changes: chunks fold their number into it
    chunk: Array  # [] int32, chunks done


class Spec(NamedTuple):
    """The static half of a training: what a compiled program depends on."""

    environment: Environment
    network: Network | LearnedModel
    meta_network: MetaNetwork
    config: PPOConfig
    max_simulations: int


class Given(NamedTuple):
    """The traced half: what may differ between trainings that share a program."""

    env_params: PyTree
    planner_params: PyTree
    search: dict[str, Any]  # fields of Settings, traced
    lowest_price: Array
    highest_price: Array
    start: Array
    strength: Array
    costs: Costs  # all but the price


def make_meta_train(
    planner: Planner,
    meta_network: MetaNetwork,
    config: PPOConfig,
    start: int,
    costs: Costs = Costs(),  # noqa: B008 - an immutable record of numbers
) -> Training:
    """Return the functions that train a meta-policy for a planner.

    Its states are :class:`MetaTrainState`, its metrics
    :class:`agents.metapolicies.learned.metrics.MetaMetrics`; evaluation is with likeliest answers,
    and returns are timed.

    Prices are drawn log-uniformly for each episode, from ``config.lowest_price`` to
    ``config.highest_price``; where they are equal, that is the price. Compiled programs are
    shared between trainings that differ in seed, planner parameters, prices or ``start`` only.

    Args:
        planner: what it controls.
        meta_network: of :func:`agents.metapolicies.learned.network.build`.
        config: how it is trained.
        start: the fixed k that the policy starts from.
        costs: rates and fees that it is charged, cap and budget; its price is not used.

    Raises:
        InputError: ``start`` or ``planner.max_simulations`` is out of range, a cost is negative or
            not finite, the planner's network has outputs of wrong shapes, or the trees do not fit
            into memory.
    """
    spec, given = divide(planner, meta_network, config, start, costs)
    init, advance = (functools.partial(step, spec, given) for step in (_init, _advance))
    return as_training(init, advance, planner, meta_network, config, start, costs)


def divide(
    planner: Planner, meta_network: MetaNetwork, config: PPOConfig, start: int, costs: Costs
) -> tuple[Spec, Given]:
    """Return the static and the traced half of a training, checked.

    Arguments and errors are those of :func:`make_meta_train`.
    """
    _require("max_simulations", planner.max_simulations, 1, 2**30)
    validation.check_costs(costs)
    _require("start", start, 0, planner.max_simulations)
    # Prices are traced: without them in the static half, all prices share one program.
    static = dataclasses.replace(config, lowest_price=1.0, highest_price=1.0)
    spec = Spec(planner.environment, planner.network, meta_network, static, planner.max_simulations)
    given = Given(
        env_params=jax.tree.map(jnp.asarray, planner.env_params),
        planner_params=planner.params,
        search=planner.traced_search(),
        lowest_price=jnp.float32(config.lowest_price),
        highest_price=jnp.float32(config.highest_price),
        start=jnp.int32(start),
        strength=jnp.float32(config.initial_strength),
        costs=traced(costs),
    )
    _check(spec, given)
    return spec, given


def as_training(
    init: Callable[[Array, PyTree], Any],
    advance: Callable[[Any], tuple[Any, Any]],
    planner: Planner,
    meta_network: MetaNetwork,
    config: PPOConfig,
    start: int,
    costs: Costs,
    learner: str | None = None,
) -> Training:
    """Return a training with what it has whoever learns: its evaluation, and what names it.

    Args:
        init: ``(key, params) -> State``.
        advance: ``(state) -> (State, Metrics)``.
        planner: as those below, of :func:`make_meta_train`.
        meta_network: what is trained.
        config: how it is trained.
        start: the fixed k that the policy starts from.
        costs: what is charged.
        learner: name of the learner, if it is another than PPO.
    """
    named = {} if learner is None else {"learner": learner}
    return Training(
        init=init,
        advance=advance,
        evaluate=functools.partial(
            heldout.timed_returns,
            planner,
            policy.greedy(meta_network),
            costs=costs,
            prices=(config.lowest_price, config.highest_price),
            episodes=config.evaluation_episodes,
            num_lanes=config.num_lanes,
        ),
        config=config,
        network=meta_network,
        identity={"start": int(start), **heldout.identity(planner, costs), **named},
    )


def engine_of(spec: Spec, given: Given, meta_policy: MetaPolicy) -> Engine:
    """Return the engine of a training, which records the looks of a meta-policy."""
    return Engine(
        model=make_model(spec.environment, given.env_params, spec.network),
        meta_policy=meta_policy,
        num_lanes=spec.config.num_lanes,
        max_simulations=spec.max_simulations,
        record=spec.config.rows_per_lane,
        gamma=spec.config.gamma,
    )


def settings_of(given: Given, key: Array, meta_params: PyTree) -> Settings:
    """Return what the engine is given; ``key`` is that of the episodes."""
    return Settings(
        env_params=given.env_params,
        model_params=given.planner_params,
        meta_params=meta_params,
        key=key,
        costs=given.costs,
        **given.search,
    )


def _source(spec: Spec, given: Given) -> Source[stream.Harvest]:
    engine, config = engine_of(spec, given, policy.sampling(spec.meta_network)), spec.config
    prices = functools.partial(heldout.draw_prices, given.lowest_price, given.highest_price)

    def start(params, key):
        return stream.start(engine, settings_of(given, key, params), config.supply)

    def collect(params, key, lanes):
        settings = settings_of(given, key, params)
        wanted, supply = config.looks_per_chunk, config.supply
        return stream.collect(engine, settings, lanes, wanted, supply, prices)

    return Source(spec.meta_network, start, collect)


def prefer(given: Given, params: PyTree) -> PyTree:
    """Return fresh parameters that prefer the fixed k which a training starts from."""
    return {**params, "start": given.start, "strength": given.strength}


def measured(params: PyTree, chunk: Array, batch: Batch) -> PyTree:
    """Return parameters whose normalisation knows a chunk's rows; the later, the less it moves."""
    share = jnp.maximum(1.0 / (chunk + 1.0), _LEAST_SHARE)
    return measure(params, batch.choice.inputs, batch.target, batch.weight, share)


@functools.partial(jax.jit, static_argnums=0)
def _init(spec: Spec, given: Given, key: Array, params: PyTree) -> MetaTrainState:
    params = prefer(given, params)
    return _to_state(ppo_train.begin(_source(spec, given), spec.config, key, params))


@functools.partial(jax.jit, static_argnums=0, donate_argnums=2)
def _advance(spec: Spec, given: Given, state: MetaTrainState) -> tuple[MetaTrainState, MetaMetrics]:
    learner = Learner(state.params, state.opt_state, state.stream, state.key, state.chunk)
    learner, done = ppo_train.advance(_source(spec, given), spec.config, learner)
    batch = done.batch
    params = measured(learner.params, state.chunk, batch)
    stops = spec.meta_network.stops(batch.choice.answer)
    metrics = summarize(done.harvest, batch, stops, done.losses, done.learning_rate, given.costs)
    return _to_state(learner._replace(params=params)), metrics


def _to_state(learner: Learner) -> MetaTrainState:
    return MetaTrainState(
        params=learner.params,
        opt_state=learner.opt_state,
        stream=learner.episodes,
        key=learner.key,
        chunk=learner.chunk,
    )


def _check(spec: Spec, given: Given) -> None:
    """Refuse a planner of wrong shapes, and trees that do not fit."""
    engine = engine_of(spec, given, policy.sampling(spec.meta_network))
    key = jax.random.key(0)
    embedding = parts.check_model(engine.model, settings_of(given, key, ()))
    num_actions = spec.environment.num_actions
    memory.check_fits(engine.num_lanes, engine.max_simulations, num_actions, embedding)


def _require(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InputError(f"{name} is {value}: expected {least} to {most}")
