"""Intervals over training seeds: a few independent values, which no bootstrap covers well."""

import numpy as np
import scipy.stats

from rrplan.errors import InputError
from rrplan.statistics import Interval

_COVERAGE = 0.95


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
    error = values.std(ddof=1) / np.sqrt(len(values))
    half = float(scipy.stats.t.ppf((1 + _COVERAGE) / 2, len(values) - 1) * error)
    mean = float(values.mean())
    return Interval(mean, mean - half, mean + half)
