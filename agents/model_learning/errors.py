"""How wrong a model is: the error of each head, after one imagined step and after several.

Errors are measured on play that nothing was learned from.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from agents.alphazero import selfplay
from agents.model_learning import history, losses, playing
from agents.model_learning.config import ModelConfig
from agents.model_learning.losses import Targets, Unrolled
from agents.model_learning.network import ModelNetwork, expected_legal
from rrplan.models.true_model import make_true_model
from rrplan.planner import Planner
from rrplan.types import Array, Environment, Network, PyTree

ERROR_SEED = 0x7E59
"""Of the play that errors are measured on, the same for every training seed."""
LONGEST = 32
"""Steps of each lane that are played, at most."""


class Errors(NamedTuple):
    """Errors of a model after 1, 2, ..., U imagined steps, ``[U]`` float32 each."""

    reward: Array  # root of the mean squared error, in units of the return's scale
    ended: Array  # share of steps whose end is told wrong
    features: Array  # squared error as a share of the variance of features: 1 knows nothing
    value: Array  # root of the mean squared error against the target, in units of the scale
    best_action: Array  # share whose likeliest action is not the one that the search likes most
    legal: Array  # share of actions whose legality is told wrong, as search takes them
    steps: Array  # how many unrolls there were


def measure(
    planner: Planner, network: ModelNetwork, config: ModelConfig, params: PyTree, unrolls: int
) -> Errors:
    """Return the errors of a model on fresh play of a planner.

    Args:
        planner: with a network, that plays as in the model's training.
        network: of the model.
        config: of the model.
        params: of the model.
        unrolls: how many to measure on, at least; rounded up to whole steps of all lanes.

    Returns:
        Means over the unrolls that are not over before; 0 where all are.
    """
    steps = max(config.window, min(LONGEST, -(-unrolls // config.num_lanes) + config.window - 1))
    environment, evaluator = planner.environment, planner.network
    spec = environment, evaluator, network, config, steps
    return _measure(*spec, planner.env_params, planner.params, params)


@functools.partial(jax.jit, static_argnums=range(5))
def _measure(
    environment: Environment,
    evaluator: Network,
    network: ModelNetwork,
    config: ModelConfig,
    steps: int,
    env_params: PyTree,
    planner_params: PyTree,
    params: PyTree,
) -> Errors:
    reset_key, play_key = jax.random.split(jax.random.key(ERROR_SEED))
    lanes = selfplay.reset_lanes(environment, env_params, reset_key, config.num_lanes)
    model = make_true_model(environment, env_params, evaluator, network.discount)
    _, (played, _) = playing.play(model, config, planner_params, play_key, lanes, steps)
    row = jax.tree.map(lambda leaf: leaf[0, 0], played)
    size = steps * config.num_lanes
    known = history.empty(row, size, config.num_lanes)
    known = history.insert(known, played, jnp.ones_like(played.drawn))
    starts = jnp.arange(size - (config.window - 1) * config.num_lanes)
    some = history.windows(known, starts, jnp.ones(starts.shape), config.window)
    targets = losses.make_targets(some, config.unroll_steps, config.return_steps, network.discount)
    first = jax.tree.map(lambda leaf: leaf[:, 0], targets.observation)
    told = losses.unroll(network, params, first, targets.action)
    return compare(network, told, losses.embed_all(network, params, targets.observation), targets)


def compare(
    network: ModelNetwork, told: Unrolled, real_features: Array, targets: Targets
) -> Errors:
    """Return errors of unrolls, see :func:`agents.model_learning.losses.head_losses`."""
    stepping, arrived = targets.going[:, :-1], targets.going[:, 1:]
    flat = real_features.reshape(*real_features.shape[:2], -1)
    apart = jnp.square(told.features.reshape(flat.shape) - flat)[:, 1:].mean(-1)
    mean = (flat * targets.going[..., None]).sum((0, 1)) / targets.going.sum()
    spread = _mean(jnp.square(flat - mean)[:, 1:].mean(-1), arrived)
    reward = jnp.square((told.reward - targets.reward) / network.return_scale)
    value = jnp.square((told.value - targets.value) / network.return_scale)[:, 1:]
    legal = ~targets.invalid_actions[:, 1:]
    wrong = (expected_legal(told.legal_logits[:, 1:]) != legal).mean(-1)
    prior = jnp.where(legal, told.prior_logits[:, 1:], -jnp.inf)
    other = prior.argmax(-1) != targets.policy[:, 1:].argmax(-1)
    return Errors(
        reward=jnp.sqrt(_mean(reward, stepping)),
        ended=_mean((told.ended_logit > 0) != (targets.ended > 0), stepping),
        features=_mean(apart, arrived) / jnp.where(spread > 0, spread, 1.0),
        value=jnp.sqrt(_mean(value, arrived)),
        best_action=_mean(other, arrived),
        legal=_mean(wrong, arrived),
        steps=stepping.sum(0).astype(jnp.float32),
    )


def _mean(values: Array, counts: Array) -> Array:
    """Return means over the rows ``[N, U]`` that count, ``[U]``; 0 where none does."""
    total = jnp.maximum(counts.sum(0), 1)
    return jnp.where(counts, values, 0.0).sum(0) / total
