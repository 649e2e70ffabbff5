"""What search is worth: how many times as large a model without it earns as much.

Returns at k = 0 are taken to rise in straight lines between planners, over the logarithm of their
size. A planner that searches earns what this line earns at some other size: the ratio of the two
sizes is what its search is worth. Where the line never gets as high, all that is known is that the
ratio is more than that of the largest planner's size to its own.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.analysis.comparisons import reach
from experiments.reproductions.capacity.reading import Planner

RESAMPLES = 2_000
Size = Callable[[Planner, int], float]
"""``(planner, k)``: what is on the axis, weights or operations of a decision."""


class Worth(NamedTuple):
    """What the search of one planner is worth, with its 95% interval."""

    factor: float | None
    """None where no planner of the grid earns as much without search."""
    low: float | None
    """None where the lower end is beyond the grid as well."""
    high: float | None
    """None where the upper end is beyond the grid."""
    largest: float
    """Size of the largest planner without search, over its own: the factor is more than this
    where it is None."""


def weights(planner: Planner, k: int) -> float:
    """Return the number of weights, which search does not change."""
    del k
    return float(planner.weights)


def operations(planner: Planner, k: int) -> float:
    """Return the operations of a decision."""
    return planner.operations(k)


def worths(
    planners: Sequence[Planner], k: int, size: Size = weights, resamples: int = RESAMPLES
) -> list[Worth]:
    """Return what k simulations are worth to each planner.

    Intervals are percentiles over resamples. Training seeds are drawn anew for each planner, as
    they are independent, and episodes for all of them together, as they are the same.

    Args:
        planners: of one length of training, by their size without search.
        k: simulations a decision.
        size: what is on the axis.
        resamples: of the bootstrap.
    """
    planners = sorted(planners, key=lambda one: size(one, 0))
    sizes = [size(one, 0) for one in planners]
    own = [size(one, k) for one in planners]
    without = np.array([one.mean(0) for one in planners])
    searching = np.array([one.mean(k) for one in planners])
    drawn = _resample(planners, k, resamples)
    found = []
    for place, size_of_own in enumerate(own):
        factor = _factor(sizes, without, searching[place], size_of_own)
        factors = [_factor(sizes, w, s[place], size_of_own) for w, s in drawn]
        low, high = _ends(factors)
        found.append(Worth(_finite(factor), low, high, sizes[-1] / size_of_own))
    return found


def _factor(sizes: Sequence[float], without: np.ndarray, wanted: float, own: float) -> float:
    """Return the size that earns as much without search, over the own one; infinite if none."""
    points = list(zip(np.log(sizes), without, strict=True))
    reached = reach(points, float(wanted))
    return float("inf") if reached is None else float(np.exp(reached) / own)


def _ends(factors: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the 2.5th and the 97.5th percentile; each is one of the values, as some are not."""
    low, high = np.quantile(factors, (0.025, 0.975), method="inverted_cdf")
    return _finite(low), _finite(high)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _resample(
    planners: Sequence[Planner], k: int, resamples: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return mean returns ``[P]`` at k = 0 and at k, of each resample."""
    rng = np.random.default_rng(0)
    pairs = [np.stack([one.returns[0], one.returns[k]]) for one in planners]  # [2, S, E]
    found = []
    for _ in range(resamples):
        episodes = pairs[0].shape[-1]
        drawn = np.bincount(rng.integers(episodes, size=episodes), minlength=episodes) / episodes
        of_seeds = [pair @ drawn for pair in pairs]  # [2, S]
        means = [own[:, rng.integers(own.shape[1], size=own.shape[1])].mean(1) for own in of_seeds]
        without, searching = np.array(means).T
        found.append((without, searching))
    return found
