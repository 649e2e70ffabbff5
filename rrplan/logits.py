"""Prior logits without illegal actions, and how much they leave open."""

import jax
import jax.numpy as jnp

from rrplan.types import Array


def mask_logits(logits: Array, invalid_actions: Array) -> Array:
    """Return logits ``[..., A]`` shifted to a maximum of 0, the lowest float where illegal.

    The maximum is that of the legal actions, so that masking twice is masking once. The floor is
    finite, because a state whose actions are all illegal must not become NaN.
    """
    lowest = jnp.finfo(logits.dtype).min
    masked = jnp.where(invalid_actions, lowest, jnp.maximum(logits, lowest))
    shifted = masked - jax.lax.stop_gradient(masked.max(-1, keepdims=True))
    return jnp.where(invalid_actions, lowest, shifted)


def entropy_of(probs: Array, axis: int = -1) -> Array:
    """Return the entropy ``[...]`` of probabilities ``[..., A]``, in nats; 0 log 0 is 0."""
    return -(probs * jnp.log(jnp.where(probs > 0, probs, 1.0))).sum(axis)
