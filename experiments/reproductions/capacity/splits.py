"""One budget, two places: operations of training against operations of thinking when it is used.

For a deployment of so many decisions, the cheapest way to a return is looked for among all
planners of the grid with all k. It is cheap to think where few decisions are to come, and to train
where many are (Alver & Precup 2022; Jones 2021, arXiv 2104.03113). Operations of one training are
those of one seed; that several lengths were tried is not counted.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.reproductions.capacity.reading import Planner

TARGETS = (0.7, 0.9, 0.97)
"""Returns that are asked for, as shares of the range from random play to the best of the grid."""
DECISIONS = tuple(float(n) for n in np.logspace(2, 7, 41))
"""Decisions of a deployment."""


def best_splits(
    planners: Sequence[Planner],
    span: tuple[float, float],
    targets: Sequence[float] = TARGETS,
    decisions: Sequence[float] = DECISIONS,
) -> list[dict[str, Any]]:
    """Return for each target the cheapest planner and k at each number of decisions.

    Targets that nobody reaches are left out.

    Args:
        planners: all of the grid.
        span: returns of random play and of the best.
        targets: shares of the range between them.
        decisions: numbers of decisions.
    """
    found = []
    for share in targets:
        wanted = span[0] + share * (span[1] - span[0])
        able = [(one, k) for one in planners for k in one.returns if one.mean(k) >= wanted]
        if not able:
            continue
        points = []
        for count in decisions:
            one, k = min(able, key=lambda pair, n=count: total(*pair, n))
            points.append(
                {
                    "decisions": count,
                    "width": one.width,
                    "chunks": one.chunks,
                    "k": k,
                    "total": total(one, k, count),
                    "training": one.training,
                    "search": count * k * one.simulation,
                }
            )
        found.append({"share": share, "return": wanted, "points": points})
    return found


def total(planner: Planner, k: int, decisions: float) -> float:
    """Return the operations of training a planner once and of using it with k simulations."""
    return planner.training + decisions * planner.operations(k)
