"""Steps to learn from in their order, and windows of them drawn by priority.

Rows of one time stand side by side, so that what follows a row in its lane stands a whole number
of lanes behind it.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from agents.alphazero import replay
from agents.alphazero.replay import Replay
from rrplan.types import Array, PyTree

LEAST_PRIORITY = 1e-3
"""So that a step without an error is still learned from now and then."""


@struct.dataclass
class History:
    """A ring of steps, each with a priority."""

    replay: Replay  # [capacity, ...] rows
    priority: Array  # [capacity] float32, above 0 where a row holds data


class Windows(NamedTuple):
    """Steps in a row: ``N`` windows of ``L`` steps."""

    rows: Any  # [N, L, ...]
    known: Array  # [N, L] bool, the step has been played
    weight: Array  # [N] float32, for a loss: rarer where drawn more often, at most 1


def empty(row: PyTree, capacity: int) -> History:
    """Return a history without a step, for rows shaped like ``row`` (one of them, unbatched)."""
    return History(replay.empty(row, capacity), jnp.zeros(capacity))


def insert(history: History, rows: PyTree) -> History:
    """Write the next steps of all lanes over the oldest; new ones have the largest priority.

    Args:
        history: whose capacity is a multiple of the number of rows.
        rows: ``[T B, ...]``, those of one time side by side.
    """
    count = jax.tree.leaves(rows)[0].shape[0]
    largest = history.priority.max()
    fresh = jnp.full(count, jnp.where(largest > 0, largest, 1.0))
    start = history.replay.cursor
    priority = jax.lax.dynamic_update_slice_in_dim(history.priority, fresh, start, axis=0)
    return History(replay.insert(history.replay, rows), priority)


def draw(
    history: History,
    key: Array,
    count: int,
    *,
    priority_exponent: float,
    importance_exponent: float,
) -> tuple[Array, Array]:
    """Draw rows by priority, with replacement (Schaul et al. 2016, arXiv 1511.05952).

    Args:
        history: that holds some rows.
        key: scalar key.
        count: how many.
        priority_exponent: a row's chance is its priority to this power, as a share.
        importance_exponent: its weight is one over its chance, to this power.

    Returns:
        Their places ``[count]``, and weights ``[count]`` of which the largest is 1.
    """
    stored = history.priority > 0
    scores = jnp.where(stored, history.priority, 1.0) ** priority_exponent
    chances = jnp.where(stored, scores, 0.0)
    chances = chances / chances.sum()
    index = jax.random.choice(key, chances.shape[0], (count,), p=chances)
    weight = (chances[index] * history.replay.size) ** -importance_exponent
    return index, weight / weight.max()


def windows(history: History, index: Array, weight: Array, lanes: int, length: int) -> Windows:
    """Return what followed each row in its lane.

    Args:
        history: to read.
        index: ``[N]``, rows to start from.
        weight: ``[N]``, passed on.
        lanes: that play side by side.
        length: ``L``.
    """
    capacity = history.priority.shape[0]
    later = jnp.arange(length)
    place = (index[:, None] + lanes * later) % capacity
    # Rows written after this one, of which every so many are its own lane's.
    after = (history.replay.cursor - 1 - index) % capacity // lanes
    rows = jax.tree.map(lambda leaf: leaf[place], history.replay.rows)
    return Windows(rows, later <= after[:, None], weight)


def reweigh(history: History, index: Array, error: Array) -> History:
    """Return the history with the priorities of some rows set to their errors ``[N]``."""
    fresh = jnp.maximum(jnp.abs(error), LEAST_PRIORITY)
    return History(history.replay, history.priority.at[index].set(fresh))
