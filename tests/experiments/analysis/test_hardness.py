"""Hardness: the least k from which on all is good enough, and how planners agree on it."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.analysis import hardness
from rrplan import InputError


def test_it_is_the_least_k_from_which_on_every_larger_one_is_good_enough():
    returns = {
        0: np.array([1.0, 0.50, 0.995, 0.2, -10.0]),
        4: np.array([1.0, 0.99, 0.900, 0.3, -10.05]),
        16: np.array([0.991, 1.0, 0.992, 0.4, -10.2]),
    }
    best = np.array([1.0, 1.0, 1.0, 1.0, -10.0])
    found = hardness.of_instances(returns, best)
    # The third falls at k = 4, so that what k = 0 earned does not count.
    assert found.tolist() == [0.0, 4.0, 16.0, np.inf, np.inf]
    assert hardness.of_instances(returns, best, within=0.02)[4] == 0.0
    told = hardness.shares(found, (0, 4, 16))
    assert told == {"0": 0.2, "4": 0.2, "16": 0.2, "inf": 0.4}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=6))
def test_more_is_never_harder_where_more_may_be_missing(rows):
    returns = dict(enumerate(np.array(rows)))
    best = np.max(rows, axis=0)
    loose, strict = (hardness.of_instances(returns, best, within) for within in (0.2, 0.01))
    assert (loose <= strict).all()
    # Scaling all returns changes nothing.
    scaled = {k: 8.0 * own for k, own in returns.items()}
    np.testing.assert_array_equal(hardness.of_instances(scaled, 8.0 * best, 0.2), loose)


def test_planners_that_agree_correlate_and_infinite_is_the_hardest():
    one = np.array([0.0, 1.0, 4.0, np.inf, 2.0, 8.0])
    assert hardness.rank_correlation(one, one).mean == pytest.approx(1.0)
    reversed_ = np.array([np.inf, 8.0, 2.0, 0.0, 4.0, 1.0])
    told = hardness.rank_correlation(one, reversed_)
    assert told.mean == pytest.approx(-1.0)
    both = hardness.rank_correlation(np.stack([one, one]), np.stack([one, reversed_]))
    assert both.mean == pytest.approx(0.0)
    assert both.low <= both.mean <= both.high
    assert hardness.rank_correlation(one, np.zeros(6)) is None


def test_the_correlation_is_scipys_where_there_are_ties():
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 4, (2, 60)).astype(float)
    told = hardness.rank_correlation(one, other, resamples=1)
    assert told.mean == pytest.approx(scipy.stats.spearmanr(one, other)[0])


def test_what_cannot_be_is_refused_in_one_line():
    with pytest.raises(InputError, match="episode 1 earns 2, above the best known return 1"):
        hardness.of_instances({0: np.array([1.0, 2.0])}, np.ones(2))
    with pytest.raises(InputError, match="expected those of at least one k"):
        hardness.of_instances({}, np.ones(2))
