"""How predicted gains stand to found ones, by hand."""

import numpy as np
import pytest

from experiments.studies.planning_depth import probing

RNG = np.random.default_rng(0)
LANES, STEPS = 200, 12


def table(found, lane=None):
    """Return a probe of one k, in one group: whatever is found, the same was predicted."""
    number = len(found)
    columns = {"menu": np.array([4]), "predicted": np.full((number, 1), 0.5)}
    columns |= {"found": found[:, None], "weight": np.ones(number)}
    return columns if lane is None else columns | {"lane": lane}


def half_width(tables):
    (row,) = probing.reliability(tables)
    low, high = row["found"]["ci95"]
    assert row["found"]["mean"] == pytest.approx((low + high) / 2)
    return (high - low) / 2


def test_what_counts_is_split_by_what_was_predicted():
    predicted = np.array([[0.1], [0.2], [0.8], [0.9], [5.0]])
    found = np.array([[0.0], [0.2], [1.0], [0.6], [9.0]])
    given = {"menu": np.array([4]), "predicted": predicted, "found": found}
    given |= {"weight": np.array([1, 1, 1, 1, 0]), "lane": np.arange(5)}
    low, high = probing.reliability([given], bins=2)
    assert (low["k"], low["decisions"], high["decisions"]) == (4, 2, 2)
    np.testing.assert_allclose([low["predicted"], high["predicted"]], [0.15, 0.85])
    np.testing.assert_allclose([low["found"]["mean"], high["found"]["mean"]], [0.1, 0.8])


def test_decisions_of_one_lane_are_one_draw():
    of_lane = RNG.normal(size=LANES)
    lane = np.tile(np.arange(LANES), STEPS)
    # A lane finds the same at each step: it is as if it had been looked at once.
    told = half_width([table(of_lane[lane], lane)])
    assert told == pytest.approx(1.96 * of_lane.std(ddof=1) / np.sqrt(LANES), rel=1e-3)
    # Nor does another training seed, which meets the same lanes, make more draws of them.
    assert half_width([table(of_lane[lane], lane)] * 3) == pytest.approx(told)
    assert half_width([table(of_lane[lane])]) == pytest.approx(told / np.sqrt(STEPS), rel=0.01)
