"""PPO (arXiv 1707.06347) over semi-Markov meta-steps: advantages, the objective, its gradient."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import optax

from agents.ppo.config import LearningConfig
from rrplan.engine.meta_steps import Looks, closed
from rrplan.types import Array, PyTree

Actor = Callable[[PyTree, PyTree], tuple[Array, Array]]
"""``(params, inputs [N, ...]) -> (logits [N, M], value [N])``, as of a meta-policy's network.

``params`` is a dict: ``weights`` are learned, ``value_deviation`` is the unit of values, and the
rest is none of the learner's business.
"""


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
        """Return to go that was expected, ``[N]`` float32."""
        ...


class Batch(NamedTuple):
    """Meta-steps to learn from, ``N`` of them."""

    choice: Recorded  # [N, ...]
    advantage: Array  # [N]
    target: Array  # [N], of the value
    weight: Array  # [N], 0 for padding


class Shares(NamedTuple):
    """Weights of the parts of the objective that change as training goes on, ``[]`` each."""

    policy: Array
    entropy: Array


class Losses(NamedTuple):
    """What a round of learning says of itself, ``[]`` float32 each."""

    loss: Array
    policy: Array
    value: Array  # mean squared error, in units of value_deviation
    entropy: Array  # of the policy, nats
    kl: Array  # of the policy that played from the one that learned
    clipped: Array  # share of meta-steps whose ratio was cut
    grad_norm: Array


def tell(losses: Losses, learning_rate: Array) -> dict[str, Array]:
    """Return losses by the names that they have among the metrics of a training."""
    named = losses._asdict()
    for name in ("policy", "value"):
        named[f"{name}_loss"] = named.pop(name)
    return named | {"learning_rate": jnp.asarray(learning_rate, jnp.float32)}


def advantages(looks: Looks, config: LearningConfig) -> Array:
    """Return generalised advantages ``[R, B]`` (arXiv 1506.02438) of the closed meta-steps.

    A meta-step's reward is what it earned until the next look, less what its simulations cost.
    Thinking takes no time: only real steps are discounted. The last row of a lane is open, and
    the one before is bootstrapped with its value. The factor λ counts once a look or once a
    real step, as ``config.lambda_per`` says. Rows that are not closed get 0.
    """
    last = closed(looks)

    def backward(later, row):
        later_value, later_advantage = later
        number, value, reward, acts, ended = row
        discount = jnp.where(ended, 0.0, jnp.power(jnp.float32(config.gamma), acts))
        times = acts if config.lambda_per == "act" else 1
        decay = discount * jnp.power(jnp.float32(config.gae_lambda), times)
        advantage = reward + discount * later_value - value + decay * later_advantage
        advantage = jnp.where(number < last, advantage, 0.0)
        return (value, advantage), advantage

    value = looks.aux.value
    rows = (jnp.arange(value.shape[0]), value, looks.reward, looks.acts, looks.ended)
    nothing = jnp.zeros_like(value[0])
    return jax.lax.scan(backward, (nothing, nothing), rows, reverse=True)[1]


def to_batch(looks: Looks, config: LearningConfig) -> Batch:
    """Return all closed meta-steps as one batch, padded to ``config.batch_rows``."""
    num_rows, num_lanes = looks.reward.shape
    size = config.batch_rows
    is_closed = (jnp.arange(num_rows)[:, None] < closed(looks)).ravel()
    (index,) = jnp.nonzero(is_closed, size=size, fill_value=0)
    advantage = advantages(looks, config).ravel()[index]
    choice = jax.tree.map(
        lambda leaf: leaf.reshape(num_rows * num_lanes, *leaf.shape[2:])[index], looks.aux
    )
    weight = (jnp.arange(size) < is_closed.sum()).astype(jnp.float32)
    return Batch(choice, advantage, advantage + choice.value, weight)


def shares(config: LearningConfig, chunk: Array) -> Shares:
    """Return nothing for the policy while values are learned; then its entropy counts less."""
    acting = (chunk >= config.value_chunks).astype(jnp.float32)
    progress = chunk / config.num_chunks
    return Shares(acting, acting * config.entropy_weight * (1.0 - progress))


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
    batch = batch._replace(advantage=_standardise(batch.advantage, batch.weight))

    def update(carry, minibatch):
        weights, opt_state = carry
        rows = jax.tree.map(lambda leaf: leaf[minibatch], batch)

        def objective(weights):
            return _loss(actor, config, shares, {**params, "weights": weights}, rows)

        (_, losses), grads = jax.value_and_grad(objective, has_aux=True)(weights)
        updates, opt_state = optimizer.update(grads, opt_state, weights)
        losses = losses._replace(grad_norm=optax.tree.norm(grads))
        return (optax.apply_updates(weights, updates), opt_state), losses

    def shuffle(key):
        order = jax.random.permutation(key, config.batch_rows)
        return order.reshape(config.minibatches, -1)

    minibatches = jax.vmap(shuffle)(jax.random.split(key, config.epochs))
    minibatches = minibatches.reshape(config.epochs * config.minibatches, -1)
    (weights, opt_state), losses = jax.lax.scan(update, (params["weights"], opt_state), minibatches)
    return {**params, "weights": weights}, opt_state, jax.tree.map(jnp.mean, losses)


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
    error = mean(jnp.square((value - batch.target) / params["value_deviation"]))
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


def _standardise(values: Array, weight: Array) -> Array:
    total = jnp.maximum(weight.sum(), 1.0)
    mean = (values * weight).sum() / total
    variance = (jnp.square(values - mean) * weight).sum() / total
    return (values - mean) / jnp.maximum(jnp.sqrt(variance), 1e-8)
