"""A ring of rows to learn from, on the device."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rrplan.types import Array, PyTree


class Position(NamedTuple):
    """One decision of self-play and what it taught. ``N`` counts positions."""

    observation: PyTree  # [N, ...]
    invalid_actions: Array  # [N, A] bool
    policy_target: Array  # [N, A] float32, improved policy of the search
    value_target: Array  # [N] float32, return to go


@struct.dataclass
class Replay:
    """A ring buffer; its capacity is a multiple of what is inserted at once."""

    rows: Any  # [capacity, ...] as those of the first call: positions, or any other pytree
    size: Array  # [] int32, rows that hold data
    cursor: Array  # [] int32, where the next rows go


def empty(row: PyTree, capacity: int) -> Replay:
    """Return an empty ring for rows shaped like ``row`` (one of them, unbatched)."""
    rows = jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), row)
    return Replay(rows=rows, size=jnp.int32(0), cursor=jnp.int32(0))


def insert(replay: Replay, rows: PyTree) -> Replay:
    """Write ``rows`` over the oldest ones; their number must divide the capacity."""
    capacity, count = (jax.tree.leaves(tree)[0].shape[0] for tree in (replay.rows, rows))

    def write(old, new):
        return jax.lax.dynamic_update_slice_in_dim(old, new, replay.cursor, axis=0)

    return Replay(
        rows=jax.tree.map(write, replay.rows, rows),
        size=jnp.minimum(replay.size + count, capacity),
        cursor=(replay.cursor + count) % capacity,
    )


def sample(replay: Replay, key: Array, count: int) -> Any:
    """Draw ``count`` rows uniformly, with replacement."""
    index = jax.random.randint(key, (count,), 0, replay.size)
    return jax.tree.map(lambda leaf: leaf[index], replay.rows)
