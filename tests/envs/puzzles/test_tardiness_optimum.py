"""The least total tardiness: a hand case, brute force, invariances, what is refused."""

import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import optimal_tardiness
from rrplan.errors import InputError

traced = jax.jit(optimal_tardiness)


def total_tardiness(times, dates, order):
    """Return the total tardiness of one order, in plain Python."""
    clock = total = 0
    for job in order:
        clock += int(times[job])
        total += max(0, clock - int(dates[job]))
    return total


def brute_force(times, dates):
    """Return the least total tardiness of all orders, in plain Python."""
    orders = itertools.permutations(range(len(times)))
    return min(total_tardiness(times, dates, order) for order in orders)


def jobs(least, most):
    """Return a strategy of ``(processing times, due dates)`` of some jobs."""
    pair = st.tuples(st.integers(1, 12), st.integers(0, 30))
    return st.lists(pair, min_size=least, max_size=most).map(lambda pairs: np.array(pairs).T)


def test_a_hand_case():
    times, dates = [2, 4, 3], [5, 3, 4]
    totals = {(0, 1, 2): 8, (0, 2, 1): 7, (1, 0, 2): 7, (1, 2, 0): 8, (2, 0, 1): 6, (2, 1, 0): 8}
    for order, total in totals.items():
        assert total_tardiness(times, dates, order) == total
    assert optimal_tardiness(times, dates) == optimal_tardiness(times, dates, np) == 6


@settings(max_examples=60)
@given(jobs(1, 6))
def test_it_equals_brute_force_over_all_orders(instance):
    assert optimal_tardiness(*instance, np) == brute_force(*instance)


@pytest.mark.parametrize("num_jobs", [2, 7, 8])
def test_a_batch_equals_brute_force_with_either_library(num_jobs):
    rng = np.random.default_rng(num_jobs)
    times = rng.integers(1, 101, (2, 2, num_jobs))
    dates = rng.integers(0, 40 * num_jobs, times.shape)
    orders = np.array(list(itertools.permutations(range(num_jobs))))
    completion = times[..., orders].cumsum(axis=-1)
    expected = np.maximum(0, completion - dates[..., orders]).sum(axis=-1).min(axis=-1)
    np.testing.assert_array_equal(optimal_tardiness(times, dates, np), expected)
    np.testing.assert_array_equal(traced(times, dates), expected)
    assert (expected > 0).any()


@settings(max_examples=30)
@given(jobs(2, 8), st.integers(2, 9), st.randoms(use_true_random=False))
def test_neither_the_order_of_jobs_nor_the_unit_of_time_matters(instance, factor, random):
    times, dates = instance
    least = optimal_tardiness(times, dates, np)
    order = random.sample(range(len(times)), len(times))
    assert optimal_tardiness(times[order], dates[order], np) == least
    assert optimal_tardiness(factor * times, factor * dates, np) == factor * least


@settings(max_examples=30)
@given(jobs(2, 8), st.integers(0, 5))
def test_later_due_dates_save_at_most_their_sum_and_all_of_it_where_all_are_late(instance, later):
    times, dates = instance
    least, relaxed = (optimal_tardiness(times, d, np) for d in (dates, dates + later))
    assert least - later * len(times) <= relaxed <= least
    # Due before the start: every job is late, and the shortest first is best.
    shortest_first = np.sort(times).cumsum().sum()
    assert optimal_tardiness(times, 0 * times - later, np) == shortest_first + later * len(times)


def test_nothing_is_late_where_all_is_due_at_the_end():
    times = np.arange(1, 17)
    assert optimal_tardiness(times, np.full(16, times.sum()), np) == 0
    # One time unit less, and only the last job is late.
    assert optimal_tardiness(times, np.full(16, times.sum() - 1), np) == 1


@pytest.mark.parametrize(
    ("times", "dates", "message"),
    [
        ([1] * 17, [1] * 17, "17 jobs: expected 1 to 16 to go through all subsets"),
        ([], [], "0 jobs: expected 1 to 16 to go through all subsets"),
        (
            [1, 2],
            [1, 2, 3],
            "processing times have shape (2,), due dates (3,): expected one shape [..., A]",
        ),
        (1, 1, "processing times have shape (), due dates (): expected one shape [..., A]"),
    ],
)
def test_other_shapes_are_one_clear_line(times, dates, message):
    with pytest.raises(InputError) as caught:
        optimal_tardiness(times, dates)
    assert str(caught.value) == message
