"""Tuning a schedule: problems whose best table is known, and none that ends below a fixed k."""

import types

import numpy as np
import pytest

from agents.metapolicies.schedule_tuning import near, tune
from rrplan import InputError

ACTIONS = 3
BUDGETS = (0, 2, 4, 8)
PRICE = 0.01


class Game:
    """Episodes of some decisions; what a decision pays, and what comes next, depends on its k."""

    def __init__(self, pays, legal, length=3, episodes=200):
        self.pays, self.legal, self.length = pays, legal, np.broadcast_to(length, episodes)
        self.tables = []

    def __call__(self, table):
        self.tables.append(table)
        episodes, most = len(self.length), int(self.length.max())
        state = np.arange(episodes)
        earned, simulations = np.zeros(episodes), np.zeros(episodes, int)
        counts = np.zeros((episodes, most), int)
        before = np.zeros(episodes, int)
        for decision in range(most):
            on = decision < self.length
            legal = self.legal(decision, state, before)
            k = table[min(decision, len(table) - 1), legal]
            earned += on * self.pays(decision, state, legal, k)
            simulations += on * k
            counts[:, decision] = on * legal
            before = k
        return types.SimpleNamespace(
            timed_return=earned - PRICE * simulations,
            simulations=simulations,
            length=self.length,
            trace=types.SimpleNamespace(valid=counts > 0, legal_actions=counts),
        )

    def best_fixed(self):
        """Return the best fixed k and what it earns."""
        earned = {k: self(np.full((1, ACTIONS + 1), k)).timed_return.mean() for k in BUDGETS}
        return max(earned.items(), key=lambda one: one[1])


def two_or_three(decision, state, before):
    return 2 + (state + decision) % 2


# What must be run to earn 0.1; with 0.01 a simulation, 8 is worth it and nothing above.
NEEDED = np.array([[99, 99, 0, 8], [99, 99, 4, 2], [99, 99, 99, 4]])


def test_the_known_best_table_is_found():
    game = Game(lambda d, state, legal, k: 0.1 * (k >= NEEDED[d, legal]), two_or_three)
    start, _ = game.best_fixed()
    found = tune(game, BUDGETS, start, ACTIONS)
    expected = np.array([[0, 8], [4, 2], [0, 4]])  # at two and three legal actions
    np.testing.assert_array_equal(found.params[:3, 2:], expected)
    assert found.params.dtype == np.int32
    # Half the episodes see 2, 3, 2 legal actions, half see 3, 2, 3.
    thought = np.array([0 + 2 + 0, 8 + 4 + 4])
    assert found.simulations == thought.mean()
    assert found.timed == pytest.approx((np.array([0.2, 0.3]) - PRICE * thought).mean())


def test_where_runs_would_be_many_fewer_ks_are_tried_in_one_sweep():
    ks = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
    assert near(ks, 8) == [0, 1, 2, 4, 8, 16, 32]
    assert near(ks, 12) == [0, 1, 3, 6, 12, 24, 48]
    assert near(ks, 0) == [0, 1, 2, 4, 8, 16]  # thinking at some decisions may still pay
    assert near((6, 24), 6) == [6, 24]  # no 0 that was not asked for

    game = Game(lambda d, state, legal, k: 0.1 * (k >= NEEDED[d, legal]), two_or_three)
    tune(game, ks, 8, ACTIONS, most_tried=3 * len(ks) - 1)
    tried = {int(k) for table in game.tables for k in table.ravel()}
    assert tried == {0, 1, 2, 4, 8, 16, 32}
    assert len(game.tables) <= 1 + 3 * 7 + 1

    best, fewer = (tune(game, ks, 8, ACTIONS, most_tried=most) for most in (45, 44))
    # The first sweep finds what is best here: no decision changes what another one needs.
    assert fewer.timed == pytest.approx(best.timed)


def test_a_row_costs_one_run_for_each_k_and_nothing_is_tried_twice():
    game = Game(lambda d, state, legal, k: 0.1 * (k >= NEEDED[d, legal]), two_or_three)
    tune(game, BUDGETS, 4, ACTIONS)
    # The start; three rows in each of at most three sweeps, and the table that was found.
    assert len(game.tables) <= 1 + 3 * 3 * len(BUDGETS) + 1
    alone = Game(lambda d, state, legal, k: 0.0 * k, two_or_three)
    tune(alone, BUDGETS, 0, ACTIONS)
    # Nothing is gained, so the first sweep is the last; k = 0 in a row is the start itself.
    assert len(alone.tables) == 1 + 3 * (len(BUDGETS) - 1)


def test_an_earlier_k_that_leads_elsewhere_is_paid_for_by_what_comes_later():
    """To think at the first decision pays nothing at once, but leads to where thinking pays."""

    def legal(decision, state, before):
        return np.where((decision == 1) & (before >= 2), 3, 2)

    def pays(decision, state, legal, k):
        return 1.0 * (legal == 3) * (k >= 4)

    game = Game(pays, legal, length=2)
    found = tune(game, BUDGETS, 4, ACTIONS)
    assert (found.params[0, 2], found.params[1, 3]) == (2, 4)
    assert found.timed == pytest.approx(1.0 - PRICE * 6)


def test_a_cell_that_few_episodes_meet_takes_what_is_best_for_its_row():
    def legal(decision, state, before):
        return np.where(state < 19, 3, 2)

    def pays(decision, state, legal, k):
        return 0.1 * (k >= np.where(legal == 3, 4, 2))

    few = tune(Game(pays, legal, length=1), BUDGETS, 0, ACTIONS)
    assert few.params[0, 2:].tolist() == [2, 2]
    enough = tune(Game(pays, legal, length=1), BUDGETS, 0, ACTIONS, least_episodes=19)
    assert enough.params[0, 2:].tolist() == [2, 4]


def test_later_decisions_use_the_last_row_which_then_has_one_k():
    def pays(decision, state, legal, k):
        return 0.1 * (k >= np.where(decision == 0, 0, np.where(legal == 3, 4, 2)))

    found = tune(Game(pays, two_or_three, length=9), BUDGETS, 0, ACTIONS, most_rows=2)
    assert found.params.tolist() == [[0, 0, 0, 0], [4, 4, 4, 4]]


@pytest.mark.parametrize("seed", range(12))
def test_it_never_earns_less_than_the_best_fixed_k(seed):
    """With payoffs at random that depend on the past, and more decisions than rows."""
    rng = np.random.default_rng(seed)
    worth = rng.normal(0.0, 0.2, (6, 8, ACTIONS + 1, 9))
    length = rng.integers(1, 7, 200)

    def pays(decision, state, legal, k):
        return worth[decision, state % 8, legal, k]

    def legal(decision, state, before):
        return 1 + (state + decision + before // 2) % ACTIONS

    game = Game(pays, legal, length)
    start, earned = game.best_fixed()
    found = tune(game, BUDGETS, start, ACTIONS, most_rows=1 + seed % 4)
    assert found.timed >= earned
    assert game(found.params).timed_return.mean() == found.timed


def test_what_cannot_be_tuned_is_refused():
    game = Game(lambda d, state, legal, k: 0.0 * k, two_or_three)
    with pytest.raises(InputError, match=r"budgets is \(\): expected at least one k"):
        tune(game, (), 0, ACTIONS)
    blind = types.SimpleNamespace(trace=None)
    with pytest.raises(InputError, match="the episodes have no trace"):
        tune(lambda table: blind, BUDGETS, 0, ACTIONS)
