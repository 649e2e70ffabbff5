"""What a rule of selection adds up: Q-values, completed and scaled.

mctx's transforms look at one node of one tree. Its own three have a fast path here that looks
at one node of every lane; any other gets a view of its node as an ``mctx.Tree``.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import mctx

from rrplan.search.trees import Rows
from rrplan.types import Array

SMALLEST = 1e-8
"""The least number that a difference of Q-values is divided by, as in mctx."""

QTransform = Callable[..., Array]
"""mctx's: ``(tree, node_index) -> [A]``, unbatched."""


def for_rows(qtransform: QTransform) -> Callable[[Rows], Array]:
    """Return an mctx transform (or a ``functools.partial`` of one) as ``rows -> [B, A]``."""
    function: QTransform = qtransform
    options: dict[str, Any] = {}
    while isinstance(function, functools.partial) and not function.args:
        function, options = function.func, {**function.keywords, **options}
    if function in _FAST:
        return functools.partial(_FAST[function], **options)
    return lambda rows: jax.vmap(lambda one: qtransform(_view(one), 0))(rows)


def by_parent_and_siblings(rows: Rows, *, epsilon: float = SMALLEST) -> Array:
    """Return Q-values ``[B, A]`` scaled to [0, 1] over the node and its visited children.

    Unvisited actions get 0. Source: ``mctx.qtransform_by_parent_and_siblings``.
    """
    visited = rows.visit_counts > 0
    node_value = rows.node_value[:, None]
    low, high = _extremes(jnp.where(visited, rows.qvalues, node_value), -1)
    low, high = jnp.minimum(node_value, low), jnp.maximum(node_value, high)
    completed = jnp.where(visited, rows.qvalues, low)
    return (completed - low) / jnp.maximum(high - low, epsilon)


def by_min_max(rows: Rows, *, min_value: float, max_value: float) -> Array:
    """Return Q-values ``[B, A]`` scaled from ``[min_value, max_value]``; 0 if unvisited.

    Source: ``mctx.qtransform_by_min_max``.
    """
    completed = jnp.where(rows.visit_counts > 0, rows.qvalues, min_value)
    return (completed - min_value) / (max_value - min_value)


def completed_by_mix_value(
    rows: Rows,
    *,
    value_scale: float = 0.1,
    maxvisit_init: float = 50.0,
    rescale_values: bool = True,
    use_mixed_value: bool = True,
    epsilon: Array | float = SMALLEST,
    axis: int = -1,
) -> Array:
    """Return completed Q-values ``[B, A]``, scaled to be added to logits.

    Unvisited actions get a mix of the raw value and the visited actions' Q-values. ``axis`` is that
    of the actions: 0 where rows are ``[A, B]``.

    Source: Danihelka et al. 2022, appendix D; ``mctx.qtransform_completed_by_mix_value``.
    """
    completed = complete(rows, use_mixed_value=use_mixed_value, axis=axis)
    if rescale_values:
        low, high = _extremes(completed, axis)
        completed = (completed - low) / jnp.maximum(high - low, epsilon)
    return (maxvisit_init + rows.visit_counts.max(axis, keepdims=True)) * value_scale * completed


def complete(rows: Rows, *, use_mixed_value: bool = True, axis: int = -1) -> Array:
    """Return Q-values ``[B, A]``; unvisited actions get the mixed value, or the raw one.

    ``axis`` is that of the actions. Source: Danihelka et al. 2022, appendix D.
    """
    visited = rows.visit_counts > 0
    value = jnp.expand_dims(rows.raw_value, axis)
    if use_mixed_value:
        total = rows.visit_counts.sum(axis, keepdims=True)
        probs = jnp.maximum(rows.prior_probs, jnp.finfo(jnp.float32).tiny)
        mass = jnp.where(visited, probs, 0.0).sum(axis, keepdims=True)
        weights = jnp.where(visited, probs / jnp.where(visited, mass, 1.0), 0.0)
        value = (value + total * (weights * rows.qvalues).sum(axis, keepdims=True)) / (total + 1)
    return jnp.where(visited, rows.qvalues, value)


_FAST: dict[QTransform, Callable[..., Array]] = {
    mctx.qtransform_by_parent_and_siblings: by_parent_and_siblings,
    mctx.qtransform_by_min_max: by_min_max,
    mctx.qtransform_completed_by_mix_value: completed_by_mix_value,
}


def _extremes(values: Array, axis: int) -> tuple[Array, Array]:
    """Return the least and the largest along an axis, which is kept, in one pass."""
    low, high = jax.lax.reduce(
        (values, values),
        (jnp.float32(jnp.inf), jnp.float32(-jnp.inf)),
        lambda one, other: (jnp.minimum(one[0], other[0]), jnp.maximum(one[1], other[1])),
        (axis % values.ndim,),
    )
    return jnp.expand_dims(low, axis), jnp.expand_dims(high, axis)


def _view(rows: Rows) -> mctx.Tree:
    """Return one node, unbatched, as a tree that holds nothing else."""
    edge = rows.qvalues[None]
    nowhere = jnp.full(1, mctx.Tree.NO_PARENT, jnp.int32)
    return mctx.Tree(
        node_visits=rows.node_visits[None],
        raw_values=rows.raw_value[None],
        node_values=rows.node_value[None],
        parents=nowhere,
        action_from_parent=nowhere,
        children_index=jnp.full(edge.shape, mctx.Tree.UNVISITED, jnp.int32),
        children_prior_logits=rows.prior_logits[None],
        children_visits=rows.visit_counts[None],
        children_rewards=jnp.zeros_like(edge),
        children_discounts=jnp.ones_like(edge),
        children_values=edge,
        embeddings=(),
        root_invalid_actions=jnp.zeros(edge.shape[1:]),
        extra_data=(),
    )
