"""What a chunk of the training of predicted gains says of itself."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import ArrayLike

from agents.metapolicies.selfaware.head import GainHead
from agents.metapolicies.selfaware.targets import Decision, Played
from rrplan.types import Array, PyTree


class GainsMetrics(NamedTuple):
    """What one chunk says of itself, ``[]`` float32 each."""

    loss: Array  # mean squared error of gains, in units of the head's output
    explained: Array  # share of the found gains' variance that was predicted, before learning
    gain: Array  # mean of the found gains of the largest k, where there is a choice
    learning_rate: Array
    played_return: Array  # mean of the episodes that ended; NaN where none did
    simulations: Array  # of the targets' searches in this chunk
    finite_input: Array  # 1 where observations, rewards and searches held no NaN or infinity

    @property
    def mean_return(self) -> Array:
        """What progress shows: the mean return of the episodes that targets were made on."""
        return self.played_return


def squared_error(head: GainHead, params: PyTree, batch: Decision) -> Array:
    """Return the mean squared error of predicted gains where there is a choice, in squared units.

    Args:
        head: static.
        params: of the head.
        batch: ``[N, ...]``.
    """
    error = (head(params, batch.features) - batch.gains) / head.unit
    return (_shares(batch) * jnp.square(error)).sum(0).mean()


def summarize(
    head: GainHead,
    found: Decision,
    played: Played,
    losses: Array,
    before: Array,
    learning_rate: ArrayLike,
    simulations: int,
) -> GainsMetrics:
    """Return the metrics of a chunk.

    Args:
        head: static.
        found: the chunk's decisions, ``[N, ...]``.
        played: the same as they were played, ``[T, B, ...]``.
        losses: of the gradient steps.
        before: the squared error on ``found`` before them.
        learning_rate: of the last of them.
        simulations: of the targets' searches.
    """
    shares = _shares(found)
    center = (shares * found.gains).sum(0)
    variance = (shares * jnp.square(found.gains - center)).sum(0).mean()
    unexplained = jnp.square(head.unit) * before
    return GainsMetrics(
        loss=losses.mean(),
        explained=1 - unexplained / jnp.maximum(variance, jnp.finfo(jnp.float32).tiny),
        gain=center[-1],
        learning_rate=jnp.asarray(learning_rate, jnp.float32),
        played_return=jnp.sum(played.episode_return * played.done) / played.done.sum(),
        simulations=jnp.float32(simulations),
        finite_input=found.finite.all().astype(jnp.float32),
    )


def _shares(rows: Decision) -> Array:
    """Return the weight of each decision, ``[N, 1]``, of 1 in all."""
    return (rows.weight / jnp.maximum(rows.weight.sum(), 1))[:, None]
