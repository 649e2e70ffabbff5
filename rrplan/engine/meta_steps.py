"""The looks of meta-policies and what came of each: written down as lanes go on, to learn from."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rrplan.types import Array, PyTree


class Looks(NamedTuple):
    """The looks of every lane since the recording began, oldest first; the last one is open.

    A meta-step begins with a look and ends with the next.
    """

    aux: PyTree  # [R, B, ...] what the meta-policy gave to be recorded
    reward: Array  # [R, B] float32, rewards less prices and fees until the next look
    acted: Array  # [R, B] bool, a real step was taken
    ended: Array  # [R, B] bool, and the episode ended
    count: Array  # [B] int32, rows in use  # pyright: ignore[reportIncompatibleMethodOverride]


def blank(num_rows: int, aux: PyTree) -> Looks:
    """Return a record of nothing, with room for ``num_rows`` looks a lane.

    ``aux [B, ...]`` may hold ``jax.ShapeDtypeStruct`` leaves.
    """
    store = jax.tree.map(lambda leaf: jnp.zeros((num_rows, *leaf.shape), leaf.dtype), aux)
    shape = (num_rows, jax.tree.leaves(aux)[0].shape[0])
    no = jnp.zeros(shape, bool)
    return Looks(store, jnp.zeros(shape, jnp.float32), no, no, jnp.zeros(shape[1], jnp.int32))


def begin(looks: Looks, looking: Array, aux: PyTree, cost: Array) -> Looks:
    """Open a row for the lanes ``looking [B]``, for which there must be room.

    ``cost [B]`` is what a look costs, to be read where a lane looks.
    """
    lanes = jnp.arange(looking.shape[0])
    row = jnp.where(looking, looks.count, looks.reward.shape[0])

    def put(store, new):
        return store.at[row, lanes].set(new, mode="drop")

    return Looks(
        aux=jax.tree.map(put, looks.aux, aux),
        reward=put(looks.reward, -cost),
        acted=put(looks.acted, False),
        ended=put(looks.ended, False),
        count=looks.count + looking,
    )


def settle(looks: Looks, reward: Array, acted: Array, ended: Array) -> Looks:
    """Add what a tick brought, ``[B]`` each, to the row that is open in each lane."""
    lanes = jnp.arange(reward.shape[0])
    row = jnp.where(looks.count > 0, looks.count - 1, looks.reward.shape[0])
    return looks._replace(
        reward=looks.reward.at[row, lanes].add(reward, mode="drop"),
        acted=looks.acted.at[row, lanes].max(acted, mode="drop"),
        ended=looks.ended.at[row, lanes].max(ended, mode="drop"),
    )


def closed(looks: Looks) -> Array:
    """Return how many rows of each lane are closed, ``[B]``: all but its last."""
    return jnp.maximum(looks.count - 1, 0)


def keep_open(looks: Looks) -> Looks:
    """Drop the closed rows: the open one of each lane becomes its first."""
    last, lanes = closed(looks), jnp.arange(looks.count.shape[0])

    def move(store):
        return store.at[0].set(store[last, lanes])

    moved = jax.tree.map(move, looks._replace(count=()))
    return moved._replace(count=jnp.minimum(looks.count, 1))
