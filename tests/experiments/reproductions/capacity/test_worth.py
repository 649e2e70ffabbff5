"""What search is worth: known where returns rise in a straight line over the logarithm of size."""

import numpy as np
import pytest

from experiments.reproductions.capacity import worth
from experiments.reproductions.capacity.tables import told_factor
from tests.experiments.reproductions.capacity import made_up


def planners(**options):
    return [made_up.planner(width, **options) for width in (4, 8, 16, 32)]


def test_two_doublings_of_the_size_are_worth_four_times_the_weights():
    found = worth.worths(planners(gained=0.02), 16, resamples=50)
    assert [one.factor for one in found[:2]] == pytest.approx([4.0, 4.0], rel=1e-6)
    assert found[0].low == pytest.approx(4.0, rel=1e-6)
    assert found[0].high == pytest.approx(4.0, rel=1e-6)
    # No planner earns as much as the two largest with search.
    assert [one.factor for one in found[3:]] == [None]
    assert found[3].largest == 1.0
    assert told_factor(found[0]._asdict()) == "4 [4, 4]"


def test_where_curves_do_not_cross_it_is_more_than_the_largest_over_the_smallest():
    found = worth.worths(planners(gained=0.1), 16, resamples=50)
    assert all(one.factor is None and one.low is None for one in found)
    assert [one.largest for one in found] == pytest.approx([8.0, 4.0, 2.0, 1.0])
    assert told_factor(found[0]._asdict()) == "> 8"


def test_in_operations_search_pays_for_its_own():
    found = worth.worths(planners(gained=0.02), 16, worth.operations, resamples=50)
    # Width 4 with 16 simulations earns as much as width 16, which takes 160 operations.
    assert found[0].factor == pytest.approx(160 / (40 + 16 * 45), rel=1e-6)


def test_its_interval_grows_with_the_noise_and_holds_the_truth():
    widths = []
    for noise in (0.002, 0.02):
        first = worth.worths(planners(gained=0.02, noise=noise), 16, resamples=400)[0]
        assert first.low < 4.0 < (first.high or np.inf)
        widths.append((first.high or 100.0) - first.low)
    assert widths[0] < widths[1]


def test_search_that_lowers_returns_is_worth_a_smaller_model():
    found = worth.worths(planners(gained=-0.01), 16, resamples=50)
    assert found[2].factor == pytest.approx(0.5, rel=1e-6)
