"""What meta-policies were asked and what came of it: written down as lanes go on, to learn from."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rrplan.types import Array, PyTree


class Asks(NamedTuple):
    """The asks of every lane since the recording began, oldest first; the last one is open.

    A meta-step begins when a lane is asked and ends when it is asked again.
    """

    aux: PyTree  # [R, B, ...] what the meta-policy gave to be recorded
    reward: Array  # [R, B] float32, rewards less prices and fees until the next ask
    acted: Array  # [R, B] bool, a real step was taken
    ended: Array  # [R, B] bool, and the episode ended
    count: Array  # [B] int32, rows in use


def blank(num_rows: int, aux: PyTree) -> Asks:
    """Return a record of nothing, with room for ``num_rows`` asks a lane.

    ``aux [B, ...]`` may hold ``jax.ShapeDtypeStruct`` leaves.
    """
    store = jax.tree.map(lambda leaf: jnp.zeros((num_rows, *leaf.shape), leaf.dtype), aux)
    shape = (num_rows, jax.tree.leaves(aux)[0].shape[0])
    no = jnp.zeros(shape, bool)
    return Asks(store, jnp.zeros(shape, jnp.float32), no, no, jnp.zeros(shape[1], jnp.int32))


def begin(asks: Asks, asked: Array, aux: PyTree, cost: Array) -> Asks:
    """Open a row for the lanes ``asked [B]``, for which there must be room.

    ``cost [B]`` is what asking costs, to be read where a lane is asked. Where ``aux`` has a field
    ``keep [B]``, asks without it open nothing: what comes of them, their cost too, belongs to the
    ask before.
    """
    kept = asked & getattr(aux, "keep", True)
    asks = settle(asks, -cost * (asked & ~kept), jnp.zeros_like(asked), jnp.zeros_like(asked))
    asked = kept
    lanes = jnp.arange(asked.shape[0])
    row = jnp.where(asked, asks.count, asks.reward.shape[0])

    def put(store, new):
        return store.at[row, lanes].set(new, mode="drop")

    return Asks(
        aux=jax.tree.map(put, asks.aux, aux),
        reward=put(asks.reward, -cost),
        acted=put(asks.acted, False),
        ended=put(asks.ended, False),
        count=asks.count + asked,
    )


def settle(asks: Asks, reward: Array, acted: Array, ended: Array) -> Asks:
    """Add what a tick brought, ``[B]`` each, to the row that is open in each lane."""
    lanes = jnp.arange(reward.shape[0])
    row = jnp.where(asks.count > 0, asks.count - 1, asks.reward.shape[0])
    return asks._replace(
        reward=asks.reward.at[row, lanes].add(reward, mode="drop"),
        acted=asks.acted.at[row, lanes].max(acted, mode="drop"),
        ended=asks.ended.at[row, lanes].max(ended, mode="drop"),
    )


def closed(asks: Asks) -> Array:
    """Return how many rows of each lane are closed, ``[B]``: all but its last."""
    return jnp.maximum(asks.count - 1, 0)


def keep_open(asks: Asks) -> Asks:
    """Drop the closed rows: the open one of each lane becomes its first."""
    last, lanes = closed(asks), jnp.arange(asks.count.shape[0])

    def move(store):
        return store.at[0].set(store[last, lanes])

    moved = jax.tree.map(move, asks._replace(count=()))
    return moved._replace(count=jnp.minimum(asks.count, 1))
