"""Training of the self-aware planner's head: regression onto the gains of played decisions.

The planner stays what it was: the head reads its features, and no gradient reaches them.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import struct

from agents.alphazero import replay, selfplay
from agents.alphazero.replay import Replay
from agents.alphazero.selfplay import SelfPlayState
from agents.metapolicies import heldout
from agents.metapolicies.selfaware import targets
from agents.metapolicies.selfaware.config import GainsConfig
from agents.metapolicies.selfaware.head import GainHead
from agents.metapolicies.selfaware.metrics import GainsMetrics, squared_error, summarize
from agents.metapolicies.selfaware.policy import best_entry, self_aware
from agents.metapolicies.selfaware.targets import Decision, Effort, Played, Rules
from agents.training.protocol import Training
from rrplan import operations
from rrplan.capabilities import return_scale_of
from rrplan.costs import Costs
from rrplan.engine import memory
from rrplan.errors import InputError
from rrplan.models.true_model import TrueModel, make_true_model
from rrplan.planner import Planner
from rrplan.types import Array, Environment, LearnedModel, Network, PyTree

PROBE_SEED = 0x6A1E  # of decisions to hold predictions against: nothing learns of them
_EXPLORED = 0.25  # of the decisions that targets are made of: acted on after any k


@struct.dataclass
class GainsState:
    """Everything a training needs to go on, and nothing else."""

    params: PyTree  # of the head
    opt_state: PyTree
    replay: Replay
    lanes: SelfPlayState  # [B, ...]
    key: Array  # [] never changes: chunks fold their number into it
    chunk: Array  # [] int32, chunks done


class _Spec(NamedTuple):
    """The static half of a training: what a compiled program depends on."""

    environment: Environment
    network: Network
    head: GainHead
    config: GainsConfig


class _Given(NamedTuple):
    """The traced half: what may differ between trainings that share a program."""

    env_params: PyTree
    planner_params: PyTree
    rules: Rules
    prices: tuple[Array, Array]  # [] each, the range that episodes are played at


def build(planner: Planner, menu: tuple[int, ...], config: GainsConfig) -> GainHead:
    """Return a head for a planner. Nothing is computed.

    Args:
        planner: whose features it reads; its parameters may be arrays or their shapes.
        menu: numbers of simulations to predict the gain of; 0 is left out, and what the planner has
            no room for.
        config: its width, and how long the targets' searches are.

    Raises:
        InputError: the planner steps a learned model, or its network has no features, or the menu
            asks for more simulations than the targets have.
    """
    network, most = planner.network, planner.max_simulations
    menu = tuple(k for k in menu if 0 < k <= most)
    if isinstance(network, LearnedModel):
        raise InputError(
            "the planner has a LearnedModel: expected a network, as gains are found by trying"
            " actions in the true model"
        )
    if not menu:
        raise InputError(f"max_simulations is {most}: expected at least the least k of the menu")
    if config.targets == "search" and max(menu) > config.num_simulations:
        raise InputError(
            f"gains.num_simulations is {config.num_simulations}: expected at least {max(menu)}, the"
            " largest k of the menu, as targets are made by longer searches"
        )
    features = operations.shapes_seen(planner, 1).features
    if features.shape[-1] == 0:
        raise InputError("the planner's network has no features: expected some for a head to read")
    return GainHead(menu, features.shape[-1], config.width, return_scale_of(network))


def make_gains_train(
    planner: Planner,
    head: GainHead,
    config: GainsConfig,
    costs: Costs,
    prices: tuple[float, float],
) -> Training:
    """Return the functions that train a head for a planner.

    Its states are :class:`GainsState`, its metrics :class:`GainsMetrics`. A gain does not depend on
    a price, but which states are met does: episodes are played, and evaluated, at ``prices``, the
    range. ``costs`` are those of the evaluation.

    Raises:
        InputError: the targets' trees do not fit into memory.
    """
    spec, given = _divide(planner, head, config, prices)
    embedding = jax.eval_shape(planner.environment.reset, jax.random.key(0), planner.env_params)[0]
    num_actions = planner.environment.num_actions
    simulations = _effort(head, config).num_simulations
    memory.check_fits(config.num_lanes, simulations, num_actions, embedding)
    evaluate = functools.partial(
        heldout.timed_returns,
        planner,
        self_aware(head),
        costs=costs,
        prices=prices,
        episodes=config.evaluation_episodes,
        num_lanes=config.num_lanes,
    )
    return Training(
        init=functools.partial(_init, spec, given),
        advance=functools.partial(_advance, spec, given),
        evaluate=evaluate,
        config=config,
        network=head,
        identity={"prices": list(prices), **heldout.identity(planner, costs)},
    )


def probe(
    planner: Planner,
    head: GainHead,
    config: GainsConfig,
    prices: tuple[float, float],
    params: PyTree,
    decisions: int,
) -> dict[str, Array]:
    """Return predicted and found gains of decisions that nothing was learned from.

    Args:
        planner: whose head it is.
        head: static.
        config: of the targets.
        prices: the range that the episodes are played at.
        params: of the head.
        decisions: how many, at least; those without a choice are among them, with a weight of 0.

    Returns:
        ``menu [K]``, ``predicted`` and ``found`` ``[N, K]``, ``weight`` ``[N]``.
    """
    spec, given = _divide(planner, head, config, prices)
    steps = -(-decisions // config.num_lanes)
    found = _probe(spec, given, params, jax.random.key(PROBE_SEED), steps)
    return {"menu": jnp.asarray(head.menu), **found}


def _divide(
    planner: Planner, head: GainHead, config: GainsConfig, prices: tuple[float, float]
) -> tuple[_Spec, _Given]:
    assert not isinstance(planner.network, LearnedModel)  # as build has checked
    spec = _Spec(planner.environment, planner.network, head, config)
    given = _Given(
        env_params=jax.tree.map(jnp.asarray, planner.env_params),
        planner_params=planner.params,
        rules=Rules(**planner.traced_search()),
        prices=(jnp.float32(prices[0]), jnp.float32(prices[1])),
    )
    return spec, given


def _effort(head: GainHead, config: GainsConfig) -> Effort:
    """Return how targets are made: a rollout needs no search beyond the largest k."""
    longer = config.num_simulations if config.targets == "search" else max(head.menu)
    return Effort(head.menu, config.targets, longer, config.rollout_steps)


def _optimizer(config: GainsConfig) -> optax.GradientTransformation:
    return optax.adam(_schedule(config))


def _schedule(config: GainsConfig) -> optax.Schedule:
    return optax.cosine_decay_schedule(config.learning_rate, config.total_updates)


@functools.partial(jax.jit, static_argnums=0)
def _init(spec: _Spec, given: _Given, key: Array, params: PyTree) -> GainsState:
    run_key, reset_key = jax.random.split(key)
    row = Decision(
        features=jnp.zeros(spec.head.features),
        gains=jnp.zeros(len(spec.head.menu)),
        weight=jnp.zeros(()),
        finite=jnp.ones((), bool),
    )
    return GainsState(
        params=params,
        opt_state=_optimizer(spec.config).init(params),
        replay=replay.empty(row, spec.config.replay_capacity),
        lanes=_reset(spec, given, reset_key),
        key=run_key,
        chunk=jnp.int32(0),
    )


@functools.partial(jax.jit, static_argnums=0)
def _advance(spec: _Spec, given: _Given, state: GainsState) -> tuple[GainsState, GainsMetrics]:
    config, optimizer = spec.config, _optimizer(spec.config)
    play_key, learn_key = jax.random.split(jax.random.fold_in(state.key, state.chunk))
    lanes, played = _play(spec, given, state.params, play_key, state.lanes, config.steps_per_chunk)
    found = _flatten(played.decision)
    rows = replay.insert(state.replay, found)

    def update(carry: tuple[PyTree, Any], step: Array) -> tuple[tuple[PyTree, Any], Array]:
        params, opt_state = carry
        batch = replay.sample(rows, jax.random.fold_in(learn_key, step), config.batch_size)
        loss, grads = jax.value_and_grad(functools.partial(squared_error, spec.head))(params, batch)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), loss

    steps = jnp.arange(config.updates_per_chunk)
    (params, opt_state), losses = jax.lax.scan(update, (state.params, state.opt_state), steps)
    chunk = state.chunk + 1
    rate = _schedule(config)(chunk * config.updates_per_chunk - 1)
    before = squared_error(spec.head, state.params, found)
    simulations = config.rows_per_chunk * _effort(spec.head, config).num_simulations
    metrics = summarize(spec.head, found, played, losses, before, rate, simulations)
    return GainsState(params, opt_state, rows, lanes, state.key, chunk), metrics


@functools.partial(jax.jit, static_argnames=("spec", "steps"))
def _probe(spec: _Spec, given: _Given, params: PyTree, key: Array, steps: int) -> dict[str, Array]:
    reset_key, play_key = jax.random.split(key)
    _, played = _play(spec, given, params, play_key, _reset(spec, given, reset_key), steps)
    found = _flatten(played.decision)
    predicted = spec.head(params, found.features)
    lane = jnp.arange(len(found.weight), dtype=jnp.int32) % spec.config.num_lanes
    return {"predicted": predicted, "found": found.gains, "weight": found.weight, "lane": lane}


def _reset(spec: _Spec, given: _Given, key: Array) -> SelfPlayState:
    environment, lanes = spec.environment, spec.config.num_lanes
    return selfplay.reset_lanes(environment, given.env_params, key, lanes)


def _play(
    spec: _Spec, given: _Given, params: PyTree, key: Array, lanes: SelfPlayState, steps: int
) -> tuple[SelfPlayState, Played]:
    """Play some steps; what was played is ``[T, B, ...]``."""
    model: TrueModel = make_true_model(
        spec.environment, given.env_params, spec.network, given.rules.discount
    )

    def choose(key: Array, features: Array) -> Array:
        """Act as the agent does at prices drawn from its range; now and then try any k."""
        price_key, whether_key, any_key = jax.random.split(key, 3)
        lanes, entries = features.shape[0], len(spec.head.menu) + 1
        prices = heldout.draw_prices(*given.prices, jax.random.split(price_key, lanes))
        best = best_entry(spec.head, params, features, prices)
        anything = jax.random.randint(any_key, (lanes,), 0, entries)
        return jnp.where(jax.random.bernoulli(whether_key, _EXPLORED, (lanes,)), anything, best)

    def body(lanes: SelfPlayState, step: Array) -> tuple[SelfPlayState, Played]:
        return targets.play_step(
            model,
            given.rules,
            given.planner_params,
            jax.random.fold_in(key, step),
            lanes,
            _effort(spec.head, spec.config),
            choose,
        )

    return jax.lax.scan(body, lanes, jnp.arange(steps))


def _flatten(rows: Decision) -> Decision:
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), rows)
