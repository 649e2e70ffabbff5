"""Pandora's boxes: Weitzman's rule and its value in closed form, hand cases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import envs
from envs import Pandora
from envs.metareasoning import exact
from envs.metareasoning.pandora import reservation_values, weitzman_value
from tests.envs.metareasoning import made_up


@st.composite
def boxes(draw):
    number = draw(st.integers(1, 4))
    prices = draw(st.lists(made_up.costs, min_size=number, max_size=number))
    return Pandora(*draw(made_up.rows(number)), prices)


def weitzman(env, table, cost):
    """Open the closed box of the largest reservation value while it is above the best prize."""
    z = np.where(table.beliefs.opened, -np.inf, reservation_values(env, cost))
    return np.where(z.max(axis=1) > table.payoffs + 1e-12, z.argmax(axis=1), len(env.costs))


@pytest.mark.parametrize(
    "kwargs",
    [
        {"costs": [0.1] * 12, "cost": 0.5},
        {"values": [[-1, 0.3, 0.7], [-2, -1], [0.3]], "costs": [1, 0, 2]},
    ],
    ids=["twelve boxes", "uneven"],
)
def test_the_contract_is_kept(kwargs):
    report = envs.check(*envs.make("pandora", **kwargs), steps=64)
    assert report.ok, str(report)
    assert not any("what the observation hides" in note for note in report.notes)


def test_three_boxes_are_worth_the_same_in_three_ways():
    env = Pandora()
    np.testing.assert_allclose(reservation_values(env), [0.84, 0.716667, 0.58], atol=5e-7)
    table = exact.tabulate(env)
    known = 0.6615176558978212
    assert abs(weitzman_value(env) - known) < 1e-12
    assert abs(exact.solve(table, 1.0).values[table.first] - known) < 1e-12
    assert abs(exact.play(table, weitzman(env, table, 1.0)).value(1.0) - known) < 1e-12


@settings(max_examples=150)
@given(boxes(), st.sampled_from([0.0, 0.1, 1.0, 3.0]))
def test_the_closed_form_is_backward_induction_is_weitzmans_rule(env, cost):
    table = exact.tabulate(env)
    best = exact.solve(table, cost).values
    assert abs(weitzman_value(env, cost) - best[table.first]) < 1e-12
    # The rule is optimal in every belief, whatever was opened before.
    rule = weitzman(env, table, cost)
    np.testing.assert_allclose(exact.evaluate(table, rule, cost), best, atol=1e-12)
    assert abs(exact.play(table, rule).value(cost) - best[table.first]) < 1e-12


@settings(max_examples=150)
@given(boxes(), st.sampled_from([0.0, 0.1, 1.0, 3.0]))
def test_a_reservation_value_makes_up_for_the_price(env, cost):
    z = reservation_values(env, cost)
    above = (env.boxes.probabilities * np.maximum(env.boxes.values - z[:, None], 0)).sum(axis=1)
    np.testing.assert_allclose(above, cost * np.array(env.costs), atol=1e-12)
    # Where opening is free the equation leaves it open; the least solution is the largest prize.
    largest = np.where(env.boxes.probabilities > 0, env.boxes.values, -np.inf).max(axis=1)
    assert (z <= largest + 1e-12).all()
    free = cost * np.array(env.costs) == 0
    np.testing.assert_allclose(z[free], largest[free], atol=1e-12)


def test_the_default_cost_is_the_one_of_the_object():
    dear = Pandora(cost=2.0)
    np.testing.assert_array_equal(reservation_values(dear), reservation_values(Pandora(), 2.0))
    assert weitzman_value(dear) == weitzman_value(Pandora(), 2.0) < weitzman_value(Pandora())


def test_boxes_of_debts_are_never_opened_for_money():
    env = Pandora(values=((-3, -1), (-2, 0)), costs=(0.1, 0.1))
    assert (reservation_values(env) < 0).all()
    assert weitzman_value(env) == 0
    assert env.prizes.tolist() == [0]
    table = exact.tabulate(env)
    assert (exact.solve(table, 0.0).policy == 2).all()


def test_hand_case_of_news_and_prizes():
    # Prizes below nothing are left in their box; the two of 0.3 are one prize.
    env = Pandora(
        values=((-5, 0.3, 1.7), (0.3, 0.3, 0.5)),
        probabilities=((0.2, 0.1, 0.7), (0.1, 0.2, 0.7)),
        costs=(0.3, 0.1),
    )
    assert env.prizes.tolist() == [0, 0.3, 0.5, 1.7]
    state = env.first_belief()
    np.testing.assert_allclose(env.news(state, 1, np), [0.1, 0.2, 0.7])
    worth = [
        [env.payoff(env.learn(state, box, outcome, np), np) for outcome in range(3)]
        for box in range(2)
    ]
    assert worth == [[0, 0.3, 1.7], [0.3, 0.3, 0.5]]
    # A worse prize does not replace a better one.
    both = env.learn(env.learn(state, 0, 2, np), 1, 0, np)
    assert env.payoff(both, np) == 1.7
    assert both.opened.all()
    assert both.time == 2


def test_observation_of_a_hand_case():
    env = Pandora(values=((0, 1), (0.25, 3), (2,)), costs=(1, 1, 1))
    look = jax.jit(lambda state: env.observe(jax.random.key(0), state, None, env.default_params))
    observation = look(env.learn(env.first_belief(), 1, 0, np))
    np.testing.assert_array_equal(observation, [[0, 0.25], [1, 0.25], [0, 0.25]])
    assert observation.dtype == jnp.float32
