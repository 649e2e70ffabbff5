"""What a model is trained on: windows of real steps, unrolled by the model from their first.

The first features are those of the real observation; all others are imagined, one step after the
other, by the real actions. At each of them the model is asked for reward, end, next features,
value, prior and legality, and held against what really happened.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from agents.model_learning.config import ModelConfig
from agents.model_learning.history import Windows
from agents.model_learning.network import ModelNetwork
from agents.model_learning.playing import Step
from rrplan.logits import mask_logits
from rrplan.types import Array, PyTree

HEADS = ("reward", "ended", "features", "value", "policy", "legal")


class Targets(NamedTuple):
    """What happened in windows; ``U`` is the length of an unroll."""

    reward: Array  # [N, U]
    ended: Array  # [N, U] float32, 1 where the step ended its episode
    action: Array  # [N, U] int32
    value: Array  # [N, U + 1]
    policy: Array  # [N, U + 1, A]
    invalid_actions: Array  # [N, U + 1, A] bool
    observation: PyTree  # [N, U + 1, ...]
    going: Array  # [N, U + 1] bool, the episode goes on here, and it is known


class Unrolled(NamedTuple):
    """What a model says of windows."""

    reward: Array  # [N, U]
    ended_logit: Array  # [N, U]
    features: Array  # [N, U + 1, ...], the first of the real observation
    value: Array  # [N, U + 1]
    prior_logits: Array  # [N, U + 1, A]
    legal_logits: Array  # [N, U + 1, A]


def make_targets(
    windows: Windows, unroll_steps: int, return_steps: int, discount: float
) -> Targets:
    """Return what to learn of windows of ``unroll_steps + return_steps + 1`` steps.

    A value is that of the rewards of the next steps and, after ``return_steps`` of them, of the
    planner's search. That value stands in earlier where a step was drawn at random, which the
    planner would not have done (*ours*), and where the next step has not been played yet. After an
    end there is nothing.
    """
    rows: Step = windows.rows
    earlier = jnp.cumsum(rows.ended, axis=1) - rows.ended
    going = windows.known & (earlier == 0)
    size = unroll_steps + 1
    total = jnp.zeros((going.shape[0], size))
    open_ = jnp.ones(total.shape)  # discount of what comes next; 0 where the value is complete
    for ahead in range(return_steps + 1):
        here = slice(ahead, ahead + size)
        last = jnp.ones(total.shape, bool)
        if ahead < return_steps:
            following = windows.known[:, ahead + 1 : ahead + 1 + size]
            last = rows.drawn[:, here] | ~(following | rows.ended[:, here])
        worth = jnp.where(last, rows.search_value[:, here], rows.reward[:, here])
        # What is not known may be anything, even NaN.
        total = total + jnp.where(open_ > 0, open_ * worth, 0.0)
        open_ = jnp.where(last | rows.ended[:, here], 0.0, discount * open_)
    some = slice(0, unroll_steps)
    return Targets(
        reward=rows.reward[:, some],
        ended=rows.ended[:, some].astype(jnp.float32),
        action=rows.action[:, some],
        value=total,
        policy=rows.policy_target[:, :size],
        invalid_actions=rows.invalid_actions[:, :size],
        observation=jax.tree.map(lambda leaf: leaf[:, :size], rows.observation),
        going=going[:, :size],
    )


def unroll(network: ModelNetwork, params: PyTree, first: PyTree, actions: Array) -> Unrolled:
    """Imagine the steps ``actions [N, U]`` from real observations ``first [N, ...]``."""
    features = network.embed(params, first)

    def body(features, action):
        imagined = network.step(params, features, action)
        return imagined.features, imagined

    _, imagined = jax.lax.scan(body, features, actions.T)
    imagined = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, 1), imagined)
    every = jnp.concatenate([features[:, None], imagined.features], axis=1)
    judged = network.judge(params, every.reshape(-1, *every.shape[2:]))
    shape = every.shape[:2]
    return Unrolled(
        reward=imagined.reward,
        ended_logit=imagined.ended_logit,
        features=every,
        value=judged.value.reshape(shape),
        prior_logits=judged.prior_logits.reshape(*shape, -1),
        legal_logits=judged.legal_logits.reshape(*shape, -1),
    )


def embed_all(network: ModelNetwork, params: PyTree, observation: PyTree) -> Array:
    """Return the features ``[N, L, ...]`` of real observations ``[N, L, ...]``."""
    shape = jax.tree.leaves(observation)[0].shape[:2]
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), observation)
    features = network.embed(params, flat)
    return features.reshape(*shape, *features.shape[1:])


def head_losses(
    network: ModelNetwork, told: Unrolled, real_features: Array, targets: Targets
) -> dict[str, Array]:
    """Return what each head loses in each step, ``[N, U]`` or ``[N, U + 1]``; 0 beyond an end.

    Args:
        network: static; says the unit of rewards and values.
        told: what the model says.
        real_features: ``[N, U + 1, ...]``, of what was really observed; not learned from.
        targets: what happened.
    """
    scale, going = network.return_scale, targets.going
    stepping, arrived = going[:, :-1], going[:, 1:]
    apart = jnp.square(told.features - jax.lax.stop_gradient(real_features))[:, 1:]
    log_probs = jax.nn.log_softmax(mask_logits(told.prior_logits, targets.invalid_actions))
    agreed = jnp.where(targets.invalid_actions, 0.0, targets.policy * log_probs)
    legal = ~targets.invalid_actions
    logistic = optax.sigmoid_binary_cross_entropy
    losses = {
        "reward": (jnp.square((told.reward - targets.reward) / scale), stepping),
        "ended": (logistic(told.ended_logit, targets.ended), stepping),
        "features": (apart.reshape(*apart.shape[:2], -1).mean(-1), arrived),
        "value": (jnp.square((told.value - targets.value) / scale), going),
        "policy": (-agreed.sum(-1), going),
        "legal": (logistic(told.legal_logits, legal.astype(jnp.float32)).mean(-1), going),
    }
    return {name: jnp.where(counts, loss, 0.0) for name, (loss, counts) in losses.items()}


def loss(
    network: ModelNetwork, config: ModelConfig, params: PyTree, windows: Windows
) -> tuple[Array, tuple[dict[str, Array], Array]]:
    """Return the loss of windows, each head's own, and the errors of the first values ``[N]``.

    A head's loss of a window is its mean over the steps of an unroll, those beyond an end among
    them with 0. Windows count by their weights. Errors are in units of the return's scale.
    """
    targets = make_targets(windows, config.unroll_steps, config.return_steps, network.discount)
    first = jax.tree.map(lambda leaf: leaf[:, 0], targets.observation)
    told = unroll(network, params, first, targets.action)
    real = embed_all(network, params, targets.observation)
    losses = head_losses(network, told, real, targets)
    means = {name: (windows.weight * each.mean(1)).mean() for name, each in losses.items()}
    total = sum(getattr(config, f"{name}_weight") * means[name] for name in HEADS)
    error = (told.value[:, 0] - targets.value[:, 0]) / network.return_scale
    return jnp.asarray(total), (means, error)
