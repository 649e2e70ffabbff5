"""Episodes to come: numbers and prices, and first states, made where they are needed."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rrplan import keys
from rrplan.models import Settings
from rrplan.types import Array, Environment, PyTree

_LEAST_GROUP = 16


class Supply(NamedTuple):
    """Episodes to come, by their place in a queue."""

    take: Callable[[Array], tuple[Array, Array]]
    """``places [B] -> (ids [B] int32, prices [B])``; of places beyond the last, of any."""
    total: Array  # [] int32, how many there are


def first_states(
    environment: Environment, settings: Settings, ids: Array, wanted: Array
) -> tuple[PyTree, PyTree]:
    """Return first states and observations ``[B, ...]`` of the episodes that are ``wanted [B]``.

    A reset may take far longer than a step. So lanes that want one are reset in groups, and the
    others not at all: what stands in their rows means nothing.

    Args:
        environment: static.
        settings: its key is the one that all episodes' keys come from.
        ids: ``[B]`` int32.
        wanted: ``[B]`` bool.
    """
    size = ids.shape[0]
    group = min(size, max(_LEAST_GROUP, size // 8))
    (order,) = jnp.nonzero(wanted, size=size, fill_value=size)
    order = jnp.append(order, jnp.full(group, size)).astype(jnp.int32)
    last = wanted.sum(dtype=jnp.int32)

    def reset(chosen: Array) -> tuple[PyTree, PyTree]:
        return keys.first_states(environment, settings.env_params, settings.key, ids[chosen])

    def reset_group(carry):
        done, first = carry
        chosen = jax.lax.dynamic_slice(order, (done,), (group,))
        made = reset(jnp.minimum(chosen, size - 1))
        first = jax.tree.map(lambda all_, new: all_.at[chosen].set(new, mode="drop"), first, made)
        return done + group, first

    shapes = jax.eval_shape(reset, jnp.arange(size))
    blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    return jax.lax.while_loop(lambda carry: carry[0] < last, reset_group, (jnp.int32(0), blank))[1]
