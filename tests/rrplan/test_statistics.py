"""Intervals and tests, against hand computation, scipy and their nominal coverage."""

import numpy as np
import pytest
import scipy.stats

from rrplan import InputError
from rrplan.statistics import (
    _crossed_means,
    _multinomial_counts,
    crossed_covariance,
    gap_closed,
    holm,
    mean_ci,
    paired_difference,
    significant_falls,
    simultaneous_ci,
)


def test_the_mean_is_exact_and_inside_its_interval():
    interval = mean_ci([0.0, 1.0, 1.0, 1.0])
    assert interval.mean == 0.75
    assert 0.0 <= interval.low < 0.75 < interval.high <= 1.0


def test_one_seed_agrees_with_the_normal_interval():
    values = np.random.default_rng(0).normal(2.0, 3.0, size=4_000)
    interval = mean_ci(values, resamples=8_000)
    half_width = 1.96 * values.std() / np.sqrt(values.size)
    assert interval.low == pytest.approx(values.mean() - half_width, abs=0.06 * half_width)
    assert interval.high == pytest.approx(values.mean() + half_width, abs=0.06 * half_width)


def test_a_seed_axis_of_one_is_the_same_as_none():
    values = np.random.default_rng(0).normal(size=200)
    assert mean_ci(values) == mean_ci(values[None])


def test_equal_values_give_an_interval_of_no_width():
    assert mean_ci(np.full(10, 0.3)) == pytest.approx((0.3, 0.3, 0.3))
    assert mean_ci(np.full((3, 10), 0.3)) == pytest.approx((0.3, 0.3, 0.3))


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).normal(size=(3, 50))
    assert mean_ci(values, seed=1) == mean_ci(values, seed=1)
    assert mean_ci(values, seed=1) != mean_ci(values, seed=2)


def test_crossed_variance_is_that_of_the_pigeonhole_bootstrap():
    """Its variance has a closed form for purely additive effects (no interaction).

    With x_se = a_s + b_e a resample's mean is mean(a*) + mean(b*), two independent resamples, so
    its variance is var(a)/S + var(b)/E (population variances).
    """
    rng = np.random.default_rng(0)
    by_seed, by_episode = rng.normal(size=4), rng.normal(size=30)
    values = by_seed[:, None] + by_episode[None]
    means = _crossed_means(values[None], resamples=40_000, seed=0)[:, 0]
    expected = by_seed.var() / 4 + by_episode.var() / 30
    assert means.var() == pytest.approx(expected, rel=0.03)
    assert means.mean() == pytest.approx(values.mean(), abs=4 * np.sqrt(expected / 40_000))


def test_crossed_means_equal_means_over_gathered_tables():
    """Weighting by counts gives what gathering rows and columns gives."""
    values = np.random.default_rng(0).normal(size=(1, 3, 7))
    rng = np.random.default_rng(5)
    seed_counts = _multinomial_counts(rng, 4, 3).astype(int)
    episode_counts = _multinomial_counts(rng, 4, 7).astype(int)
    expected = [
        values[0][np.ix_(np.repeat(np.arange(3), s), np.repeat(np.arange(7), e))].mean()
        for s, e in zip(seed_counts, episode_counts, strict=True)
    ]
    np.testing.assert_allclose(_crossed_means(values, 4, seed=5)[:, 0], expected)


def test_resamples_drawn_in_chunks_cover_all_of_them(monkeypatch):
    values = np.random.default_rng(0).normal(size=(2, 3, 10))
    monkeypatch.setattr("rrplan.statistics._CHUNK_ELEMENTS", 60)
    assert _crossed_means(values, resamples=100, seed=0).shape == (100, 2)


@pytest.mark.parametrize(
    ("num_seeds", "lowest", "highest"),
    # Nominal 0.95. One seed is near it; over 8 seeds a percentile bootstrap is known to be
    # somewhat short of it: (S - 1)/S of the variance, normal rather than t tails.
    [(1, 0.92, 0.98), (8, 0.85, 0.97)],
)
def test_intervals_cover_the_true_mean(num_seeds, lowest, highest):
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(400):
        by_seed = rng.normal(scale=0.5, size=(num_seeds, 1)) * (num_seeds > 1)
        by_episode = rng.exponential(size=(1, 100))
        noise = rng.normal(scale=0.3, size=(num_seeds, 100))
        interval = mean_ci(by_seed + by_episode + noise, resamples=500, seed=trial)
        covered += interval.low <= 1.0 <= interval.high
    assert lowest <= covered / 400 <= highest


def test_pairing_removes_what_episodes_share():
    rng = np.random.default_rng(0)
    shared = rng.normal(scale=10.0, size=500)
    better, worse = shared + 0.1, shared + rng.normal(scale=0.01, size=500)
    difference = paired_difference(better, worse)
    assert 0.09 < difference.low < difference.high < 0.11
    unpaired = mean_ci(better)
    assert unpaired.high - unpaired.low > 50 * (difference.high - difference.low)


def test_a_band_holds_for_all_of_its_means_together():
    """Of 400 made-up studies with ten true means of 0, about 95% have a band around all of them."""
    rng = np.random.default_rng(3)
    held = 0
    for trial in range(400):
        values = rng.normal(size=(10, 40)) + rng.normal(size=40)  # means share their episodes
        band = simultaneous_ci(values, resamples=200, seed=trial)
        held += all(interval.low <= 0.0 <= interval.high for interval in band)
    assert 0.88 < held / 400 < 0.98


def test_a_band_of_one_is_about_an_interval():
    values = np.random.default_rng(4).normal(size=(3, 200))
    (band,), alone = simultaneous_ci(values[None]), mean_ci(values)
    np.testing.assert_allclose(band, alone, atol=0.02)
    assert band.mean == alone.mean


def test_equal_values_beside_others_widen_no_band():
    """A mean of values 0.1 is not exact: its error of rounding is none of sampling."""
    noise = np.random.default_rng(0).normal(size=64)
    (alone,) = simultaneous_ci(noise[None])
    beside, constant = simultaneous_ci(np.stack([noise, np.full(64, 0.1)]))
    assert beside.high - beside.mean == pytest.approx(alone.high - alone.mean, rel=1e-9)
    assert constant.low == constant.mean == constant.high == pytest.approx(0.1)


def test_gap_closed_is_a_ratio_of_means_resampled_together():
    rng = np.random.default_rng(0)
    reference = rng.normal(0.9, 0.03, (3, 400))
    ceiling = reference + rng.gamma(2.0, 0.01, (3, 400))
    half = reference + 0.5 * (ceiling - reference)
    found = gap_closed(half, reference, ceiling)
    np.testing.assert_allclose(found, (0.5, 0.5, 0.5))  # exactly half, in every resample
    noisy = gap_closed(half + rng.normal(0, 0.01, (3, 400)), reference, ceiling)
    assert noisy.low < 0.5 < noisy.high < 0.7


def test_a_gap_that_a_few_episodes_make_is_none():
    """Of 128 episodes four differ: some resamples have no gap at all, and 0 / 0 is no share."""
    reference = np.zeros(128)
    ceiling = np.where(np.arange(128) < 4, 0.1, 0.0)
    assert gap_closed(0.5 * ceiling, reference, ceiling) is None


def test_without_a_gap_nothing_is_closed():
    values = np.random.default_rng(1).normal(size=(2, 50))
    assert gap_closed(values, values, values) is None
    with pytest.raises(InputError, match="paired values must have one shape"):
        gap_closed(values, values, values[:, :9])


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.5 times 4, 3, 2, 1 = 0.04, 0.06, 0.06, 0.5; running maximum.
    np.testing.assert_allclose(holm([0.03, 0.5, 0.01, 0.02]), [0.06, 0.5, 0.04, 0.06])
    np.testing.assert_allclose(holm([0.9, 0.8]), [1.0, 1.0])


def test_holm_keeps_the_family_wise_error():
    p_values = np.random.default_rng(0).uniform(size=(2_000, 20))
    rejected = np.mean([holm(row).min() < 0.05 for row in p_values])
    assert rejected == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 2_000))


def test_a_falling_stretch_is_found_and_a_rising_curve_is_not():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=400)
    rising = np.stack([shared + 0.1 * k + rng.normal(scale=0.1, size=400) for k in range(5)])
    assert significant_falls(rising) == []
    dipped = rising.copy()
    dipped[3] -= 0.5
    falls = significant_falls(dipped)
    assert {(fall.start, fall.stop) for fall in falls} == {(0, 3), (1, 3), (2, 3)}
    assert all(fall.difference < 0 and fall.p_value < 0.05 for fall in falls)


def test_a_flat_curve_is_rarely_called_falling():
    rng = np.random.default_rng(0)
    found = [bool(significant_falls(rng.normal(size=(6, 60)), resamples=200)) for _ in range(300)]
    assert np.mean(found) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 300)


def test_a_certain_fall_has_no_error_to_divide_by():
    (fall,) = significant_falls(np.stack([np.full(5, 1.0), np.full(5, 0.5)]))
    assert (fall.difference, fall.p_value) == (-0.5, 0.0)
    assert significant_falls(np.ones((2, 5))) == []
    # What differs by rounding only does not fall.
    assert significant_falls(np.stack([np.full(5, 0.1), np.full(5, 0.3 - 0.2)])) == []
    assert significant_falls(np.ones((1, 5))) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0], "an interval needs at least 2 episodes, got 1"),
        ([], "an interval needs at least 2 episodes, got 0"),
        ([0.0, np.nan, np.inf], "2 of 3 values are not finite"),
        (np.zeros((2, 2, 2)), r"values must be \[E\] or \[S, E\], got shape \(2, 2, 2\)"),
    ],
)
def test_bad_values_are_refused_in_one_line(values, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        mean_ci(values)


def test_other_bad_input_is_refused():
    with pytest.raises(InputError, match="one shape"):
        paired_difference(np.zeros(3), np.zeros(4))
    with pytest.raises(InputError, match="between 0 and 1"):
        holm([0.5, 1.5])
    with pytest.raises(InputError, match="confidence"):
        mean_ci(np.zeros(3), confidence=95)


def test_scipy_and_the_crossed_bootstrap_agree_on_one_seed():
    values = np.random.default_rng(0).exponential(size=300)
    means = _crossed_means(values[None, None], resamples=20_000, seed=0)[:, 0]
    expected = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=0
    ).confidence_interval
    np.testing.assert_allclose(np.quantile(means, [0.025, 0.975]), expected, atol=0.004)


def test_the_covariance_of_means_is_what_resampling_tends_to():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(3, 4, 25)) + rng.normal(size=(4, 1)) + rng.normal(size=25)
    means = _crossed_means(values, resamples=40_000, seed=0)
    np.testing.assert_allclose(crossed_covariance(values), np.cov(means.T), atol=0.004)


def test_with_one_seed_the_covariance_of_means_is_that_of_the_episodes():
    values = np.random.default_rng(0).normal(size=(2, 1, 40))
    expected = np.cov(values[:, 0], ddof=0) / 40
    np.testing.assert_allclose(crossed_covariance(values), expected, rtol=1e-12)
