"""The looks of meta-policies and what came of each: written down as lanes go on, to learn from."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rrplan.types import Array, PyTree


class Looks(NamedTuple):
    """The looks of every lane since the recording began, oldest first; the last one is open.

    A meta-step begins with a look and ends with the next, or with the episode. It may hold several
    real steps: a decision with one legal action is acted on without a look.
    """

    aux: PyTree  # [R, B, ...] what the meta-policy gave to be recorded
    reward: Array  # [R, B] float32, rewards less prices and fees, discounted to the look
    acts: Array  # [R, B] int32, real steps taken
    ended: Array  # [R, B] bool, the episode ended
    count: Array  # [B] int32, rows in use  # pyright: ignore[reportIncompatibleMethodOverride]


def blank(num_rows: int, aux: PyTree) -> Looks:
    """Return a record of nothing, with room for ``num_rows`` looks a lane.

    ``aux [B, ...]`` may hold ``jax.ShapeDtypeStruct`` leaves.
    """
    store = jax.tree.map(lambda leaf: jnp.zeros((num_rows, *leaf.shape), leaf.dtype), aux)
    shape = (num_rows, jax.tree.leaves(aux)[0].shape[0])
    none = jnp.zeros(shape, jnp.int32)
    return Looks(store, none.astype(jnp.float32), none, none.astype(bool), none[0])


def of_steps(aux: PyTree, last: PyTree, reward: Array, acts: Array, ended: Array) -> Looks:
    """Return the record of lanes that look at every one of ``T`` steps; the last row is open.

    Args:
        aux: ``[T, B, ...]``, recorded of each look.
        last: ``[B, ...]``, of the look that is open.
        reward: ``[T, B]``, of each step, as ``acts`` and ``ended``.
        acts: ``[T, B]`` int32.
        ended: ``[T, B]`` bool.
    """
    steps, lanes = ended.shape
    return Looks(
        aux=jax.tree.map(lambda row, end: jnp.append(row, end[None], axis=0), aux, last),
        reward=open_row(reward),
        acts=open_row(acts),
        ended=open_row(ended),
        count=jnp.full(lanes, steps + 1, jnp.int32),
    )


def open_row(rows: Array) -> Array:
    """Return rows ``[T, ...]`` and one more, of nothing yet."""
    return jnp.append(rows, jnp.zeros_like(rows[:1]), axis=0)


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
        acts=put(looks.acts, 0),
        ended=put(looks.ended, False),
        count=looks.count + looking,
    )


def settle(looks: Looks, reward: Array, acted: Array, ended: Array, gamma: float) -> Looks:
    """Add what a tick brought, ``[B]`` each, to the row that is open in each lane.

    What comes after the episode of that row has ended, and before the next look, is no look's doing
    and is left out.

    Args:
        looks: the record.
        reward: less prices and fees.
        acted: a real step was taken.
        ended: and the episode ended.
        gamma: discount of a real step.
    """
    lanes = jnp.arange(reward.shape[0])
    row = jnp.maximum(looks.count - 1, 0)
    open_ = (looks.count > 0) & ~looks.ended[row, lanes]
    discount = jnp.power(jnp.float32(gamma), looks.acts[row, lanes])
    row = jnp.where(open_, row, looks.reward.shape[0])
    return looks._replace(
        reward=looks.reward.at[row, lanes].add(discount * reward, mode="drop"),
        acts=looks.acts.at[row, lanes].add(acted, mode="drop"),
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
