"""The one bill: what it charges, by hand, and what the engine counts for it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from tests.rrplan import tabular

COSTS = rrplan.Costs(price=0.5, decision_fee=4.0, look_fee=0.25, level_fee=0.125)
COUNTS = rrplan.Counts(
    simulations=np.array([3, 0]), looks=np.array([2, 1]), decisions=np.array([1, 1]),
    levels=np.array([8, 0]),
)  # fmt: skip
BILL = [1.5 + 4.0 + 0.5 + 1.0, 4.0 + 0.25]
EPISODES, LARGEST, UNLIMITED = 24, 7, 100


def test_a_bill_by_hand():
    np.testing.assert_array_equal(rrplan.charge(COSTS, COUNTS), BILL)
    np.testing.assert_array_equal(
        rrplan.timed_return(np.array([10.0, 1.0]), COSTS, COUNTS), [3.0, -3.25]
    )


def test_a_traced_bill_is_the_same():
    costs, counts = jax.tree.map(jnp.asarray, (COSTS, COUNTS))
    bill = jax.jit(rrplan.charge)(costs, counts)
    assert bill.dtype == jnp.float32
    np.testing.assert_array_equal(bill, BILL)


def test_a_bill_keeps_the_precision_of_what_it_is_given():
    price = rrplan.Costs(price=np.float32(0.1))
    counts = rrplan.Counts(simulations=np.arange(5, dtype=np.float32))
    told = rrplan.charge(price, counts)
    assert told.dtype == np.float32
    np.testing.assert_array_equal(told, np.float32(0.1) * counts.simulations)
    assert rrplan.charge(rrplan.Costs(price=0.1), rrplan.Counts(np.arange(5))).dtype == np.float64


def test_what_is_left_out_costs_nothing():
    assert rrplan.charge(COSTS, rrplan.Counts()) == 0.0
    assert rrplan.charge(rrplan.Costs(), COUNTS).tolist() == [0.0, 0.0]
    assert rrplan.charge(COSTS, rrplan.Counts(looks=True)) == 0.25


def think(params, meta_keys, carry, seen):
    """Think ``k`` simulations a decision, limited in depth."""
    del meta_keys
    k, depth = params
    extra = jnp.maximum(k - seen.simulations, 0)
    return rrplan.Control(extra, jnp.full_like(extra, depth), carry)


POLICY = rrplan.MetaPolicy(lambda batch_size: (), think)


class Corridor(tabular.TabularEnvironment):
    """One way that is ever taken, so that each simulation goes one level deeper, to the end."""


@functools.cache
def planner():
    table = tabular.make_table(3, 3)
    # The prior gives a probability of 0 to the last action, which is legal: there is a choice.
    corridor = table._replace(
        terminal=jnp.zeros_like(table.terminal),
        invalid=jnp.broadcast_to(jnp.arange(3) == 0, table.invalid.shape),
        logits=jnp.broadcast_to(jnp.array([0.0, 100.0, -100.0]), table.logits.shape),
    )
    return rrplan.Planner(
        Corridor(), corridor, tabular.table_network, corridor, max_simulations=LARGEST
    )


def evaluate(k, depth, costs=rrplan.Costs(), policy=POLICY, **changes):  # noqa: B008
    return rrplan.evaluate(
        planner()._replace(**changes), policy, (jnp.int32(k), jnp.int32(depth)),
        key=jax.random.key(5), episodes=EPISODES, num_lanes=8, costs=costs,
    )  # fmt: skip


@pytest.mark.parametrize("k", [0, 1, LARGEST])
def test_at_depth_one_a_simulation_is_a_level(k):
    episodes = evaluate(k, 1)
    np.testing.assert_array_equal(episodes.simulations, k * Corridor.max_length)
    np.testing.assert_array_equal(episodes.levels, episodes.simulations)


@pytest.mark.parametrize(("k", "depth"), [(1, UNLIMITED), (4, UNLIMITED), (LARGEST, 3)])
def test_in_a_corridor_each_simulation_goes_one_level_deeper(k, depth):
    """By hand: the i-th of a decision goes down i levels, but not beyond the limit or the end."""
    longest = Corridor.max_length
    expected = sum(
        min(i, depth, longest - decision)
        for decision in range(longest)
        for i in range(1, k + 1)
    )  # fmt: skip
    np.testing.assert_array_equal(evaluate(k, depth).levels, expected)


def test_an_evaluation_charges_what_it_counts():
    table = tabular.make_table(3, 3)
    prices = np.linspace(0.01, 1.0, EPISODES, dtype=np.float32)
    costs = COSTS._replace(price=prices)
    told = evaluate(5, UNLIMITED, costs, env_params=table, params=table)
    free = evaluate(5, UNLIMITED, env_params=table, params=table)
    assert (told.levels > told.simulations).any()
    assert len(np.unique(told.length)) > 2
    counts = rrplan.Counts(told.simulations, told.looks, told.length, told.levels)
    np.testing.assert_array_equal(told.cost, rrplan.charge(costs, counts))
    np.testing.assert_array_equal(told.timed_return, told.untimed_return - told.cost)
    by_hand = (
        prices * np.asarray(told.simulations) + 4.0 * np.asarray(told.length)
        + 0.25 * np.asarray(told.looks) + 0.125 * np.asarray(told.levels)
    )  # fmt: skip
    np.testing.assert_allclose(told.cost, by_hand, rtol=1e-6)
    assert not np.asarray(free.cost).any()
    for name in ("untimed_return", "simulations", "length", "looks", "levels"):
        np.testing.assert_array_equal(getattr(told, name), getattr(free, name))
