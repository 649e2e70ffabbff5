"""PPO (arXiv 1707.06347) over semi-Markov meta-steps: advantages, the objective, its gradient."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import optax

from agents.ppo.config import LearningConfig
from rrplan.engine.meta_steps import Looks, closed
from rrplan.types import Array, PyTree

Actor = Callable[[PyTree, PyTree], tuple[Array, Array]]
"""``(params, inputs [N, ...]) -> (logits [N, M], value [N])``, as of a meta-policy's network.

``params`` is a dict: ``weights`` are learned, ``value_deviation`` is the unit of values, and the
rest is none of the learner's business. Where there are several channels, values are ``[N, C]``.
"""


@runtime_checkable
class WeighsEntropy(Protocol):
    """An actor that says itself what the bonus for entropy counts."""

    def entropy(self, log_probs: Array) -> Array:
        """Return it, ``[N]``, of log-probabilities ``[N, M]``."""
        ...


class Recorded(Protocol):
    """What is recorded with a look, to learn from: a NamedTuple of these fields at least."""

    @property
    def inputs(self) -> PyTree:
        """What was decided on, ``[N, ...]``."""
        ...

    @property
    def answer(self) -> Array:
        """Which of the ``M`` answers was given, ``[N]`` int32."""
        ...

    @property
    def log_prob(self) -> Array:
        """Its log-probability as it was drawn, ``[N]`` float32."""
        ...

    @property
    def value(self) -> Array:
        """Return to go that was expected, ``[N]`` float32; ``[N, C]`` of several channels."""
        ...


class Channels(NamedTuple):
    """Several rewards beside each other, ``C`` of them: each has its own discount and value.

    They take the place of the one reward of a record, which has a row for each meta-step as well.
    """

    reward: Array  # [R, B, C] float32
    discount: Array  # [R, B, C] float32, of what comes after the meta-step; 0 where nothing does
    learned: Array  # [R, B, C] bool, whether the channel learns from the meta-step


class Batch(NamedTuple):
    """Meta-steps to learn from, ``N`` of them."""

    choice: Recorded  # [N, ...]
    advantage: Array  # [N]; of several channels their weighted sum
    target: Array  # [N] or [N, C], of the value
    weight: Array  # [N], 0 for padding
    learned: Array | None = (
        None  # [N, C] float32, 0 where a channel does not learn; one always does
    )


class Shares(NamedTuple):
    """Weights of the parts of the objective that change as training goes on, ``[]`` each."""

    policy: Array
    entropy: Array
    channels: Array | None = None  # [C], in advantages; None where there is one channel


class Losses(NamedTuple):
    """What a round of learning says of itself, ``[]`` float32 each."""

    loss: Array
    policy: Array
    value: Array  # mean squared error, in units of value_deviation; summed over channels
    entropy: Array  # of the policy, nats; what an actor makes of it, where it weighs it itself
    kl: Array  # of the policy that played from the one that learned
    clipped: Array  # share of meta-steps whose ratio was cut
    grad_norm: Array


def tell(losses: Losses, learning_rate: Array) -> dict[str, Array]:
    """Return losses by the names that they have among the metrics of a training."""
    named = losses._asdict()
    for name in ("policy", "value"):
        named[f"{name}_loss"] = named.pop(name)
    return named | {"learning_rate": jnp.asarray(learning_rate, jnp.float32)}


def advantages(looks: Looks, config: LearningConfig, channels: Channels | None = None) -> Array:
    """Return generalised advantages ``[R, B]`` (arXiv 1506.02438) of the closed meta-steps.

    A meta-step's reward is what it earned until the next look, less what its simulations cost.
    Thinking takes no time: only real steps are discounted. The last row of a lane is open, and
    the one before is bootstrapped with its value. The factor λ counts once a look or once a
    real step, as ``config.lambda_per`` says. Rows that are not closed get 0.

    Several channels have rewards and discounts of their own, and advantages ``[R, B, C]``.
    """
    last = closed(looks)

    def backward(later, row):
        later_value, later_advantage = later
        number, value, reward, acts, ended, given = row
        discount = given
        if given is None:
            discount = jnp.where(ended, 0.0, jnp.power(jnp.float32(config.gamma), acts))
        times = acts if config.lambda_per == "act" else 1
        power = jnp.power(jnp.float32(config.gae_lambda), times)
        closes = number < last
        if channels is not None:
            power, closes = jnp.asarray(power)[..., None], closes[:, None]
        decay = discount * power
        advantage = reward + discount * later_value - value + decay * later_advantage
        advantage = jnp.where(closes, advantage, 0.0)
        return (value, advantage), advantage

    value = looks.aux.value
    reward, given = looks.reward, None
    if channels is not None:
        reward, given = channels.reward, channels.discount
    rows = (jnp.arange(value.shape[0]), value, reward, looks.acts, looks.ended, given)
    nothing = jnp.zeros_like(value[0])
    return jax.lax.scan(backward, (nothing, nothing), rows, reverse=True)[1]


def to_batch(
    looks: Looks,
    config: LearningConfig,
    channels: Channels | None = None,
    weights: Array | None = None,
) -> Batch:
    """Return all closed meta-steps as one batch, padded to ``config.batch_rows``.

    Args:
        looks: the record.
        config: how it is learned from.
        channels: several rewards; the record's own if None.
        weights: ``[C]``, what each counts in the batch's advantage.
    """
    num_rows, num_lanes = looks.reward.shape
    size = config.batch_rows
    is_closed = (jnp.arange(num_rows)[:, None] < closed(looks)).ravel()
    (index,) = jnp.nonzero(is_closed, size=size, fill_value=0)

    def take(leaf: Array) -> Array:
        return leaf.reshape(num_rows * num_lanes, *leaf.shape[2:])[index]

    advantage = take(advantages(looks, config, channels))
    choice = jax.tree.map(take, looks.aux)
    weight = (jnp.arange(size) < is_closed.sum()).astype(jnp.float32)
    target = advantage + choice.value
    if channels is None:
        return Batch(choice, advantage, target, weight)
    assert weights is not None  # as there are channels
    learned = take(channels.learned).astype(jnp.float32)
    combined = (advantage * learned * weights).sum(axis=-1)
    return Batch(choice, combined, target, weight, learned)


def shares(config: LearningConfig, chunk: Array) -> Shares:
    """Return nothing for the policy while values are learned; then its entropy counts less."""
    acting = (chunk >= config.value_chunks).astype(jnp.float32)
    progress = chunk / config.num_chunks
    channels = None
    if config.channel_weights:
        first, last = jnp.asarray(config.channel_weights, jnp.float32).T
        channels = first + progress * (last - first)
    return Shares(acting, acting * config.entropy_weight * (1.0 - progress), channels)


def learn(
    actor: Actor,
    config: LearningConfig,
    optimizer: optax.GradientTransformation,
    shares: Shares,
    key: Array,
    params: PyTree,
    opt_state: PyTree,
    batch: Batch,
) -> tuple[PyTree, PyTree, Losses]:
    """Go through a batch some epochs long; return parameters, optimizer state and mean losses."""
    scaled = _standardise(batch.advantage, batch.weight, config.centred)

    def objective(weights: PyTree, rows: Batch) -> tuple[Array, Losses]:
        return _loss(actor, config, shares, {**params, "weights": weights}, rows)

    start = params["weights"], opt_state
    batch = batch._replace(advantage=scaled)
    (weights, opt_state), losses = descend(objective, config, optimizer, key, start, batch)
    found = jax.tree.map(jnp.mean, losses.told._replace(grad_norm=losses.grad_norm))
    return {**params, "weights": weights}, opt_state, found


class Told(NamedTuple):
    """What each gradient step says of itself, ``[U]`` of ``U`` steps."""

    told: PyTree  # of the objective
    grad_norm: Array


def descend(
    objective: Callable[[PyTree, PyTree], tuple[Array, PyTree]],
    config: LearningConfig,
    optimizer: optax.GradientTransformation,
    key: Array,
    start: tuple[PyTree, PyTree],
    batch: PyTree,
) -> tuple[tuple[PyTree, PyTree], Told]:
    """Go through a batch ``config.epochs`` times, a minibatch a gradient step.

    Args:
        objective: ``(weights, rows) -> (loss, what it says of itself)``.
        config: of epochs and minibatches.
        optimizer: of the weights.
        key: of the order of rows.
        start: weights, and the optimizer's state.
        batch: ``[config.batch_rows, ...]``.

    Returns:
        Weights and the optimizer's state after it, and what the steps said.
    """

    def update(carry, minibatch):
        weights, opt_state = carry
        rows = jax.tree.map(lambda leaf: leaf[minibatch], batch)
        (_, told), grads = jax.value_and_grad(objective, has_aux=True)(weights, rows)
        updates, opt_state = optimizer.update(grads, opt_state, weights)
        said = Told(told, optax.tree.norm(grads))
        return (optax.apply_updates(weights, updates), opt_state), said

    def shuffle(key):
        order = jax.random.permutation(key, config.batch_rows)
        return order.reshape(config.minibatches, -1)

    minibatches = jax.vmap(shuffle)(jax.random.split(key, config.epochs))
    minibatches = minibatches.reshape(config.epochs * config.minibatches, -1)
    return jax.lax.scan(update, start, minibatches)


def _loss(
    actor: Actor, config: LearningConfig, shares: Shares, params: PyTree, batch: Batch
) -> tuple[Array, Losses]:
    choice = batch.choice
    logits, value = actor(params, choice.inputs)
    log_probs = jax.nn.log_softmax(logits)
    log_prob = jnp.take_along_axis(log_probs, choice.answer[:, None], axis=-1)[:, 0]
    difference = log_prob - choice.log_prob
    ratio = jnp.exp(difference)
    cut = jnp.clip(ratio, 1.0 - config.clip, 1.0 + config.clip)

    def mean(values):
        return (values * batch.weight).sum() / jnp.maximum(batch.weight.sum(), 1.0)

    policy = -mean(jnp.minimum(ratio * batch.advantage, cut * batch.advantage))
    squares = jnp.square((value - batch.target) / params["value_deviation"])
    error = mean(squares if batch.learned is None else (squares * batch.learned).sum(-1))
    if isinstance(actor, WeighsEntropy):
        entropy = mean(actor.entropy(log_probs))
    else:
        entropy = mean(-(jnp.exp(log_probs) * log_probs).sum(-1))
    loss = shares.policy * policy + config.value_weight * error - shares.entropy * entropy
    losses = Losses(
        loss=loss,
        policy=policy,
        value=error,
        entropy=entropy,
        kl=mean(ratio - 1.0 - difference),
        clipped=mean(jnp.abs(ratio - 1.0) > config.clip),
        grad_norm=jnp.zeros(()),
    )
    return loss, losses


def _standardise(values: Array, weight: Array, centred: bool) -> Array:
    total = jnp.maximum(weight.sum(), 1.0)
    mean = (values * weight).sum() / total if centred else 0.0
    variance = (jnp.square(values - mean) * weight).sum() / total
    return (values - mean) / jnp.maximum(jnp.sqrt(variance), 1e-8)
