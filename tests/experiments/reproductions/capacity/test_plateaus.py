"""Plateaus: how much a curve rises late, and whether a training twice as long is better."""

import numpy as np
import pytest

from experiments.reproductions.capacity import plateaus
from tests.experiments.reproductions.capacity import made_up


def test_a_straight_line_rises_by_its_slope_times_a_third():
    steps = np.arange(1, 31) * 10
    risen, error = plateaus.rise(steps, 0.5 + 0.001 * steps)
    assert risen == pytest.approx(0.001 * 100)
    assert error == pytest.approx(0.0, abs=1e-9)
    # What comes before the last third does not count.
    late = np.where(steps > 200, 0.7, 0.0)
    assert plateaus.rise(steps, late)[0] == pytest.approx(0.0)
    # Two evaluations tell no error.
    assert plateaus.rise(np.array([1, 2, 3]), np.zeros(3)) == (0.0, np.inf)


def test_noise_alone_is_flat_only_within_its_error():
    steps, rng = np.arange(1, 301), np.random.default_rng(0)
    few, many = (plateaus.rise(steps, rng.normal(0, s, 300))[1] for s in (0.01, 0.1))
    assert many == pytest.approx(10 * few, rel=0.3)


@pytest.mark.parametrize(
    ("better", "flat", "plateau"), [(0.0001, True, True), (0.01, True, False), (0.0, False, False)]
)
def test_a_plateau_is_flat_and_twice_the_length_is_no_better(better, flat, plateau):
    longest = made_up.planner(8, 4, noise=1e-4)
    half = longest._replace(chunks=2, returns={0: longest.returns[0] - better})
    if not flat:
        rising = longest.curve + 1e-3 * np.arange(longest.curve.shape[1])
        longest = longest._replace(curve=rising)
    found = plateaus.judge(longest, half, span=0.2)
    assert (found["flat"], found["plateau"]) == (flat, plateau)
    assert found["difference"]["mean"] == pytest.approx(better, abs=1e-9)
    assert found["most"] == pytest.approx(0.0004)


def test_without_half_the_length_nothing_is_claimed():
    planners = made_up.grid((4,), (1, 4))
    assert plateaus.half_of(planners, planners[1]) is None
    assert plateaus.judge(planners[1], None, 0.2)["plateau"] is None
    assert plateaus.half_of(made_up.grid((4,), (2, 4)), planners[1]).chunks == 2
