"""How agents stand to each other: to the best fixed k, to the ceiling, to the fixed-k curve."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rrplan.statistics import (
    Interval,
    gap_closed,
    paired_difference,
    significant_falls,
    simultaneous_ci,
)

Columns = Mapping[str, np.ndarray]  # columns [S, E]


class Yardstick(NamedTuple):
    """What agents are held against at a price: the best fixed k, and the exact ceiling."""

    price: float
    best_fixed: np.ndarray  # [S, E] timed returns
    ceiling: np.ndarray | None  # [S, O] of the first O episodes; None without an oracle


def compare(
    timed: np.ndarray, yardstick: Yardstick | None, *, bounded: bool = True
) -> dict[str, Any]:
    """Return the paired difference to the best fixed k, and the share of the gap that is closed.

    Both on the episodes that all of them have met; None where there is nothing to compare with.
    What the ceiling does not bound closes no gap.
    """
    if yardstick is None:
        return {"difference": None, "gap_closed": None}
    best_fixed, ceiling = yardstick.best_fixed, yardstick.ceiling
    met = min(timed.shape[1], best_fixed.shape[1])
    difference = paired_difference(timed[:, :met], best_fixed[:, :met])
    closed = None
    if ceiling is not None and bounded:
        met = min(met, ceiling.shape[1])
        closed = gap_closed(timed[:, :met], best_fixed[:, :met], ceiling[:, :met])
    return {
        "difference": as_json(difference),
        "gap_closed": None if closed is None else as_json(closed),
    }


def pairs(timed: Mapping[float, Mapping[str, np.ndarray]]) -> list[dict[str, Any]]:
    """Return at each price how each agent differs from those before it, two by two.

    ``difference`` is the timed return of ``agent`` less that of ``other``, paired by seed and
    episode. Give timed returns ``[S, E]`` by price and name, in the order of listing.
    """
    return [
        {
            "price": price,
            "agent": agent,
            "other": other,
            "difference": as_json(paired_difference(values, of_agents[other])),
        }
        for price, of_agents in timed.items()
        for place, (agent, values) in enumerate(of_agents.items())
        for other in list(of_agents)[:place]
    ]


def fixed_simulations(curve: Mapping[int, Columns], untimed: float) -> float | None:
    """Return the simulations an episode with which a fixed k first earns ``untimed``.

    Give the curve on the same episodes as ``untimed``.

    Between two neighbouring k, both numbers are interpolated. None where no k earns as much.
    """
    points = [
        (curve[k]["simulations"].mean(), curve[k]["untimed_return"].mean()) for k in sorted(curve)
    ]
    return reach(points, untimed)


def reach(points: Sequence[tuple[float, float]], wanted: float) -> float | None:
    """Return where a line first reaches a height; None where it never does.

    Args:
        points: what was spent and what was earned, joined by straight lines in their order.
        wanted: the height, in what is earned.
    """
    before = None
    for spent, earned in points:
        if earned >= wanted:
            if before is None:
                return float(spent)
            share = (wanted - before[1]) / (earned - before[1])
            return float(before[0] + share * (spent - before[0]))
        before = (spent, earned)
    return None


def fronts(
    tables: Mapping[str, Mapping[float, Columns]], curve: Mapping[int, Columns]
) -> list[dict[str, Any]]:
    """Return how far agents with a point for each price lie above the fixed-k curve.

    ``difference`` is in untimed return, at the agent's own mean number of simulations, to the curve
    interpolated between k that are neighbours in simulations; ``ci95`` holds for all prices of an
    agent together, given these mean numbers. Where an agent thinks more than the largest k, it is
    compared with that.

    Args:
        tables: by name and price, of agents that decide themselves. No ceiling: that is no agent.
        curve: the table of each fixed k.
    """
    found = []
    for name, priced in tables.items():
        if len(priced) < 2 or not curve:
            continue
        differences = np.stack([_above_curve(table, curve) for table in priced.values()])
        for (price, table), interval in zip(
            priced.items(), simultaneous_ci(differences), strict=True
        ):
            found.append(
                {
                    "agent": name,
                    "price": price,
                    "simulations": float(table["simulations"].mean()),
                    "difference": as_json(interval),
                }
            )
    return found


def falls(curve: Mapping[int, np.ndarray]) -> list[dict[str, Any]]:
    """Return where the untimed return falls significantly along k, Holm-corrected."""
    ks = sorted(curve)
    if not ks:
        return []
    return [
        {
            "from_k": ks[fall.start],
            "to_k": ks[fall.stop],
            "difference": fall.difference,
            "p_holm": fall.p_value,
        }
        for fall in significant_falls(np.stack([curve[k] for k in ks]))
    ]


def as_json(interval: Interval) -> dict[str, Any]:
    """Return an interval as ``results.json`` has it."""
    return {"mean": interval.mean, "ci95": [interval.low, interval.high]}


def _above_curve(table: Columns, curve: Mapping[int, Columns]) -> np.ndarray:
    """Return untimed returns less those of the curve at as many simulations, ``[S, E]``."""
    # By simulations, not by k: where better search makes episodes shorter, more k can cost less.
    ks = sorted(curve, key=lambda k: curve[k]["simulations"].mean())
    costs = np.array([curve[k]["simulations"].mean() for k in ks])
    place = np.interp(table["simulations"].mean(), costs, np.arange(len(ks)))
    low = min(int(place), len(ks) - 1)
    high = min(low + 1, len(ks) - 1)
    share = place - low
    below, above = (curve[ks[i]]["untimed_return"].astype(float) for i in (low, high))
    return table["untimed_return"] - ((1.0 - share) * below + share * above)
