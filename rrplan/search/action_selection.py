"""Rules of selection: which action a search tries next, of one node of every lane."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from rrplan.search.qtransforms import by_parent_and_siblings
from rrplan.search.trees import Rows
from rrplan.types import Array


def puct(
    rows: Rows,
    *,
    c_init: Array | float = 1.25,
    c_base: Array | float = 19652.0,
    qtransform: Callable[[Rows], Array] = by_parent_and_siblings,
) -> Array:
    """Return PUCT's scores ``[B, A]``; ties are left to the caller's argmax.

    Source: Schrittwieser et al. 2020 (MuZero), appendix B.
    """
    visits = rows.node_visits.astype(jnp.float32)[:, None]
    exploration = c_init + jnp.log((visits + c_base + 1.0) / c_base)
    policy_score = jnp.sqrt(visits) * exploration * rows.prior_probs / (rows.visit_counts + 1)
    return policy_score + qtransform(rows)


def improve(rows: Rows, qtransform: Callable[[Rows], Array]) -> Array:
    """Return Gumbel MuZero's choice ``[B]`` below the root.

    It visits actions so that their shares approach softmax(logits + completed Q).

    Source: Danihelka et al. 2022, section 5.
    """
    policy = jax.nn.softmax(rows.prior_logits + qtransform(rows))
    visits = rows.visit_counts
    share = visits / (1 + visits.sum(-1, keepdims=True))
    return jnp.argmax(policy - share, axis=-1).astype(jnp.int32)


def score_considered(rows: Rows, gumbel: Array, considered_visits: Array, qvalues: Array) -> Array:
    """Return gumbel + logits + Q ``[B, A]`` of actions with just so many visits, else -inf.

    Args:
        rows: the roots.
        gumbel: ``[B, A]`` noise, the same throughout the search.
        considered_visits: ``[B]`` int32.
        qvalues: ``[B, A]`` completed and scaled.
    """
    logits = rows.prior_logits - rows.prior_logits.max(-1, keepdims=True)
    scores = jnp.maximum(-1e9, gumbel + logits + qvalues)
    return jnp.where(rows.visit_counts == considered_visits[:, None], scores, -jnp.inf)


@functools.lru_cache(maxsize=64)
def halving_table(max_considered: int, budgets: tuple[int, ...]) -> np.ndarray:
    """Return ``[len(budgets), max_considered + 1, max(budgets)]`` int32: whose turn it is.

    Entry ``[i, m, t]`` is the number of visits that an action must have to be tried by simulation
    ``t`` of ``budgets[i]``, where ``m`` actions are considered at first.
    """
    table = np.zeros((len(budgets), max_considered + 1, max(1, *budgets)), np.int32)
    for i, budget in enumerate(budgets):
        for considered in range(max_considered + 1):
            table[i, considered, :budget] = _halving(considered, budget)
    return table


def _halving(considered: int, budget: int) -> np.ndarray:
    """Return sequential halving's visits ``[budget]`` (Karnin et al. 2013).

    The actions still considered are visited in turn, equally often in each phase; then the
    better half goes on. At least two stay to the end.
    """
    if considered <= 1:
        return np.arange(budget)
    phases = int(np.ceil(np.log2(considered)))
    sequence: list[int] = []
    visits = 0
    remaining = considered
    while len(sequence) < budget:
        rounds = max(1, budget // (phases * remaining))
        for visit in range(visits, visits + rounds):
            sequence += [visit] * remaining
        visits += rounds
        remaining = max(2, remaining // 2)
    return np.array(sequence[:budget])
