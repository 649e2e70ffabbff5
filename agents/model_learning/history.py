"""Steps to learn from in their order, and windows of them drawn by priority.

Each lane has a ring of its own: a row of lane ``b`` is followed, in that lane, by the one that
stands a whole number of lanes behind it. Lanes may have played different numbers of steps.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rrplan.types import Array, PyTree

LEAST_PRIORITY = 1e-3
"""So that a step without an error is still learned from now and then."""


@struct.dataclass
class History:
    """Rings of steps, each with a priority: ``B`` lanes, ``capacity / B`` steps of each."""

    rows: Any  # [capacity, ...]
    priority: Array  # [capacity] float32, above 0 where a row holds data
    cursor: Array  # [B] int32, of the next step in each lane's ring

    @property
    def size(self) -> Array:
        """Rows that hold data, ``[]`` int32."""
        return (self.priority > 0).sum(dtype=jnp.int32)


class Windows(NamedTuple):
    """Steps in a row: ``N`` windows of ``L`` steps."""

    rows: Any  # [N, L, ...]
    known: Array  # [N, L] bool, the step has been played
    weight: Array  # [N] float32, for a loss: rarer where drawn more often, at most 1


def empty(row: PyTree, capacity: int, lanes: int) -> History:
    """Return a history without a step.

    Args:
        row: a step, unbatched, whose shapes rows have.
        capacity: rows, a multiple of ``lanes``.
        lanes: that play side by side, ``B``.
    """
    rows = jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), row)
    return History(rows, jnp.zeros(capacity), jnp.zeros(lanes, jnp.int32))


def insert(history: History, steps: PyTree, happened: Array) -> History:
    """Write the next steps of all lanes over their oldest; new ones have the largest priority.

    Args:
        history: whose rings hold ``T`` steps of a lane or more.
        steps: ``[T, B, ...]``.
        happened: ``[T, B]`` bool, which of them are steps; the others are left out.
    """
    capacity, lanes = history.priority.shape[0], history.cursor.shape[0]
    length = capacity // lanes
    before = jnp.cumsum(happened, axis=0, dtype=jnp.int32) - happened
    place = (history.cursor + before) % length * lanes + jnp.arange(lanes)
    place = jnp.where(happened, place, capacity).ravel()
    largest = history.priority.max()

    def write(old: Array, new: Array) -> Array:
        return old.at[place].set(new.reshape(-1, *new.shape[2:]), mode="drop")

    return History(
        rows=jax.tree.map(write, history.rows, steps),
        priority=history.priority.at[place].set(jnp.where(largest > 0, largest, 1.0), mode="drop"),
        cursor=(history.cursor + happened.sum(axis=0, dtype=jnp.int32)) % length,
    )


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
    weight = (chances[index] * history.size) ** -importance_exponent
    return index, weight / weight.max()


def windows(history: History, index: Array, weight: Array, length: int) -> Windows:
    """Return what followed each row in its lane.

    Args:
        history: to read.
        index: ``[N]``, rows to start from.
        weight: ``[N]``, passed on.
        length: ``L``.
    """
    capacity, lanes = history.priority.shape[0], history.cursor.shape[0]
    later = jnp.arange(length)
    place = (index[:, None] + lanes * later) % capacity
    # Steps of the lane that were written after this one.
    after = (history.cursor[index % lanes] - 1 - index // lanes) % (capacity // lanes)
    rows = jax.tree.map(lambda leaf: leaf[place], history.rows)
    return Windows(rows, later <= after[:, None], weight)


def reweigh(history: History, index: Array, error: Array) -> History:
    """Return the history with the priorities of some rows set to their errors ``[N]``."""
    fresh = jnp.maximum(jnp.abs(error), LEAST_PRIORITY)
    return History(history.rows, history.priority.at[index].set(fresh), history.cursor)
