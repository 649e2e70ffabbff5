"""Intervals over training seeds: a few independent values, which no bootstrap covers well."""

import numpy as np
import scipy.stats

from rrplan.errors import InputError
from rrplan.statistics import Interval


def t_interval(values: np.ndarray, *, confidence: float = 0.95) -> Interval:
    """Return the mean of independent values with Student's interval.

    Args:
        values: ``[S]``, one a seed.
        confidence: coverage of the interval, in (0, 1).

    Raises:
        InputError: there are fewer than two, or one is not finite, or the confidence is no share.
    """
    values = np.asarray(values, float)
    if not 0 < confidence < 1:
        raise InputError(f"confidence must be between 0 and 1, got {confidence}")
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise InputError(f"Student's interval is of 2 finite values or more, got {values.tolist()}")
    error = values.std(ddof=1) / np.sqrt(len(values))
    half = float(scipy.stats.t.ppf((1 + confidence) / 2, len(values) - 1) * error)
    mean = float(values.mean())
    return Interval(mean, mean - half, mean + half)
