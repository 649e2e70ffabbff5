"""Classical policies: hand-computed values, orderings that theory promises, references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.metareasoning import classical
from envs import BernoulliSelection, Mouselab, Pandora
from envs.metareasoning import exact
from envs.metareasoning.pandora import reservation_values, weitzman_value

TWO_ARMS = BernoulliSelection(arms=2, horizon=12)
KNOWN = BernoulliSelection(arms=1, horizon=30, alternative=0.5)
BOXES = Pandora(costs=(0.1, 0.02, 0.05))
# A chain of two nodes beside a leaf.
TREE = Mouselab(parents=(-1, 0, -1), values=(-1.0, 1.0))


def value(table, policy, cost):
    return exact.play(table, policy).value(cost)


def optimum(table, cost):
    return exact.solve(table, cost).values[table.first]


@pytest.fixture(scope="module")
def two_arms():
    return exact.tabulate(TWO_ARMS)


@pytest.fixture(scope="module")
def known():
    return exact.tabulate(KNOWN)


@pytest.fixture(scope="module")
def tree():
    return exact.tabulate(Mouselab())


def test_fixed_samples_arms_in_turn(two_arms):
    # Two samples, one of each arm: the better posterior mean is 1/3 where both are zeros, else
    # 2/3, each combination with probability 1/4.
    play = exact.play(two_arms, classical.fixed(two_arms, 2))
    assert play.payoff == pytest.approx((3 * 2 / 3 + 1 / 3) / 4, abs=1e-12)
    assert play.computations == pytest.approx(2, abs=1e-12)


def test_fixed_passes_over_what_is_not_possible_any_more():
    table = exact.tabulate(TREE)
    clicked = TREE.first_belief().replace(time=np.int32(1), shown=np.array([-1, 0, -1], np.int32))
    belief = int(TREE.index(clicked, np))
    # One click is done, so node 1 would be next; it is shown already, and node 2 follows it.
    assert classical.fixed(table, 3)(np.array([belief]))[0] == 2
    assert classical.fixed(table, 1)(np.array([belief]))[0] == table.num_computations


def test_one_walk_tells_what_every_fixed_number_comes_to(tree):
    plays = classical.fixed_plays(tree)
    assert len(plays) == 7
    for number, play in enumerate(plays):
        direct = exact.play(tree, classical.fixed(tree, number))
        np.testing.assert_allclose(play, direct, atol=1e-12)


def test_unequal_costs_are_counted_by_fixed_numbers():
    table = exact.tabulate(BOXES)
    spent = [play.spent for play in classical.fixed_plays(table)]
    np.testing.assert_allclose(spent, [0, 0.1, 0.12, 0.17], atol=1e-12)


@pytest.mark.parametrize(
    ("env", "cost", "expected", "digits"),
    [
        (BernoulliSelection(arms=2, horizon=40, alternative=0.5), 0.01, 0.6100, 1e-9),
        (BernoulliSelection(arms=1, horizon=40, alternative=0.5), 0.01, 0.5733333, 1e-7),
        (Mouselab(), 0.1, 0.8, 1e-12),
        (Mouselab(), 0.3, 0.4, 1e-12),
    ],
)
def test_myopic_references(env, cost, expected, digits):
    table = exact.tabulate(env)
    assert value(table, classical.myopic(table, cost), cost) == pytest.approx(expected, abs=digits)


def test_myopic_stops_where_one_sample_cannot_change_the_choice(known):
    # After two ones, not even a zero (3/5) brings the arm below the alternative.
    state = KNOWN.first_belief().replace(time=np.int32(2), counts=np.array([[2, 0]], np.int32))
    belief = np.array([int(KNOWN.index(state, np))])
    assert classical.myopic(known, 0.0)(belief)[0] == 1
    # Blinkered sees that two zeros would.
    assert classical.blinkered(known, 1e-4)(belief)[0] == 0


@pytest.mark.parametrize("cost", [0.001, 0.01, 0.05])
def test_blinkered_is_optimal_with_one_arm_and_an_alternative(known, cost):
    assert value(known, classical.blinkered(known, cost), cost) == pytest.approx(
        optimum(known, cost), abs=1e-12
    )


def test_blinkered_is_optimal_where_all_nodes_lie_on_a_path_together():
    chain = Mouselab(parents=(-1, 0, 1), values=((-1.0, 1.0), (-2.0, 1.0), (-1.0, 3.0)))
    table = exact.tabulate(chain)
    assert chain.related.all()
    for cost in (0.0, 0.1, 0.5):
        blinkered = value(table, classical.blinkered(table, cost), cost)
        assert blinkered == pytest.approx(optimum(table, cost), abs=1e-12)


def test_perfect_information_about_a_tree_by_hand():
    # Two leaves worth -1 or 1: the better of both is 1 with probability 3/4; one alone shown, 1
    # or (the other's mean) 0.
    env = Mouselab(branching=(2,))
    table = exact.tabulate(env)
    features = classical.perfect_information(table)
    assert features.vpi[table.first] == pytest.approx(0.5, abs=1e-12)
    np.testing.assert_allclose(features.vpi_sub[table.first], [0.5, 0.5], atol=1e-12)


def test_bmps_with_all_weight_on_one_part_is_that_policy(two_arms):
    everywhere = np.arange(len(two_arms.payoffs))
    cost = 0.004
    as_myopic = classical.bmps(two_arms, cost, classical.Weights(1.0, 0.0, 0.0, 1.0))
    myopic = classical.myopic(two_arms, cost)(everywhere)
    np.testing.assert_array_equal(as_myopic(everywhere), myopic)
    as_vpi = classical.bmps(two_arms, cost, classical.Weights(0.0, 0.0, 1.0, 1.0))
    vpi = classical.vpi(two_arms, cost)(everywhere)
    np.testing.assert_array_equal(as_vpi(everywhere), vpi)


@pytest.mark.parametrize("cost", [0.002, 0.02])
def test_bmps_earns_at_least_what_its_parts_do(two_arms, cost):
    weights = classical.fit_bmps(two_arms, cost, rounds=4)
    best = value(two_arms, classical.bmps(two_arms, cost, weights), cost)
    for part in (classical.myopic(two_arms, cost), classical.vpi(two_arms, cost)):
        assert best >= value(two_arms, part, cost) - 1e-12
    assert best <= optimum(two_arms, cost) + 1e-12
    assert sum(weights[:3]) == pytest.approx(1)
    assert min(weights[:3]) >= 0
    assert 1 <= weights.cost <= TWO_ARMS.horizon


def test_bmps_is_found_alike_each_time(tree):
    assert classical.fit_bmps(tree, 0.1, rounds=2) == classical.fit_bmps(tree, 0.1, rounds=2)


def test_myopic_stops_no_later_and_perfect_information_no_sooner_than_the_optimum(two_arms):
    cost, stop = 0.005, 2
    everywhere = np.arange(len(two_arms.payoffs))
    best = exact.solve(two_arms, cost).policy
    myopic = classical.myopic(two_arms, cost)(everywhere)
    assert ((best != stop) | (myopic == stop)).all()
    free = classical.perfect_information(two_arms).vpi
    assert (free[best != stop] > 0).all()


@settings(max_examples=40)
@given(
    prizes=st.lists(st.lists(st.integers(-3, 9), min_size=1, max_size=4), min_size=1, max_size=4),
    costs=st.data(),
)
def test_weitzmans_rule_is_optimal(prizes, costs):
    costs = costs.draw(st.lists(st.floats(0, 3), min_size=len(prizes), max_size=len(prizes)))
    env = Pandora(values=tuple(map(tuple, prizes)), costs=tuple(costs))
    table = exact.tabulate(env)
    best = optimum(table, 1.0)
    assert value(table, classical.weitzman(env, table, 1.0), 1.0) == pytest.approx(best, abs=1e-9)
    assert weitzman_value(env, 1.0) == pytest.approx(best, abs=1e-9)


def test_weitzman_opens_the_box_of_the_largest_reservation_value_first():
    table = exact.tabulate(BOXES)
    first = classical.weitzman(BOXES, table, 1.0)(np.array([table.first]))[0]
    assert first == np.argmax(reservation_values(BOXES)) == 1


def test_policies_are_those_that_are_defined():
    assert classical.defined(BOXES) == ("fixed", "myopic", "weitzman")
    assert classical.defined(TREE) == ("fixed", "myopic", "blinkered", "vpi", "bmps")


@pytest.mark.parametrize("name", ["myopic", "blinkered", "vpi"])
@pytest.mark.parametrize("env", [TWO_ARMS, TREE, BernoulliSelection(arms=3, horizon=4)])
def test_no_policy_beats_the_optimum_or_thinks_where_it_is_too_dear(name, env):
    table = exact.tabulate(env)
    make = getattr(classical, name)
    for cost in (0.0, 0.003, 0.05, 5.0):
        play = exact.play(table, make(table, cost))
        assert play.value(cost) <= optimum(table, cost) + 1e-12
        assert cost < 5 or play.computations == 0
