"""States compared by value, and looked up by their bytes."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from rrplan.types import Array, PyTree

Find = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""``instance [n], raw [n, W] uint8 -> row [n]``: where that state stands, or -1"""


def make_index(instance: np.ndarray, raw: np.ndarray) -> Find:
    """Return a function that finds states among these.

    Args:
        instance: ``[T]``, to which a state belongs.
        raw: ``[T, W]`` uint8, the states' bytes.
    """

    def words(instance, raw):
        lead = np.ascontiguousarray(instance, np.int32).view(np.uint8).reshape(len(raw), 4)
        joined = np.concatenate([lead, raw], axis=1)
        return joined.view(np.dtype((np.void, joined.shape[1])))[:, 0]

    known = words(instance, raw)
    order = np.argsort(known)
    known = known[order]

    def find(instance, raw):
        wanted = words(instance, raw)
        place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.where(known[place] == wanted, order[place], -1)

    return find


def differ(one: Array, other: Array) -> Array:
    """Return whether two arrays ``[R, A, ...]`` differ, ``[R, A]``."""
    one, other = _plain(one), _plain(other)
    inexact = jnp.issubdtype(one.dtype, jnp.inexact)
    same = jnp.isclose(one, other, equal_nan=True) if inexact else one == other
    return ~same.reshape(*one.shape[:2], -1).all(-1)


def as_bytes(tree: PyTree, ndim: int) -> Array:
    """Return the leaves of a pytree, whose first ``ndim`` axes are a batch's, as bytes."""

    def convert(leaf):
        leaf = _plain(leaf)
        leaf = leaf.astype(jnp.uint8) if leaf.dtype == bool else leaf
        raw = jax.lax.bitcast_convert_type(leaf, jnp.uint8)
        return raw.reshape(*leaf.shape[:ndim], -1)

    return jnp.concatenate([convert(leaf) for leaf in jax.tree.leaves(tree)], axis=-1)


def _plain(leaf: Array) -> Array:
    """Return an array that can be compared: a random key's data."""
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(leaf) if is_key else leaf
