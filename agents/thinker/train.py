"""Training of Thinker and Dynamic Thinker: the suite's PPO on the augmented environment."""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from agents.metapolicies import heldout
from agents.metapolicies.learned.network import measure
from agents.model_learning.config import ModelConfig
from agents.ppo import learner as ppo
from agents.ppo import train as ppo_train
from agents.ppo.train import Learner, Source
from agents.thinker.beside import train as beside
from agents.thinker.collecting import Harvest, collect
from agents.thinker.config import StageConfig, ThinkerConfig
from agents.thinker.lanes import Lanes, Problem
from agents.thinker.lanes import start as start_lanes
from agents.thinker.network import CHANNELS, ThinkerNetwork
from agents.thinker.player import MODEL, ThinkerPlayer
from agents.thinker.player import prepare as prepare_planner
from agents.thinker.supply import Supply
from agents.training.protocol import Training
from rrplan import keys
from rrplan.costs import Costs, counts_of, timed_return
from rrplan.engine import validation
from rrplan.models import Settings
from rrplan.planner import Planner
from rrplan.types import Array, PyTree

_LEAST_SHARE = 0.02  # of a chunk in the statistics that normalise inputs
_ENDLESS = 2**30  # episodes of a training


class ThinkerMetrics(NamedTuple):
    """What one chunk says of itself, ``[]`` float32 each."""

    loss: Array
    policy_loss: Array
    value_loss: Array  # summed over both channels, in units of their targets' errors
    entropy: Array  # of real actions, and a share of that of imaginary ones; nats
    kl: Array
    clipped: Array
    grad_norm: Array
    learning_rate: Array
    timed_return: Array  # mean of the episodes that ended, with drawn answers; NaN without any
    untimed_return: Array
    simulations: Array  # model calls of an episode
    length: Array  # decisions of an episode
    imagined: Array  # imaginary steps of an episode
    planning: Array  # planning reward of an imaginary step
    episodes: Array  # that ended in this chunk
    finite_input: Array  # 1 where observations, rewards and values held no NaN or infinity

    @property
    def mean_return(self) -> Array:
        """What progress shows: the mean timed return with drawn answers."""
        return self.timed_return


class _Spec(NamedTuple):
    """The static half of a training: what a compiled program depends on."""

    problem: Problem
    network: ThinkerNetwork
    config: ThinkerConfig


class _Given(NamedTuple):
    """The traced half: what may differ between trainings that share a program."""

    settings: Settings  # without the agent's parameters and the key
    lowest_price: Array
    highest_price: Array


def make_thinker_train(
    planner: Planner,
    network: ThinkerNetwork,
    stage: StageConfig,
    config: ThinkerConfig,
    prices: tuple[float, float] = (0.0, 0.0),
    costs: Costs = Costs(),  # noqa: B008 - an immutable record of numbers
    learned: ModelConfig | None = None,
) -> Training:
    """Return the functions that train an agent on a planner's model, values and priors.

    Its states are :class:`agents.ppo.train.Learner`, its metrics :class:`ThinkerMetrics`;
    evaluation is as the agent acts, and returns are timed.

    Prices are drawn log-uniformly for each episode from a range; where both ends are equal, that
    is the price. Compiled programs are shared between trainings that differ in seed, the planner's
    parameters or prices only.

    Args:
        planner: what it imagines with.
        network: of :func:`agents.thinker.network.build`.
        stage: how long it imagines.
        config: how it is trained.
        prices: the lowest and the highest.
        costs: rates and fees that it is charged; its price is not used.
        learned: how the planner's model learns beside the agent, where ``config.model_steps`` says
            that it does; the defaults if None. See :mod:`agents.thinker.beside.train`.

    Raises:
        InputError: a cost is negative or not finite, or the planner cannot be imagined with; or a
            model is to learn that is none of the suite's learned models.
    """
    validation.check_costs(costs)
    problem, settings = prepare_planner(planner, stage, costs)
    lowest, highest = map(jnp.float32, prices)
    spec, given = _Spec(problem, network, config), _Given(settings, lowest, highest)
    player = ThinkerPlayer(network, stage)
    training = Training(
        init=functools.partial(_init, spec, given),
        advance=functools.partial(_advance, spec, given),
        evaluate=functools.partial(_evaluate, planner, player, prices, costs, config),
        config=config,
        network=network,
        identity={
            "stage": dataclasses.asdict(stage),
            "prices": list(map(float, prices)),
            **heldout.identity(planner, costs),
        },
    )
    if not config.model_steps:
        return training
    model, learning = beside.settings_of(planner, config, learned or ModelConfig())
    return beside.attach(training, beside.Spec(_begin, _round, spec, model, learning), given)


def _source(spec: _Spec, given: _Given, chunk: Array | int) -> Source[Harvest]:
    problem, network, config = spec
    draw_prices = functools.partial(heldout.draw_prices, given.lowest_price, given.highest_price)

    def prepare(params: PyTree, key: Array) -> tuple[Settings, Supply]:
        model_params = params.get(MODEL, given.settings.model_params)
        settings = given.settings._replace(meta_params=params, model_params=model_params, key=key)

        def take(place: Array) -> tuple[Array, Array]:
            price_keys = keys.draw(key, place, keys.Domain.PRICE)
            return place, draw_prices(price_keys).astype(jnp.float32)

        return settings, Supply(take, jnp.int32(_ENDLESS))

    def start(params: PyTree, key: Array) -> Lanes:
        return start_lanes(problem, *prepare(params, key), config.num_lanes)

    def go_on(params: PyTree, key: Array, lanes: Lanes) -> tuple[Lanes, Harvest]:
        rising = jnp.maximum(config.free_share * config.num_chunks, 1e-6)
        charged = jnp.minimum(chunk / rising, 1.0)
        settings, supply = prepare(params, key)
        given_lanes = settings, supply, lanes, config.steps_per_chunk, charged
        return collect(problem, network, *given_lanes, telling=config.model_steps > 0)

    return Source(network, start, go_on)


def _begin(spec: _Spec, given: _Given, key: Array, params: PyTree) -> Learner:
    return ppo_train.begin(_source(spec, given, 0), spec.config, key, params)


def _round(spec: _Spec, given: _Given, learner: Learner) -> tuple[Learner, Harvest, ThinkerMetrics]:
    source = _source(spec, given, learner.chunk)
    learner, done = ppo_train.advance(source, spec.config, learner)
    share = jnp.maximum(1.0 / learner.chunk, _LEAST_SHARE)
    params = _measure(learner.params, done.batch, share)
    metrics = _summarize(done.harvest, done.losses, done.learning_rate, given.settings.costs)
    return learner._replace(params=params), done.harvest, metrics


_init = jax.jit(_begin, static_argnums=0)


@functools.partial(jax.jit, static_argnums=0, donate_argnums=2)
def _advance(spec: _Spec, given: _Given, learner: Learner) -> tuple[Learner, ThinkerMetrics]:
    learner, _, metrics = _round(spec, given, learner)
    return learner, metrics


def _measure(params: PyTree, batch: ppo.Batch, share: Array) -> PyTree:
    """Return parameters whose normalisation has moved towards a batch's statistics."""
    assert batch.learned is not None  # as there are two channels
    deviations, moved = [], params
    for channel in range(CHANNELS):
        own = {**params, "value_deviation": params["value_deviation"][channel]}
        weight = batch.weight * batch.learned[:, channel]
        found = measure(own, batch.choice.inputs, batch.target[:, channel], weight, share)
        deviations.append(found["value_deviation"])
        moved = found if channel == 0 else moved  # the first learns from every step
    return {**moved, "value_deviation": jnp.stack(deviations)}


def _summarize(
    harvest: Harvest, losses: ppo.Losses, learning_rate: Array, costs: Costs
) -> ThinkerMetrics:
    outcomes = harvest.outcomes
    ended, sums = outcomes.ended, outcomes.sums
    number = ended.sum()

    def mean(values: Array) -> Any:
        return jnp.sum(jnp.where(ended, values, 0.0)) / number

    costs = costs._replace(price=outcomes.price)
    timed = timed_return(sums.untimed_return, costs, counts_of(sums), sums.weighted)
    imagined = ~outcomes.real
    return ThinkerMetrics(
        **ppo.tell(losses, learning_rate),
        timed_return=mean(timed),
        untimed_return=mean(sums.untimed_return),
        simulations=mean(sums.simulations),
        length=mean(sums.length),
        imagined=mean(sums.levels),
        planning=jnp.sum(outcomes.planning) / jnp.maximum(imagined.sum(), 1),
        episodes=number.astype(jnp.float32),
        finite_input=outcomes.finite.all().astype(jnp.float32),
    )


def _evaluate(
    planner: Planner,
    player: ThinkerPlayer,
    prices: tuple[float, float],
    costs: Costs,
    config: ThinkerConfig,
    params: PyTree,
) -> Array:
    ids, spread = heldout.spread_prices(prices, config.evaluation_episodes)
    return player.evaluate(
        planner,
        params,
        key=jax.random.key(heldout.EVALUATION_SEED),
        episodes=ids,
        costs=costs._replace(price=spread),
        num_lanes=config.num_lanes,
    ).timed_return
