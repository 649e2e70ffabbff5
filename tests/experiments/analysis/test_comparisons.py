"""How agents stand to the fixed-k curve, by hand."""

import numpy as np
import pytest

from experiments.analysis import comparisons


def table(returns, simulations):
    returns = np.atleast_2d(np.asarray(returns, float))
    whole = np.full(returns.shape, 5)
    return {
        "untimed_return": returns,
        "simulations": np.full(returns.shape, simulations),
        "length": whole,
    }


CURVE = {0: table([0.8, 0.9], 0), 4: table([0.9, 1.0], 20), 8: table([0.94, 1.0], 40)}


@pytest.mark.parametrize(
    ("untimed", "expected"), [(0.9, 10.0), (0.85, 0.0), (0.95, 20.0), (0.96, 30.0), (0.99, None)]
)
def test_what_a_fixed_k_needs_for_as_much(untimed, expected):
    assert comparisons.fixed_simulations(CURVE, untimed) == pytest.approx(expected)


def test_a_front_is_held_against_the_curve_at_its_own_simulations():
    tables = {
        "priced": {1e-3: table([0.9, 1.0], 10), 1e-4: table([1, 1], 99)},
        "single": {1e-3: table([0.9, 1.0], 10)},
    }
    found = comparisons.fronts(tables, CURVE)
    assert [(point["agent"], point["price"]) for point in found] == [
        ("priced", 1e-3),
        ("priced", 1e-4),
    ]
    # Half way from k = 0 to 4 the curve earns 0.9; beyond the largest k it is that k.
    means = [point["difference"]["mean"] for point in found]
    np.testing.assert_allclose(means, [0.95 - 0.9, 1.0 - 0.97])


def test_pairs_are_later_less_earlier_at_each_price():
    timed = {
        1e-3: {name: np.array([[0.5 + gain, 0.7 + gain]]) for name, gain in (("a", 0), ("b", 0.1))},
        2e-3: {"a": np.array([[0.5, 0.7]])},
    }
    (pair,) = comparisons.pairs(timed)
    assert (pair["price"], pair["agent"], pair["other"]) == (1e-3, "b", "a")
    # Paired, the episodes' own spread is gone.
    np.testing.assert_allclose([pair["difference"]["mean"], *pair["difference"]["ci95"]], 0.1)
