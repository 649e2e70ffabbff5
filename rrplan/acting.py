"""How a lane acts when its search ends: the most visited action, or the best completed Q."""

import jax
import jax.numpy as jnp

from rrplan.qtransforms import completed_by_mix_value
from rrplan.trees import Rows, argmax_by_prior
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
    by_value = rows.prior_logits + completed_by_mix_value(rows)
    scores = jnp.where(rule == RULES.index("visits"), by_visits, by_value)
    return argmax_by_prior(jnp.where(invalid_actions, -jnp.inf, scores), rows.prior_logits)


def entropy_of(probs: Array) -> Array:
    """Return the entropy ``[...]`` of probabilities ``[..., A]``, in nats; 0 log 0 is 0."""
    return -(probs * jnp.log(jnp.where(probs > 0, probs, 1.0))).sum(-1)


def mask_logits(logits: Array, invalid_actions: Array) -> Array:
    """Return logits ``[..., A]`` shifted to a maximum of 0, the lowest float where illegal.

    The maximum is that of the legal actions, so that masking twice is masking once. The floor is
    finite, because a state whose actions are all illegal must not become NaN.
    """
    lowest = jnp.finfo(logits.dtype).min
    masked = jnp.where(invalid_actions, lowest, jnp.maximum(logits, lowest))
    shifted = masked - jax.lax.stop_gradient(masked.max(-1, keepdims=True))
    return jnp.where(invalid_actions, lowest, shifted)
