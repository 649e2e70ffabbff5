"""How a lane acts when its search ends: the most visited action, or the best completed Q."""

import jax.numpy as jnp

from rrplan.search.qtransforms import completed_by_mix_value
from rrplan.search.trees import Rows, argmax_by_prior
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
