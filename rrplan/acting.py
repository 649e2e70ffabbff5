"""How a lane acts when its search ends: the most visited action, or the best completed Q."""

import jax
import jax.numpy as jnp

from rrplan.search import Rows, argmax_by_prior
from rrplan.types import Array

RULES = ("visits", "completed_q")


def choose_action(rule: Array, rows: Rows, invalid_actions: Array) -> Array:
    """Return the action ``[B]`` to take at the root; without simulations, the prior's best.

    Args:
        rule: scalar int32, index into :data:`RULES`. *visits*: most visits, ties by prior.
            *completed_q*: argmax of prior logits + transformed completed Q.
        rows: the roots.
        invalid_actions: ``[B, A]`` bool, true where illegal.
    """
    by_visits = rows.visit_counts.astype(jnp.float32)
    by_value = rows.prior_logits + completed_qvalues(rows)
    scores = jnp.where(rule == RULES.index("visits"), by_visits, by_value)
    return argmax_by_prior(jnp.where(invalid_actions, -jnp.inf, scores), rows.prior_logits)


def completed_qvalues(
    rows: Rows, *, value_scale: float = 0.1, maxvisit_init: float = 50.0, epsilon: float = 1e-8
) -> Array:
    """Return completed Q-values ``[B, A]``, scaled to be added to logits.

    Unvisited actions get a mix of the raw value and the visited actions' Q-values, as
    ``mctx.qtransform_completed_by_mix_value`` does with its defaults.

    Source: Danihelka et al. 2022, appendix D.
    """
    visited = rows.visit_counts > 0
    total = rows.visit_counts.sum(-1, keepdims=True)
    probs = jnp.maximum(rows.prior_probs, jnp.finfo(jnp.float32).tiny)
    mass = jnp.where(visited, probs, 0.0).sum(-1, keepdims=True)
    weights = jnp.where(visited, probs / jnp.where(visited, mass, 1.0), 0.0)
    mean_q = (weights * rows.qvalues).sum(-1, keepdims=True)
    mixed = (rows.raw_value[:, None] + total * mean_q) / (total + 1)
    completed = jnp.where(visited, rows.qvalues, mixed)
    low = completed.min(-1, keepdims=True)
    high = completed.max(-1, keepdims=True)
    scaled = (completed - low) / jnp.maximum(high - low, epsilon)
    return (maxvisit_init + rows.visit_counts.max(-1, keepdims=True)) * value_scale * scaled


def mask_logits(logits: Array, invalid_actions: Array) -> Array:
    """Return logits ``[..., A]`` shifted to a maximum of 0, the lowest float where illegal.

    The floor is finite, because a state whose actions are all illegal must not become NaN.
    """
    logits = logits - jax.lax.stop_gradient(logits.max(-1, keepdims=True))
    return jnp.where(invalid_actions, jnp.finfo(logits.dtype).min, logits)
