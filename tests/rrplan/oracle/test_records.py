"""Recorded searches: those of the engine, and nothing but what choices of k lead to."""

import numpy as np
import pytest

import rrplan
from agents.metapolicies.fair import choices, searches
from rrplan import oracle
from rrplan.oracle.state_graph import ENDED
from tests.rrplan.oracle.test_clairvoyant import (
    DEAR_LEVELS,
    EPISODES,
    KEY,
    LARGEST,
    TABULAR,
    tabulate,
)

KS = tuple(range(LARGEST + 1))


@pytest.fixture(scope="module")
def records():
    return oracle.record(TABULAR, key=KEY, episodes=EPISODES, ks=KS, num_lanes=16)


def test_places_are_those_that_choices_lead_to_and_no_others(records):
    places = np.arange(len(records.height))
    reached = np.unique(np.concatenate([records.first, records.following.ravel()]))
    np.testing.assert_array_equal(reached[reached != ENDED], places)
    assert len(places) < len(tabulate(TABULAR).graph.height)
    assert (records.decision[records.first] == 0).all()
    # One more decision from place to place: here every way to a state is as long.
    for k in range(len(KS)):
        after = records.following[:, k]
        on = after != ENDED
        assert (records.decision[after[on]] == records.decision[on] + 1).all()
        assert (records.height[after[on]] < records.height[on]).all()


def test_visits_add_up_to_k_and_values_to_what_is_backed_up(records):
    searched = records.legal_actions > 1
    visits = records.found.visit_counts
    assert (visits.sum(axis=2)[searched] == np.array(KS)).all()
    assert (visits[~searched] == 0).all()
    assert (visits[np.broadcast_to(records.invalid_actions[:, None], visits.shape)] == 0).all()
    # The value is the mean over the root's own and each simulation's return; the mean of an
    # action's returns is its Q-value.
    total = records.value[:, None] + (visits * records.found.qvalues).sum(axis=2)
    np.testing.assert_allclose(
        records.found.search_value[searched], (total / (1 + np.array(KS)))[searched], rtol=1e-4
    )


@pytest.mark.parametrize("costs", [rrplan.Costs(0.0), rrplan.Costs(0.1), DEAR_LEVELS])
def test_hindsight_over_whole_decisions_is_the_oracle(records, costs):
    whole = searches.to_whole_decisions(records, costs)
    choices.check(whole)
    _, values = choices.with_hindsight(whole)
    expected = oracle.solve(tabulate(TABULAR), costs)
    np.testing.assert_allclose(values[whole.first], expected.timed_return, rtol=1e-5, atol=1e-6)


def test_more_instances_than_are_explored_together_change_nothing(records, monkeypatch):
    from rrplan.oracle import records as module

    monkeypatch.setattr(module, "_INSTANCES", EPISODES // 2)
    parts = oracle.record(TABULAR, key=KEY, episodes=EPISODES, ks=KS, num_lanes=16)
    assert len(parts.height) == len(records.height)
    whole, again = (searches.to_whole_decisions(one, DEAR_LEVELS) for one in (records, parts))
    np.testing.assert_allclose(*(choices.with_hindsight(w)[1][w.first] for w in (whole, again)))


@pytest.mark.parametrize("ks", [(1, 2), (0,), (0, 2, 2), (0, 3, 1), 5, "04"])
def test_numbers_of_simulations_that_are_no_grid_take_one_line(ks):
    with pytest.raises(rrplan.InputError, match="expected 0 and then larger numbers, rising"):
        oracle.record(TABULAR, key=KEY, episodes=2, ks=ks)


def test_numbers_of_simulations_are_whole():
    with pytest.raises(rrplan.InputError, match=r"ks is 1\.5: expected a whole number, 0 or more"):
        oracle.record(TABULAR, key=KEY, episodes=2, ks=(0, 1.5))
