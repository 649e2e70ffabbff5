"""Intervals and claims over training seeds: a few values, which no bootstrap covers well."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats

from experiments.analysis.comparisons import as_json
from rrplan.errors import InputError
from rrplan.statistics import Interval, holm

_COVERAGE = 0.95
_ALIKE = 1e-6  # values of seeds that differ by less, in multiples of the largest, are alike


def t_interval(values: np.ndarray) -> Interval:
    """Return the mean of independent values with Student's 95% interval.

    Args:
        values: ``[S]``, one a seed.

    Raises:
        InputError: there are fewer than two, or one is not finite.
    """
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise InputError(f"Student's interval is of 2 finite values or more, got {values.tolist()}")
    half = float(scipy.stats.t.ppf((1 + _COVERAGE) / 2, len(values) - 1) * _error(values))
    mean = float(values.mean())
    return Interval(mean, mean - half, mean + half)


def p_value(values: np.ndarray) -> float | None:
    """Return the two-sided p-value of Student's test that the mean of ``[S]`` values is zero.

    None where all seeds are alike: agents that no training has changed say nothing of trainings.
    """
    values = np.asarray(values, float)
    if np.ptp(values) <= _ALIKE * max(1.0, float(np.abs(values).max())):
        return None
    return float(2 * scipy.stats.t.sf(abs(values.mean()) / _error(values), len(values) - 1))


def claims(
    timed: Mapping[float, Mapping[str, np.ndarray]],
    best_fixed: Mapping[float, np.ndarray],
    agents: Sequence[str],
) -> list[dict[str, Any]]:
    """Return what agents earn more than each other one, tested over training seeds.

    A claim has the mean difference of timed returns of each seed, paired by episode, Student's
    interval over them, and a p-value with Holm's correction over all claims of its agent; None
    where all seeds are alike. There are none where there is one seed.

    Args:
        timed: timed returns ``[S, E]`` by price and agent.
        best_fixed: those of the best fixed k, by price; it is called ``fixed``.
        agents: of whom something is claimed.
    """
    found = []
    for agent in agents:
        own = [
            _claim(price, agent, other, of_agents[agent] - values)
            for price, of_agents in timed.items()
            if agent in of_agents and len(of_agents[agent]) > 1
            for other, values in _others(of_agents, best_fixed.get(price))
            if other != agent
        ]
        found += _corrected(own)
    return found


def _corrected(own: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the claims of one agent with their p-values, corrected over all that have one."""
    alone = [p_value(np.array(claim["seeds"])) for claim in own]
    corrected = iter(holm(np.array([p for p in alone if p is not None])).tolist())
    return [
        {**claim, "p_holm": None if p is None else next(corrected)}
        for claim, p in zip(own, alone, strict=True)
    ]


def _others(
    of_agents: Mapping[str, np.ndarray], best_fixed: np.ndarray | None
) -> list[tuple[str, np.ndarray]]:
    return [*([] if best_fixed is None else [("fixed", best_fixed)]), *of_agents.items()]


def _claim(price: float, agent: str, other: str, more: np.ndarray) -> dict[str, Any]:
    of_seeds = more.mean(axis=1)
    return {
        "price": price,
        "agent": agent,
        "other": other,
        "difference": as_json(t_interval(of_seeds)),
        "seeds": of_seeds.tolist(),
    }


def _error(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))
