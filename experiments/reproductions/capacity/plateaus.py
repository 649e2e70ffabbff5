"""Whether trainings have reached a plateau: their curve is flat, and twice as long is no better."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.analysis.comparisons import as_json
from experiments.analysis.seeds import t_interval
from experiments.reproductions.capacity.reading import Planner
from rrplan.statistics import Interval, paired_difference

SHARE = 0.002
"""Of the range from random play to the best that is known: what counts as no more."""
_Z = 1.6448536269514722  # one-sided, 95%


def rise(steps: np.ndarray, returns: np.ndarray) -> tuple[float, float]:
    """Return how much a curve rises over the last third of a training, and its standard error.

    A straight line is fitted by least squares to the evaluations there.

    Args:
        steps: ``[N]``, ascending.
        returns: ``[N]``.
    """
    late = steps > steps[-1] * 2 / 3
    x, y = steps[late].astype(float), returns[late]
    if len(x) < 3:
        return 0.0, math.inf
    centred = x - x.mean()
    squares = float((centred**2).sum())
    slope = float((centred * y).sum()) / squares
    rest = y - y.mean() - slope * centred
    error = math.sqrt(float((rest**2).sum()) / (len(x) - 2) / squares)
    length = float(steps[-1]) / 3
    return slope * length, error * length


def judge(longest: Planner, half: Planner | None, span: float) -> dict[str, Any]:
    """Return whether planners of one width are at their plateau, as ``results.json`` has it.

    Two things are asked. ``flat``: the rise of the mean curve over the last third is below
    :data:`SHARE` of the range with 95% confidence. ``doubled``: a training of that length is not
    better than one of half of it by more than that; with two training seeds or more, their mean
    differences decide, and else the episodes'. ``plateau`` is both, and null where half of the
    length was not tried.

    Args:
        longest: the planners.
        half: those trained half as long, with a schedule of their own.
        span: the range, from random play to the best that is known.
    """
    most = SHARE * span
    risen, error = rise(longest.curve_steps, longest.curve.mean(axis=0))
    flat = risen + _Z * error < most
    told = {
        "width": longest.width,
        "chunks": longest.chunks,
        "rise": risen,
        "rise_error": error if math.isfinite(error) else None,
        "most": most,
        "flat": bool(flat),
    }
    if half is None:
        return {**told, "difference": None, "doubled": None, "plateau": None}
    difference = _difference(longest.returns[0], half.returns[0])
    doubled = difference.mean <= most
    return {
        **told,
        "difference": as_json(difference),
        "doubled": bool(doubled),
        "plateau": bool(flat and doubled),
    }


def half_of(planners: Sequence[Planner], longest: Planner) -> Planner | None:
    """Return the planners of the same width that were trained half as long; None if none were."""
    for one in planners:
        if one.width == longest.width and one.chunks == round(longest.chunks / 2):
            return one
    return None


def _difference(longer: np.ndarray, half: np.ndarray) -> Interval:
    """Return what a longer training earns more, with an interval over seeds if there are some."""
    if len(longer) > 1:
        return t_interval((longer - half).mean(axis=1))
    return paired_difference(longer, half)
