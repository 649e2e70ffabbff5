"""Tables of choices: rules are played exactly, and hindsight bounds them."""

import itertools

import numpy as np
import pytest

from agents.metapolicies.fair import choices as tables
from agents.metapolicies.fair.choices import ENDED, Choices
from rrplan import InputError

# Two instances. Rows 0, 1, 2 are one after another; rows 3 and 4 are the second's.
HAND = Choices(
    first=np.array([0, 3]),
    following=np.array([[ENDED, 1], [ENDED, 2], [ENDED, ENDED], [4, ENDED], [ENDED, ENDED]]),
    gain=np.array([[1.0, -0.1], [0.5, -0.2], [3.0, 0.0], [0.2, 9.0], [0.7, 0.0]]),
    allowed=np.array([[1, 1], [1, 1], [1, 0], [1, 0], [1, 0]], bool),
    stage=np.array([0, 1, 2, 0, 5]),
)


def test_a_rule_is_worth_what_its_choices_bring():
    to_the_end = np.array([1, 1, 0, 0, 0])
    np.testing.assert_allclose(tables.evaluate(HAND, to_the_end), [2.7, 2.8, 3.0, 0.9, 0.7])
    one_step = np.array([1, 0, 0, 0, 0])
    np.testing.assert_allclose(tables.evaluate(HAND, one_step)[[0, 3]], [0.4, 0.9])
    assert tables.visits(HAND, one_step).tolist() == [1, 1, 0, 1, 1]
    worth = tables.worths(HAND, tables.evaluate(HAND, one_step))
    np.testing.assert_allclose(worth[:2], [[1.0, 0.4], [0.5, 2.8]])
    assert (worth[2:, 1] == -np.inf).all()


def test_hindsight_is_the_best_of_all_rules_in_each_instance():
    chosen, values = tables.with_hindsight(HAND)
    rules = itertools.product(*(np.flatnonzero(row) for row in HAND.allowed))
    each = np.array([tables.evaluate(HAND, np.array(rule))[HAND.first] for rule in rules])
    np.testing.assert_allclose(values[HAND.first], each.max(axis=0))
    np.testing.assert_allclose(tables.evaluate(HAND, chosen), values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stage": np.array([0, 0, 2, 0, 5])}, "choice 1 of row 0 leads to stage 0 from stage 0"),
        ({"allowed": np.zeros((5, 2), bool)}, "row 0 does not allow to stop"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(changes, message):
    with pytest.raises(InputError, match=message):
        tables.check(HAND._replace(**changes))
