"""How hard an instance is for a planner: the least k from which on more search is good enough.

Hardness belongs to an instance and a planner together. An instance that one planner solves without
a search may take another sixteen simulations.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.stats

from rrplan.errors import InputError
from rrplan.statistics import Interval

WITHIN = 0.01
"""Share of the best known return that may be missing."""


def of_instances(
    returns: Mapping[int, np.ndarray], best: np.ndarray, within: float = WITHIN
) -> np.ndarray:
    """Return the least k from which on every larger k is good enough, ``[E]`` float64.

    Good enough is a return that misses at most a share ``within`` of the size of the best known
    return. Infinite where the largest k is not good enough.

    Args:
        returns: untimed returns ``[E]`` of one planner, by k.
        best: the best known return of each instance, ``[E]``.
        within: that share.

    Raises:
        InputError: a return is above the best known, or there is no k.
    """
    if not returns:
        raise InputError("returns is empty: expected those of at least one k")
    ks = sorted(returns)
    earned = np.stack([np.asarray(returns[k], float) for k in ks])
    above = earned.max(axis=0) - best > 1e-6 * (1.0 + np.abs(best))
    if above.any():
        place = int(above.argmax())
        raise InputError(
            f"episode {place} earns {earned[:, place].max():g}, above the best known return"
            f" {best[place]:g}: expected no more"
        )
    enough = earned >= best - within * np.abs(best) - 1e-9
    # From the last k on backwards: good enough there and at all larger ones.
    lasting = np.logical_and.accumulate(enough[::-1], axis=0)[::-1]
    first = lasting.argmax(axis=0)
    return np.where(lasting.any(axis=0), np.asarray(ks, float)[first], np.inf)


def shares(hardness: np.ndarray, ks: Sequence[int]) -> dict[str, float]:
    """Return the share of instances of each hardness, by k; ``"inf"`` where no k is enough.

    Args:
        hardness: ``[...]``.
        ks: the planner's grid.
    """
    told = {str(k): float((hardness == k).mean()) for k in ks}
    return told | {"inf": float(np.isinf(hardness).mean())}


def rank_correlation(
    one: np.ndarray, other: np.ndarray, *, resamples: int = 500, seed: int = 0
) -> Interval | None:
    """Return Spearman's rank correlation of two planners' hardness, with its 95% interval.

    Infinite is harder than any k. None where a planner finds all instances equally hard, as there
    is no order to compare. The interval is a percentile bootstrap over instances.

    Args:
        one: ``[E]``, or ``[P, E]`` for P pairs, of which the mean is told.
        other: the same shape, on the same instances.
        resamples: of the bootstrap; those that have no order are left out.
        seed: of the resampling.
    """
    first, second = (np.atleast_2d(np.asarray(values, float)) for values in (one, other))
    finite = np.concatenate([first, second])
    largest = finite[np.isfinite(finite)].max(initial=0.0) + 1.0
    first, second = (np.where(np.isinf(values), largest, values) for values in (first, second))
    told = _mean_correlation(first, second)
    if told is None:
        return None
    rng, size = np.random.default_rng(seed), first.shape[1]
    drawn = []
    for _ in range(resamples):
        some = rng.integers(size, size=size)
        found = _mean_correlation(first[:, some], second[:, some])
        if found is not None:
            drawn.append(found)
    low, high = np.quantile(drawn, [0.025, 0.975]) if drawn else (told, told)
    return Interval(told, float(low), float(high))


def _mean_correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if np.ptp(a) > 0 and np.ptp(b) > 0]
    if len(pairs) < len(first):
        return None
    # Spearman's is Pearson's correlation of ranks, ties sharing their mean rank.
    ranks = ((scipy.stats.rankdata(a), scipy.stats.rankdata(b)) for a, b in pairs)
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in ranks]))
