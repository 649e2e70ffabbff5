"""Intervals and tests over episodes and training seeds. Plain numpy: nothing here is jitted.

Values of one training seed are an array ``[E]``. Those of several seeds that met the same
episodes are ``[S, E]``: seeds and episodes are *crossed*, not nested, since an easy episode is
easy for every seed. ``scipy.stats.bootstrap`` resamples along one axis (or several samples
independently of each other), which for crossed data would be as if every seed had met episodes
of its own; here both axes are resampled and an entry of the table is weighted by the product of
its two counts (the pigeonhole bootstrap: Owen 2007, arXiv 0712.1111).

With few seeds any interval over seeds is a rough one: a bootstrap of S seeds sees (S - 1)/S of
their variance.
"""

from typing import NamedTuple

import numpy as np
import scipy.stats

from rrplan.errors import InputError

RESAMPLES = 2_000
# Resamples are drawn in chunks of about this many elements, which bounds memory at some 50 MB.
_CHUNK_ELEMENTS = 2_000_000
_ROUNDING = 1e-12  # means and errors below such a share of 1 and the mean are rounding alone


class Interval(NamedTuple):
    """A mean and its two-sided confidence interval."""

    mean: float
    low: float
    high: float


class Fall(NamedTuple):
    """A place where a curve falls: from its point ``start`` to a later one, ``stop``."""

    start: int
    stop: int
    difference: float  # mean at ``stop`` minus mean at ``start``, negative
    p_value: float  # one-sided, after Holm's correction


def mean_ci(
    values: np.ndarray, *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Return the mean of ``values`` with its bootstrap interval.

    Percentile intervals: for a mean over hundreds of episodes BCa's corrections are of the order
    1/E, while its jackknife costs E², and it is undefined where all values are equal.

    Args:
        values: ``[E]`` episodes of one training seed, or ``[S, E]`` seeds and episodes, crossed.
        confidence: coverage of the interval, in (0, 1).
        resamples: bootstrap resamples.
        seed: of the resampling; the same seed gives the same interval.

    Raises:
        InputError: a value is not finite, there are fewer than two episodes, or the shape is
            neither ``[E]`` nor ``[S, E]``.
    """
    values = _checked(values)
    _check_confidence(confidence)
    mean = float(values.mean())
    if values.shape[0] > 1:
        means = _crossed_means(values[None], resamples, seed)[:, 0]
        low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
        return Interval(mean, float(low), float(high))
    low, high = scipy.stats.bootstrap(
        (values[0],),
        np.mean,
        n_resamples=resamples,
        batch=max(1, _CHUNK_ELEMENTS // values.size),
        vectorized=True,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(mean, float(low), float(high))


def paired_difference(first: np.ndarray, second: np.ndarray, **options) -> Interval:
    """Return ``mean(first - second)`` with its interval, paired by episode (and seed).

    Args:
        first: ``[E]`` or ``[S, E]``.
        second: the same shape, on the same episodes in the same order.
        **options: those of :func:`mean_ci`.

    Raises:
        InputError: as :func:`mean_ci`, or the shapes differ.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape:
        raise InputError(f"paired values must have one shape, got {first.shape} and {second.shape}")
    return mean_ci(first - second, **options)


def simultaneous_ci(
    values: np.ndarray, *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> list[Interval]:
    """Return means with intervals that hold for all of them together (a sup-t band).

    All are resampled together, and every interval is as many of its standard errors wide as the
    largest deviation of a resample needs.

    Args:
        values: ``[P, E]`` or ``[P, S, E]``, P means over the same episodes.
        confidence: coverage of all intervals at once, in (0, 1).
        resamples: bootstrap resamples.
        seed: of the resampling.

    Raises:
        InputError: as :func:`mean_ci`.
    """
    _check_confidence(confidence)
    points = np.stack([_checked(column) for column in values])
    means = points.mean(axis=(1, 2))
    deviations = _crossed_means(points, resamples, seed) - means
    errors = deviations.std(axis=0, ddof=1)
    errors[errors <= _ROUNDING * (1 + np.abs(means))] = 0.0  # equal values
    scaled = np.divide(deviations, errors, out=np.zeros_like(deviations), where=errors > 0)
    width = np.quantile(np.abs(scaled).max(axis=1), confidence) * errors
    return [
        Interval(float(mean), float(mean - half), float(mean + half))
        for mean, half in zip(means, width, strict=True)
    ]


def gap_closed(
    values: np.ndarray,
    reference: np.ndarray,
    ceiling: np.ndarray,
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval | None:
    """Return the share of the gap between ``reference`` and ``ceiling`` that ``values`` close.

    That is (mean(values) - mean(reference)) / (mean(ceiling) - mean(reference)), with numerator
    and denominator resampled together, paired by episode and seed. None where the gap of some
    resample is not above zero, which its interval then all but holds: there is no gap to speak of.

    Args:
        values: ``[E]`` or ``[S, E]``, as the next two, on the same episodes.
        reference: what closes nothing.
        ceiling: what closes all.
        confidence: coverage of the interval, in (0, 1).
        resamples: bootstrap resamples.
        seed: of the resampling.

    Raises:
        InputError: as :func:`mean_ci`, or the shapes differ.
    """
    _check_confidence(confidence)
    values, reference, ceiling = (_checked(column) for column in (values, reference, ceiling))
    if not values.shape == reference.shape == ceiling.shape:
        raise InputError(
            f"paired values must have one shape, got {values.shape}, {reference.shape} and"
            f" {ceiling.shape}"
        )
    parts = np.stack([values - reference, ceiling - reference])
    gained, gap = _crossed_means(parts, resamples, seed).T
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    if gap.min() <= 0:
        return None
    low, high = np.quantile(gained / gap, tails)
    return Interval(float(parts[0].mean() / parts[1].mean()), float(low), float(high))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p-values ``[N]`` adjusted by Holm's step-down method (Holm 1979).

    Those below α afterwards may be rejected together with a family-wise error of at most α.

    Raises:
        InputError: a p-value lies outside [0, 1].
    """
    p_values = np.asarray(p_values, float)
    if p_values.ndim != 1 or not np.all((p_values >= 0) & (p_values <= 1)):
        raise InputError("p-values must be a vector of numbers between 0 and 1")
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def significant_falls(
    curve: np.ndarray, *, alpha: float = 0.05, resamples: int = RESAMPLES, seed: int = 0
) -> list[Fall]:
    """Return where a curve falls significantly, over all pairs of its points together.

    Every point is compared with every later one, paired by episode, so that a slow decline is
    found too. One-sided p-values come from the bootstrap's standard error of the difference and
    the normal law, since resamples alone cannot show p-values small enough to survive Holm's
    correction.

    Args:
        curve: ``[K, E]`` or ``[K, S, E]``, values at each of K points on the same episodes.
        alpha: family-wise error.
        resamples: bootstrap resamples.
        seed: of the resampling.

    Raises:
        InputError: as :func:`mean_ci`.
    """
    points = np.stack([_checked(values) for values in curve])
    if len(points) < 2:
        return []
    starts, stops = np.triu_indices(len(points), k=1)
    resampled = _crossed_means(points, resamples, seed)
    means = points.mean(axis=(1, 2))
    differences = means[stops] - means[starts]
    differences[np.abs(differences) <= _ROUNDING * (1 + np.abs(means[stops]))] = 0.0
    errors = (resampled[:, stops] - resampled[:, starts]).std(axis=0, ddof=1)
    # Where no resample differs, the difference is certain, whichever sign it has.
    certain = np.where(differences < 0, -np.inf, np.inf)
    p_values = scipy.stats.norm.cdf(np.divide(differences, errors, out=certain, where=errors > 0))
    return [
        Fall(int(start), int(stop), float(difference), float(p_value))
        for start, stop, difference, p_value in zip(
            starts, stops, differences, holm(p_values), strict=True
        )
        if difference < 0 and p_value < alpha
    ]


def crossed_covariance(values: np.ndarray) -> np.ndarray:
    """Return the covariance ``[N, N]`` of means over seeds and episodes, crossed.

    It is what crossed resampling, with which all intervals here are worked out, tends to with more
    and more resamples. So the standard error of any weighted sum of the means follows from it.

    Args:
        values: ``[N, S, E]``, N quantities of the same seeds and episodes.

    Raises:
        InputError: as :func:`mean_ci`.

    Source: Owen 2007 (arXiv 0712.1111), the pigeonhole bootstrap; its variance in closed form.
    """
    values = np.stack([_checked(table) for table in values])
    size, num_seeds, num_episodes = values.shape
    apart = values - values.mean(axis=(1, 2), keepdims=True)
    of_seeds, of_episodes = apart.mean(axis=2), apart.mean(axis=1)
    rest = (apart - of_seeds[:, :, None] - of_episodes[:, None, :]).reshape(size, -1)
    return (
        of_seeds @ of_seeds.T / num_seeds**2
        + of_episodes @ of_episodes.T / num_episodes**2
        + rest @ rest.T / (num_seeds * num_episodes) ** 2
    )


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(f"confidence must be between 0 and 1, got {confidence}")


def _checked(values: np.ndarray) -> np.ndarray:
    """Return ``values`` as float ``[S, E]``, or say what is wrong with them."""
    values = np.asarray(values, float)
    if values.ndim not in (1, 2):
        raise InputError(f"values must be [E] or [S, E], got shape {values.shape}")
    values = np.atleast_2d(values)
    if values.shape[0] < 1 or values.shape[1] < 2:
        raise InputError(f"an interval needs at least 2 episodes, got {values.shape[1]}")
    if not np.isfinite(values).all():
        raise InputError(f"{np.sum(~np.isfinite(values))} of {values.size} values are not finite")
    return values


def _crossed_means(values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Return means ``[R, N]`` of ``values [N, S, E]`` under crossed resampling.

    The same R resamples of seeds and episodes serve all N, so that differences between rows stay
    paired. Only the counts of a resample matter to a mean, and they are multinomial; the gathered
    table of a resample, S times larger, is never built.
    """
    rng = np.random.default_rng(seed)
    n, num_seeds, num_episodes = values.shape
    chunk = max(1, _CHUNK_ELEMENTS // (num_episodes * max(1, n)))
    means = []
    for start in range(0, resamples, chunk):
        rows = min(chunk, resamples - start)
        seed_counts = _multinomial_counts(rng, rows, num_seeds)
        episode_counts = _multinomial_counts(rng, rows, num_episodes)
        per_episode = np.einsum("rs,nse->rne", seed_counts, values, optimize=True)
        means.append(np.einsum("rne,re->rn", per_episode, episode_counts))
    return np.concatenate(means) / (num_seeds * num_episodes)


def _multinomial_counts(rng: np.random.Generator, rows: int, size: int) -> np.ndarray:
    """Return how often each of ``size`` items is drawn in ``size`` draws, ``[rows, size]``.

    ``rng.multinomial`` draws a binomial for each item and is several times slower.
    """
    draws = rng.integers(size, size=(rows, size)) + size * np.arange(rows)[:, None]
    return np.bincount(draws.ravel(), minlength=rows * size).reshape(rows, size).astype(float)
