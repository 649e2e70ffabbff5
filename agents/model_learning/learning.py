"""Gradient steps of a model on windows of its history, wherever the steps there come from."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from agents.model_learning import history, losses
from agents.model_learning.config import ModelConfig
from agents.model_learning.history import History
from agents.model_learning.losses import HEADS
from agents.model_learning.network import ModelNetwork
from agents.training.descent import make_optimizer
from rrplan.types import Array, PyTree


class Learning(NamedTuple):
    """A model that is being learned."""

    params: PyTree
    opt_state: PyTree
    history: History


def learn(
    network: ModelNetwork, config: ModelConfig, key: Array, learning: Learning
) -> tuple[Learning, dict[str, Array]]:
    """Take ``config.updates_per_chunk`` gradient steps, each on windows drawn by priority.

    Args:
        network: of the model.
        config: how it is trained.
        key: of what is drawn.
        learning: whose history holds some steps.

    Returns:
        What comes after it, and the mean losses ``[]``: ``loss``, of all heads, and each head's own
        as ``HEAD_loss``.
    """
    optimizer = make_optimizer(config)

    def body(carry: Learning, step: Array):
        params, opt_state, known = carry
        index, weight = history.draw(
            known,
            jax.random.fold_in(key, step),
            config.batch_size,
            priority_exponent=config.priority_exponent,
            importance_exponent=config.importance_exponent,
        )
        some = history.windows(known, index, weight, config.window)
        objective = functools.partial(losses.loss, network, config, windows=some)
        (total, (means, error)), grads = jax.value_and_grad(objective, has_aux=True)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        known = history.reweigh(known, index, error)
        return Learning(optax.apply_updates(params, updates), opt_state, known), (total, means)

    learning, told = jax.lax.scan(body, learning, jnp.arange(config.updates_per_chunk))
    total, means = jax.tree.map(jnp.mean, told)
    return learning, {"loss": total, **{f"{name}_loss": means[name] for name in HEADS}}
