"""Where an agent thinks: means by hand, and errors that know what is independent."""

import numpy as np
import pytest

from experiments.analysis import thinking
from rrplan.types import Trace

RNG = np.random.default_rng(0)


def groups(*tables):
    return {group["by"]: group for group in thinking.describe("a", None, tables)}


def test_means_by_hand():
    valid = np.array([[True, True], [True, False]])
    table = thinking.summarize(valid, np.array([[4, 2], [0, 9]]), np.array([[3, 2], [3, 0]]))
    found = groups(table)
    assert found["decision"]["at"] == [0, 1]
    assert found["decision"]["mean"] == [2.0, 2.0]
    assert found["decision"]["decisions"] == [2, 1]
    assert found["legal_actions"]["at"] == [2, 3]
    assert found["legal_actions"]["mean"] == [2.0, 2.0]


def test_circles_by_hand():
    """Of two episodes and five decisions: one episode has half of its own in old situations."""
    valid = np.array([[True, True, True, True], [True, False, False, False]])
    repeated = np.array([[False, True, False, True], [False] * 4])
    columns = {name: np.zeros((2, 4), int) for name in Trace._fields}
    trace = Trace(**columns | {"valid": valid, "repeated": repeated})
    tables = [thinking.of_trace(trace)] * 3
    assert thinking.circles("gate", 1e-3, tables) == {
        "agent": "gate", "price": 1e-3, "decisions": 2 / 5, "episodes": 1 / 2,
    }  # fmt: skip
    assert thinking.circles("gate", 1e-3, [*tables, {}]) is None


def test_the_error_over_episodes_is_that_of_a_bootstrap():
    valid = RNG.random((400, 6)) < 0.7
    # What an episode thinks goes together, so decisions are no independent draws.
    simulations = RNG.integers(0, 9, (400, 1)) + RNG.integers(0, 3, (400, 6))
    legal = RNG.integers(1, 3, (400, 6))
    found = groups(thinking.summarize(valid, simulations, legal))["legal_actions"]
    draws = RNG.integers(0, 400, (2000, 400))
    for index, number in enumerate(found["at"]):
        of_group = valid & (legal == number)
        total, count = (simulations * of_group).sum(1), of_group.sum(1)
        means = total[draws].sum(1) / count[draws].sum(1)
        assert found["error"][index] == pytest.approx(means.std(), rel=0.1)
        independent = simulations[of_group].std() / np.sqrt(of_group.sum())
        assert found["error"][index] > 1.3 * independent


def test_the_error_over_seeds_is_that_of_their_means():
    valid, legal = np.ones((10, 1), bool), np.ones((10, 1), int)
    tables = [thinking.summarize(valid, np.full((10, 1), k), legal) for k in (1, 2, 6)]
    found = groups(*tables)["decision"]
    assert found["mean"] == [3.0]
    assert found["error"] == pytest.approx([np.std([1, 2, 6], ddof=1) / np.sqrt(3)])


def test_seeds_of_which_one_never_came_to_a_group():
    one = thinking.summarize(np.ones((4, 1), bool), np.ones((4, 1), int), np.ones((4, 1), int))
    two = thinking.summarize(np.ones((4, 2), bool), np.ones((4, 2), int), np.ones((4, 2), int))
    found = groups(one, two)["decision"]
    assert found["decisions"] == [8, 4]
    assert found["mean"] == [1.0, 1.0]
    assert np.isfinite(found["error"]).all()
