"""One budget, two places: by hand, for two planners."""

import pytest

from experiments.reproductions.capacity.splits import best_splits
from tests.experiments.reproductions.capacity import made_up


def test_few_decisions_are_thought_over_and_many_are_trained_for():
    # Width 4 with 16 simulations earns 0.84, width 16 the same without.
    small, large = made_up.planner(4, 1), made_up.planner(16, 1)
    (split,) = best_splits([small, large], (0.8, 0.86), (0.66,), (1e2, 1e3))
    assert split["return"] == pytest.approx(0.8396)
    few, many = split["points"]
    # 40,000 for the training and 100 x (40 + 16 x 45), against 160,000 + 100 x 160.
    assert (few["width"], few["k"]) == (4, 16)
    assert few["total"] == 40_000 + 100 * 760
    assert few["search"] == 100 * 720
    assert (many["width"], many["k"]) == (16, 0)
    assert many["total"] == 160_000 + 1000 * 160
    assert many["search"] == 0


def test_a_return_that_nobody_reaches_is_left_out():
    assert best_splits([made_up.planner(4, 1)], (0.8, 0.9), (0.99,), (1e2,)) == []
