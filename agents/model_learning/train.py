"""Training of a model: a finished planner plays on, and the model learns from what it meets."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

import rrplan
from agents.alphazero import selfplay
from agents.alphazero.selfplay import SelfPlayState
from agents.alphazero.train import EVALUATION_SEED
from agents.metapolicies import heldout
from agents.metapolicies.rules.constant import fixed
from agents.model_learning import history, playing
from agents.model_learning.config import ModelConfig
from agents.model_learning.history import History
from agents.model_learning.learning import Learning, learn
from agents.model_learning.network import ModelNetwork, learned_model
from agents.model_learning.playing import Told
from agents.training.descent import make_optimizer, make_schedule
from agents.training.protocol import Training
from rrplan.costs import Costs
from rrplan.errors import InputError
from rrplan.models.true_model import TrueModel, make_true_model
from rrplan.planner import Planner
from rrplan.types import Array, Environment, LearnedModel, Network, PyTree


@struct.dataclass
class ModelState:
    """Everything a training needs to go on, and nothing else."""

    params: PyTree
    opt_state: PyTree
    history: History
    lanes: SelfPlayState  # [B, ...]
    key: Array  # [] never changes: chunks fold their number into it
    chunk: Array  # [] int32, chunks done


class ModelMetrics(NamedTuple):
    """What one chunk says of itself, ``[]`` float32 each. Losses are means over unrolls."""

    loss: Array
    reward_loss: Array
    ended_loss: Array
    features_loss: Array
    value_loss: Array
    policy_loss: Array
    legal_loss: Array
    learning_rate: Array
    play_return: Array  # mean of the episodes that ended, with what was drawn; NaN where none did
    episodes: Array  # that ended in this chunk
    finite_input: Array  # 1 where observations, rewards and searches held no NaN or infinity

    @property
    def mean_return(self) -> Array:
        """What progress shows: the mean return of the play."""
        return self.play_return


class _Spec(NamedTuple):
    """The static half of a training: what a compiled program depends on."""

    environment: Environment
    network: Network
    model: ModelNetwork
    config: ModelConfig


class _Given(NamedTuple):
    """The traced half: what may differ between trainings that share a program."""

    env_params: PyTree
    planner_params: PyTree


def make_model_train(planner: Planner, network: ModelNetwork, config: ModelConfig) -> Training:
    """Return the functions that train a model of a planner's environment.

    The planner plays with its search in the true model, and stays as it is. States are
    :class:`ModelState`, metrics :class:`ModelMetrics`. An evaluation plays held-out episodes by
    search in the learned model, with ``config.evaluation_simulations`` at each decision. Compiled
    programs are shared between trainings that differ in seed or planner parameters only.

    Args:
        planner: finished; its rule of acting is that of evaluations.
        network: of :func:`agents.model_learning.network.build`.
        config: how it is trained.

    Raises:
        InputError: the planner has a learned model itself.
    """
    if isinstance(planner.network, LearnedModel):
        raise InputError(
            "the planner has a LearnedModel: expected a network, as it plays in the true model for"
            " a model to learn from"
        )
    spec = _Spec(planner.environment, planner.network, network, config)
    # However many simulations the planner has room for elsewhere, it is the same training.
    planner = planner._replace(max_simulations=config.evaluation_simulations)
    given = _Given(jax.tree.map(jnp.asarray, planner.env_params), planner.params)
    return Training(
        init=functools.partial(_init, spec, given),
        advance=functools.partial(_advance, spec, given),
        evaluate=functools.partial(_evaluate, with_model(planner, network, ()), config),
        config=config,
        network=network,
        identity=heldout.identity(planner, Costs()),
    )


def with_model(planner: Planner, network: ModelNetwork, params: PyTree) -> Planner:
    """Return the planner that searches in a learned model.

    Args:
        planner: whose environment, search and room it keeps.
        network: of the model.
        params: of the model.
    """
    return planner._replace(network=learned_model(network), params=params)


@functools.partial(jax.jit, static_argnums=0)
def _init(spec: _Spec, given: _Given, key: Array, params: PyTree) -> ModelState:
    run_key, reset_key = jax.random.split(key)
    environment, config = spec.environment, spec.config
    lanes = selfplay.reset_lanes(environment, given.env_params, reset_key, config.num_lanes)
    actions = environment.num_actions
    row = playing.blank(jax.tree.map(lambda leaf: leaf[0], lanes.observation), actions)
    return ModelState(
        params=params,
        opt_state=make_optimizer(config).init(params),
        history=history.empty(row, config.replay_capacity, config.num_lanes),
        lanes=lanes,
        key=run_key,
        chunk=jnp.int32(0),
    )


@functools.partial(jax.jit, static_argnums=0)
def _advance(spec: _Spec, given: _Given, state: ModelState) -> tuple[ModelState, ModelMetrics]:
    config = spec.config
    play_key, learn_key = jax.random.split(jax.random.fold_in(state.key, state.chunk))
    model = _true_model(spec, given)
    lanes, (steps, told) = playing.play(
        model, config, given.planner_params, play_key, state.lanes, config.steps_per_chunk
    )
    known = history.insert(state.history, steps, jnp.ones_like(steps.drawn))
    learned, told_losses = learn(
        spec.model, config, learn_key, Learning(state.params, state.opt_state, known)
    )
    chunk = state.chunk + 1
    rate = make_schedule(config)(chunk * config.updates_per_chunk - 1)
    metrics = _summarize(told, told_losses, jnp.asarray(rate))
    return ModelState(*learned, lanes, state.key, chunk), metrics


def _true_model(spec: _Spec, given: _Given) -> TrueModel:
    discount = spec.model.discount
    return make_true_model(spec.environment, given.env_params, spec.network, discount)


def _summarize(told: Told, losses: dict[str, Array], rate: Array) -> ModelMetrics:
    episodes = told.ended.sum()
    return ModelMetrics(
        **losses,
        learning_rate=rate.astype(jnp.float32),
        play_return=jnp.sum(told.episode_return * told.ended) / episodes,
        episodes=episodes.astype(jnp.float32),
        finite_input=told.finite.all().astype(jnp.float32),
    )


def _evaluate(planner: Planner, config: ModelConfig, params: PyTree) -> Array:
    return rrplan.evaluate(
        planner._replace(params=params),
        fixed(),
        jnp.int32(config.evaluation_simulations),
        key=jax.random.key(EVALUATION_SEED),
        episodes=config.evaluation_episodes,
    ).untimed_return
