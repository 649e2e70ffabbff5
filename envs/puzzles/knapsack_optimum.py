"""The optimum of a knapsack, by dynamic programming over capacities."""

import functools

import jax
import jax.numpy as jnp

from rrplan.types import Array


def optimal_value(
    weights: Array, values: Array, capacity: Array | int, *, max_capacity: int | None = None
) -> Array:
    """Return the largest total value of items that fit, by dynamic programming.

    Args:
        weights: ``[A]`` positive integers.
        values: ``[A]`` non-negative integers.
        capacity: ``[]`` non-negative integer.
        max_capacity: static upper bound of ``capacity``: the size of the table. Needed where
            ``capacity`` is traced; without it ``capacity`` is its own bound.

    Returns:
        ``[]`` int32.
    """
    size = int(capacity if max_capacity is None else max_capacity) + 1
    best = _best_values(jnp.asarray(weights, jnp.int32), jnp.asarray(values, jnp.int32), size)
    return best[capacity]


@functools.partial(jax.jit, static_argnames="size")
def _best_values(weights: Array, values: Array, size: int) -> Array:
    """Return the optimum under every capacity 0, 1, ..., ``size - 1``, ``[size]`` int32."""
    capacities = jnp.arange(size)

    def add_item(best, item):
        weight, value = item
        with_item = best[capacities - weight] + value
        return jnp.maximum(best, jnp.where(capacities >= weight, with_item, 0)), None

    best, _ = jax.lax.scan(add_item, jnp.zeros(size, jnp.int32), (weights, values))
    return best
