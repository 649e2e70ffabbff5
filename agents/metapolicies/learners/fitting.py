"""Learning from exact gains: least squares onto them, or imitation of the best answer.

A chunk plays the tabulated episodes with the policy as it is, and any answer at some looks. Its
looks are shown with what each answer is worth in their states. So the states that are learned from
are those that the policy meets (as DAgger does: Ross et al. 2011, arXiv 1011.0686).

* *gains*: the logits, less that of acting, are the gains, in units of their root mean square. The
  likeliest answer is the one with the largest predicted gain: given what is seen, the mean of what
  hindsight tells.
* *labels*: cross-entropy with the best answer in hindsight, which no state need tell.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from agents.metapolicies.learned.metrics import mean_of
from agents.metapolicies.learned.network import MetaNetwork
from agents.metapolicies.learned.train import (
    Given,
    Spec,
    as_training,
    divide,
    engine_of,
    measured,
    prefer,
    settings_of,
)
from agents.metapolicies.learners import tables
from agents.metapolicies.learners.config import FitConfig, from_ppo
from agents.metapolicies.learners.making import Task
from agents.metapolicies.learners.playing import Manner, Played, play, running
from agents.metapolicies.learners.tables import Gains
from agents.ppo import learner as ppo
from agents.ppo.learner import Batch
from agents.ppo.optimizer import make_optimizer, make_schedule
from agents.ppo.train import Learner, split_key
from agents.training.protocol import Training
from rrplan.types import Array, PyTree


class FitMetrics(NamedTuple):
    """What one chunk says of itself, ``[]`` float32 each."""

    loss: Array
    agreement: Array  # share of looks whose likeliest answer is the best one, before learning
    regret: Array  # mean of what the best answer is worth above the likeliest, before learning
    grad_norm: Array
    learning_rate: Array
    timed_return: Array  # mean of the episodes played, of which some looks try any answer
    simulations: Array  # an episode
    looks: Array  # played
    finite_input: Array  # 1 where observations, rewards and evaluations held no NaN or infinity

    @property
    def mean_return(self) -> Array:
        """What progress shows: the mean timed return of the episodes played."""
        return self.timed_return


class Rows(NamedTuple):
    """Looks to learn from, ``N`` of them."""

    batch: Batch
    gained: Array  # [N, M]


def regression(task: Task) -> Training:
    """Return the training by least squares onto exact gains.

    Its states are :class:`agents.ppo.train.Learner`, its metrics :class:`FitMetrics`. An episode's
    states are tabulated when the first chunk is asked for.

    Raises:
        InputError: as :func:`agents.metapolicies.learned.train.make_meta_train`; for a network that
            answers with actions or depths, or several prices. When it is run, as
            :func:`rrplan.oracle.tabulate`.
    """
    return make_fit(task, "gains")


def make_fit(task: Task, fit: str, **changes: Any) -> Training:
    """Return a training on exact gains, or on the labels of hindsight.

    Args:
        task: what is to be trained.
        fit: as in :class:`agents.metapolicies.learners.config.FitConfig`.
        **changes: of the configuration.
    """
    settings, ppo_config = task.settings, task.ppo
    prices = ppo_config.lowest_price, ppo_config.highest_price
    tables.check(task.network, prices, settings.kind)
    own = {"fit": fit, "instances": settings.instances, "explored": settings.explored}
    config = from_ppo(FitConfig, ppo_config, **own, **changes)
    given = (task.planner, task.network, config, task.start, task.costs)
    spec, traced = divide(*given)
    known = _Known(task, config.instances)

    def advance(state: Any) -> tuple[Learner, FitMetrics]:
        return _advance(spec, traced, known.of(split_key(state.key)[0]), state)

    return as_training(functools.partial(_init, spec, traced), advance, *given, settings.kind)


class _Known:
    """The tables of the episodes of one key, worked out once."""

    def __init__(self, task: Task, instances: int):
        self._task, self._instances = task, instances
        self._kept: tuple[bytes, Gains] | None = None

    def of(self, key: Array) -> Gains:
        """Return the tables of this key's episodes."""
        name = jax.device_get(jax.random.key_data(key)).tobytes()
        if self._kept is None or self._kept[0] != name:
            task = self._task
            costs = task.costs._replace(price=task.ppo.lowest_price)
            gains = tables.tabulate(task.planner, key, self._instances, costs, task.ppo.num_lanes)
            self._kept = name, gains
        return self._kept[1]


@functools.partial(jax.jit, static_argnums=0)
def _init(spec: Spec, given: Given, key: Array, params: PyTree) -> Learner:
    optimizer = make_optimizer(spec.config)
    params = prefer(given, params)
    return Learner(params, optimizer.init(params["weights"]), (), key, jnp.int32(0))


@functools.partial(jax.jit, static_argnums=0)
def _advance(spec: Spec, given: Given, gains: Gains, state: Learner) -> tuple[Learner, FitMetrics]:
    config = spec.config
    assert isinstance(config, FitConfig)
    episodes_key, learn_key = split_key(state.key)
    played = _play(spec, given, gains, state, episodes_key)
    rows = to_rows(spec.meta_network, config, gains, played)
    # Measured first: nothing that was shown before has been learned from yet.
    params = measured(state.params, state.chunk, rows.batch)

    def objective(weights: PyTree, rows: Rows) -> tuple[Array, Array]:
        loss = loss_of(spec.meta_network, config.fit, {**params, "weights": weights}, rows)
        return loss, loss

    kept = params["weights"], state.opt_state
    shuffle_key = jax.random.fold_in(learn_key, state.chunk)
    optimizer = make_optimizer(config)
    learned, said = ppo.descend(objective, config, optimizer, shuffle_key, kept, rows)
    idle = state.chunk < config.idle_chunks
    weights, opt_state = jax.tree.map(lambda new, old: jnp.where(idle, old, new), learned, kept)
    chunk = state.chunk + 1
    updates = (chunk - config.idle_chunks) * config.epochs * config.minibatches
    agreement, regret = _judge(spec.meta_network, state.params, rows)
    ended = played.episodes.length > 0
    metrics = FitMetrics(
        loss=said.told.mean(),
        agreement=agreement,
        regret=regret,
        grad_norm=said.grad_norm.mean(),
        learning_rate=jnp.asarray(make_schedule(config)(jnp.maximum(updates - 1, 0)), jnp.float32),
        timed_return=mean_of(played, given.costs),
        simulations=jnp.sum(played.episodes.simulations * ended) / ended.sum(),
        looks=played.episodes.looks.sum().astype(jnp.float32),
        finite_input=jnp.all(played.episodes.flaws == 0).astype(jnp.float32),
    )
    params = {**params, "weights": weights}
    return Learner(params, opt_state, (), state.key, chunk), metrics


def _play(spec: Spec, given: Given, gains: Gains, state: Learner, key: Array) -> Played:
    """Play all tabulated episodes once, with other answers in each chunk."""
    config = spec.config
    assert isinstance(config, FitConfig)
    manner = Manner(explored=config.explored)
    engine = engine_of(spec, given, running(spec.meta_network, manner))
    ids = jnp.arange(config.instances, dtype=jnp.int32)
    prices = jnp.full(ids.shape, given.lowest_price)
    settings = settings_of(given, key, state.params)
    return play(engine, settings, ids, prices, 1, first_run=state.chunk, walk=gains.walk)


def to_rows(network: MetaNetwork, config: FitConfig, gains: Gains, played: Played) -> Rows:
    """Return the looks that were recorded with what each answer was worth there.

    They are padded to ``config.batch_rows``; what finds no room is left out. The target of values
    is such that their unit becomes the root mean square of gains.
    """
    looks, node = played.looks, played.marks.node
    used = jnp.arange(node.shape[0])[:, None] < looks.count
    # Episode by episode as they come in the lanes: late looks are no likelier to be left out.
    (index,) = jnp.nonzero(used.T.ravel(), size=config.batch_rows, fill_value=0)

    def take(leaf: Array) -> Array:
        return leaf.swapaxes(0, 1).reshape(node.size, *leaf.shape[2:])[index]

    choice = jax.tree.map(take, looks.aux)
    weight = (jnp.arange(config.batch_rows) < used.sum()).astype(jnp.float32)
    gained = tables.gains_of(gains, network, choice.inputs, take(node))
    size = jnp.sqrt(jnp.square(gained[:, 1:]).mean(axis=-1))
    batch = Batch(choice, jnp.zeros_like(weight), choice.inputs.value + size, weight)
    return Rows(batch, gained)


def loss_of(network: MetaNetwork, fit: str, params: PyTree, rows: Rows) -> Array:
    """Return the loss of a fit, ``[]``: squared units of the gains, or nats."""
    logits, _ = network(params, rows.batch.choice.inputs)
    if fit == "gains":
        predicted = logits[:, 1:] - logits[:, :1]
        target = rows.gained[:, 1:] / params["value_deviation"]
        losses = jnp.square(predicted - target).mean(axis=-1)
    else:
        label = tables.best(rows.gained)[:, None]
        losses = -jnp.take_along_axis(jax.nn.log_softmax(logits), label, axis=-1)[:, 0]
    return _mean(losses, rows.batch.weight)


def _judge(network: MetaNetwork, params: PyTree, rows: Rows) -> tuple[Array, Array]:
    """Return how often the likeliest answer is the best one, and what is lost on average."""
    logits, _ = network(params, rows.batch.choice.inputs)
    answer, weight = jnp.argmax(logits, axis=-1), rows.batch.weight
    own = jnp.take_along_axis(rows.gained, answer[:, None], axis=-1)[:, 0]
    agrees = (answer == tables.best(rows.gained)).astype(jnp.float32)
    return _mean(agrees, weight), _mean(rows.gained.max(axis=-1) - own, weight)


def _mean(values: Array, weight: Array) -> Array:
    return (values * weight).sum() / jnp.maximum(weight.sum(), 1.0)
