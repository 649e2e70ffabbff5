"""What the suite's own untuned agents and rules are built of, as the roster names it."""

from collections.abc import Sequence

import jax.numpy as jnp

from agents.metapolicies import tuning
from agents.metapolicies.rules import constant
from agents.metapolicies.tuning import Candidate
from rrplan.planner import Planner
from rrplan.types import MetaPolicy, PyTree


def random_k(budgets: Sequence[int]) -> tuple[MetaPolicy, PyTree]:
    """Return a budget drawn for each decision from those of the sweep."""
    return constant.random_k(), jnp.asarray(budgets, jnp.int32)


def fixed_depth(planner: Planner, pairs: Sequence[tuple[int, int]]) -> list[Candidate]:
    """Return every pair ``(k, depth)`` of the sweep; a depth of 0 is no limit."""
    del planner
    return [
        Candidate(
            f"fixed-depth-k{k}" + (f"-depth{depth}" if depth else ""),
            constant.fixed(),
            (k, depth),
        )
        for k, depth in pairs
    ]


def entropy(planner: Planner, budgets: Sequence[int]) -> list[Candidate]:
    """Return budgets of the sweep with thresholds of the prior's entropy."""
    thresholds = tuning.entropy_thresholds(planner.environment.num_actions)
    return tuning.entropy_candidates(budgets, thresholds)


def margin(planner: Planner, budgets: Sequence[int]) -> list[Candidate]:
    """Return the margin rule with every budget of the sweep."""
    del planner
    return tuning.margin_candidates(budgets)


def vet(planner: Planner, budgets: Sequence[int]) -> list[Candidate]:
    """Return caps, ratios and tolerances of virtual expansion, with the planner's own PUCT."""
    del budgets
    num_actions = planner.environment.num_actions
    return tuning.vet_candidates(planner.max_simulations, num_actions, planner.search)
