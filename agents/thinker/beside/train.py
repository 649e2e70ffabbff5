"""A learned model goes on learning beside the agent, from the agent's own real steps.

After each round of PPO the real steps of all lanes go into a history, and the model takes some
gradient steps on windows of it, by the losses of its own training
(:mod:`agents.model_learning.losses`). The next round imagines with what it has become. What is
different from that training: the policy to learn is the agent's own, the value after the next
rewards is the mean return of what the agent had imagined, and no step is drawn at random. Source:
Thinker (Chung et al. 2023, arXiv 2307.14993).

Trees that lanes have under way hold what the model said earlier. They are not made anew (ours).
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from agents.model_learning import history, playing
from agents.model_learning.config import ModelConfig
from agents.model_learning.learning import Learning, learn
from agents.model_learning.network import ModelNetwork, network_of
from agents.ppo.train import Learner
from agents.thinker.config import ThinkerConfig
from agents.thinker.network import ThinkerNetwork
from agents.thinker.player import MODEL
from agents.training.descent import make_optimizer, make_schedule
from agents.training.protocol import Training
from rrplan.errors import InputError
from rrplan.planner import Planner
from rrplan.types import Array, PyTree

_LEARNING = 2  # what is folded into the key of a training for its model; PPO has 0 and 1


class Beside(NamedTuple):
    """An agent and a model that learn side by side."""

    learner: Learner  # its parameters hold the model's
    opt_state: PyTree  # of the model
    history: history.History  # of real steps

    @property
    def params(self) -> PyTree:
        """The agent's parameters, with those of the model among them."""
        return self.learner.params

    @property
    def chunk(self) -> Array:
        """Chunks done, ``[]`` int32."""
        return self.learner.chunk


@struct.dataclass
class BesideMetrics:
    """What one chunk says of itself: of the agent, and of the model."""

    agent: Any  # agents.thinker.train.ThinkerMetrics
    model: dict[str, Array]  # losses, see agents.model_learning.learning; 0 where nothing is known

    @property
    def loss(self) -> Array:
        """The agent's loss and the model's, to be looked at for NaN."""
        return self.agent.loss + self.model["loss"]

    @property
    def finite_input(self) -> Array:
        """1 where nothing that came in was NaN or infinite."""
        return self.agent.finite_input

    @property
    def mean_return(self) -> Array:
        """What progress shows: the mean timed return with drawn answers."""
        return self.agent.mean_return

    def _asdict(self) -> dict[str, Array]:
        return self.agent._asdict() | {f"model_{name}": loss for name, loss in self.model.items()}


@dataclasses.dataclass(frozen=True)
class Both:
    """The network of an agent, and that of the model beside it."""

    agent: ThinkerNetwork
    model: ModelNetwork

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters of both."""
        agent_key, model_key = jax.random.split(key)
        return {**self.agent.init(agent_key), MODEL: self.model.init(model_key)}


class Spec(NamedTuple):
    """The static half of a training: what a compiled program depends on."""

    begin: Callable[..., Learner]  # (agent, given, key, params)
    round: Callable[..., Any]  # (agent, given, learner) -> (learner, harvest, metrics)
    agent: Any  # the static half of the agent's training
    model: ModelNetwork
    config: ModelConfig


def settings_of(
    planner: Planner, config: ThinkerConfig, learned: ModelConfig
) -> tuple[ModelNetwork, ModelConfig]:
    """Return the model of a planner, and how it learns beside an agent.

    Args:
        planner: whose model it is.
        config: of the agent: its lanes, its rounds, and gradient steps of the model after each.
        learned: all other settings.

    Raises:
        InputError: the planner has no model of the suite's training.
    """
    model = network_of(planner.network)
    if model is None:
        raise InputError(
            f"model_steps is {config.model_steps}: expected 0, as the planner has no learned model"
            " of agents.model_learning; `rrplan run ENV --model learned` trains one"
        )
    return model, dataclasses.replace(
        learned,
        num_lanes=config.num_lanes,
        steps_per_chunk=config.steps_per_chunk,
        num_chunks=config.num_chunks,
        updates_per_chunk=config.model_steps,
        learning_rate=config.model_learning_rate,
    )


def attach(training: Training, spec: Spec, given: Any) -> Training:
    """Return a training of an agent and a model, made of that of the agent alone.

    It starts from the model that the planner has. Its parameters are the agent's, and under
    :data:`agents.thinker.player.MODEL` the model's: :func:`agents.thinker.player.equip` makes a
    planner with them. Both are kept of the same chunk.

    Args:
        training: with a model that stays as it is.
        spec: static.
        given: the traced half of the agent's training.
    """
    assert isinstance(training.network, ThinkerNetwork)
    return training._replace(
        init=functools.partial(_init, spec, given),
        advance=functools.partial(_advance, spec, given),
        network=Both(training.network, spec.model),
        identity=training.identity | {"learned": dataclasses.asdict(spec.config)},
    )


@functools.partial(jax.jit, static_argnums=0)
def _init(spec: Spec, given: Any, key: Array, params: PyTree) -> Beside:
    model_params = given.settings.model_params
    learner = spec.begin(spec.agent, given, key, {**params, MODEL: model_params})
    observation = jax.tree.map(lambda leaf: leaf[0], learner.episodes.observation)
    row = playing.blank(observation, spec.model.num_actions)
    config = spec.config
    known = history.empty(row, config.replay_capacity, config.num_lanes)
    return Beside(learner, make_optimizer(config).init(model_params), known)


@functools.partial(jax.jit, static_argnums=0, donate_argnums=2)
def _advance(spec: Spec, given: Any, state: Beside) -> tuple[Beside, BesideMetrics]:
    config = spec.config
    key = jax.random.fold_in(jax.random.fold_in(state.learner.key, _LEARNING), state.chunk)
    learner, harvest, metrics = spec.round(spec.agent, given, state.learner)
    assert harvest.steps is not None  # as model_steps is above 0
    known = history.insert(state.history, harvest.steps, harvest.outcomes.real)
    before = Learning(learner.params[MODEL], state.opt_state, known)
    improve = functools.partial(learn, spec.model, config, key)
    shapes = jax.eval_shape(improve, before)[1]

    def leave(before: Learning) -> tuple[Learning, dict[str, Array]]:
        return before, jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    # A round of few steps may hold no real one.
    after, told = jax.lax.cond(known.size > 0, improve, leave, before)
    rate = make_schedule(config)(learner.chunk * config.updates_per_chunk - 1)
    learner = learner._replace(params={**learner.params, MODEL: after.params})
    told = {**told, "learning_rate": jnp.asarray(rate, jnp.float32)}
    return Beside(learner, after.opt_state, after.history), BesideMetrics(metrics, told)
