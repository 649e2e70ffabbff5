"""How a lane acts when its search ends: the most visited action, or the best completed Q."""

from typing import NamedTuple

import jax.numpy as jnp

from rrplan.search.qtransforms import SMALLEST, completed_by_mix_value
from rrplan.search.trees import Rows, argmax_by_prior
from rrplan.types import Array

RULES = ("visits", "completed_q")


class Acting(NamedTuple):
    """A rule of acting, traced."""

    rule: Array  # [] int32, index into RULES
    value_floor: Array | float  # [] float32, in units of return

    @classmethod
    def by(cls, rule: str, value_floor: Array | float) -> "Acting":
        """Return the rule of this name."""
        return cls(jnp.int32(RULES.index(rule)), jnp.float32(value_floor))


def choose_action(acting: Acting, rows: Rows, invalid_actions: Array) -> Array:
    """Return the action ``[B]`` to take at the root; without simulations, the prior's best.

    Args:
        acting: *visits*: most visits, ties by prior. *completed_q*: argmax of prior logits +
            transformed completed Q. The transform stretches the Q-values of a root to [0, 1].
            Where they lie closer together than ``value_floor``, they are divided by that instead,
            so that differences as small as the network's errors do not overrule the prior
            (*ours*; 0 is Gumbel MuZero's transform).
        rows: the roots.
        invalid_actions: ``[B, A]`` bool, true where illegal.
    """
    by_visits = rows.visit_counts.astype(jnp.float32)
    by_value = _improved(rows, acting.value_floor)
    scores = jnp.where(acting.rule == RULES.index("visits"), by_visits, by_value)
    return argmax_by_prior(jnp.where(invalid_actions, -jnp.inf, scores), rows.prior_logits)


def log_policy(rule: str, value_floor: float, rows: Rows, invalid_actions: Array) -> Array:
    """Return the logits ``[B, A]`` of the policy whose best action a rule takes.

    For *visits* they are shares of the visits, and before the first the prior; for *completed_q*
    Gumbel MuZero's improved policy. Illegal actions have none. Arguments as for
    :func:`choose_action`.
    """
    if rule == "visits":
        visits = rows.visit_counts.astype(jnp.float32)
        searched = visits.sum(axis=-1, keepdims=True) > 0
        logits = jnp.where(searched, jnp.log(visits), rows.prior_logits)
    else:
        logits = _improved(rows, value_floor)
    return jnp.where(invalid_actions, -jnp.inf, logits)


def _improved(rows: Rows, value_floor: Array | float) -> Array:
    """Return prior logits with transformed completed Q-values added, ``[B, A]``."""
    epsilon = jnp.maximum(value_floor, SMALLEST)
    return rows.prior_logits + completed_by_mix_value(rows, epsilon=epsilon)
