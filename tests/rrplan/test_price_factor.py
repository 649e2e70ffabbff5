"""Prices that depend on the situation: read at each root, charged, seen, known to the oracle."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
import rrplan
from agents import metapolicies, networks
from rrplan import capabilities, keys, oracle
from tests.rrplan import tabular

KEY, EPISODES, LARGEST = jax.random.key(3), 24, 4
RATES = rrplan.Rates(1.5, look=0.5, decision=0.25, level=0.1)
COSTS = rrplan.Costs(0.02, RATES, decision_fee=0.3, look_fee=0.05)


class Dear(tabular.TabularEnvironment):
    """The tabular environment; its parameters' values, of no other use to it, are the factors."""

    def price_factor(self, state, params):
        return params.value[state.index]


def think(k, meta_keys, carry, seen):
    """Order k one by one, and remember the largest price that was seen."""
    del meta_keys
    extra = jnp.clip(k - seen.simulations, 0, 1)
    return rrplan.Control(extra, jnp.full_like(extra, 9), jnp.maximum(carry, seen.price))


ONE_BY_ONE = rrplan.MetaPolicy(lambda batch_size: jnp.zeros(batch_size), think)


@functools.cache
def planner(environment=Dear):
    table = tabular.make_table(4, 3)
    factors = table._replace(value=0.5 + jnp.arange(tabular.NUM_STATES))
    return rrplan.Planner(
        environment(), factors, tabular.table_network, table, max_simulations=LARGEST
    )


def evaluate(k, environment=Dear, num_lanes=8, costs=COSTS):
    return rrplan.evaluate(
        planner(environment), ONE_BY_ONE, jnp.int32(k), key=KEY, episodes=EPISODES, costs=costs,
        num_lanes=num_lanes, trace=Dear.max_length,
    )  # fmt: skip


def played_states(episodes):
    """Walk through the table along the recorded actions; return each decision's state index."""
    table = jax.device_get(planner().env_params)
    reset_keys = keys.draw(KEY, jnp.arange(EPISODES), keys.Domain.RESET)
    first = jax.vmap(Dear().reset, (0, None))(reset_keys, planner().env_params)[0].index
    action, rows = np.asarray(episodes.trace.action), []
    for episode, index in enumerate(np.asarray(first)):
        row = []
        for decision in range(int(episodes.length[episode])):
            row.append(int(index))
            index = table.next_state[index, action[episode, decision]]
        rows.append(row)
    return rows


def test_counts_are_weighted_by_the_factor_of_their_root():
    episodes = evaluate(2)
    several = (~np.asarray(planner().env_params.invalid)).sum(1) > 1
    assert not several.all()  # where there is no choice, nobody looks or searches
    weighted = [
        [(0.5 + index) * np.array([2, 3, 1] if several[index] else [0, 0, 1]) for index in row]
        for row in played_states(episodes)
    ]
    expected = np.array([np.sum(row, axis=0) for row in weighted])
    told = [episodes.weighted.simulations, episodes.weighted.looks, episodes.weighted.decisions]
    np.testing.assert_allclose(np.stack(told, axis=1), expected, rtol=1e-6)
    factor = [np.array([0.5 + index for index in row]) for row in played_states(episodes)]
    levels = [(f * episodes.trace.levels[e, : len(f)]).sum() for e, f in enumerate(factor)]
    np.testing.assert_allclose(episodes.weighted.levels, levels, rtol=1e-6)


def test_the_bill_charges_prices_by_weight_and_fees_as_they_are():
    told = evaluate(3)
    weighted = told.weighted
    units = (
        1.5 * weighted.simulations + 0.5 * weighted.looks + 0.25 * weighted.decisions
        + 0.1 * weighted.levels
    )  # fmt: skip
    cost = 0.02 * units + 0.3 * told.length + 0.05 * told.looks
    np.testing.assert_allclose(told.cost, cost, rtol=1e-5)
    counts = rrplan.Counts(told.simulations, told.looks, told.length, told.levels)
    np.testing.assert_array_equal(told.cost, rrplan.charge(COSTS, counts, weighted))


def test_it_changes_nothing_but_the_bill():
    dear, plain = evaluate(3), evaluate(3, tabular.TabularEnvironment)
    assert plain.weighted is None
    for name in ("untimed_return", "simulations", "looks", "length", "levels"):
        np.testing.assert_array_equal(getattr(dear, name), getattr(plain, name))
    assert not np.allclose(dear.cost, plain.cost)


def test_it_does_not_depend_on_lanes():
    one, many = evaluate(2), evaluate(2, num_lanes=3)
    jax.tree.map(np.testing.assert_array_equal, one, many)


class Wrong(tabular.TabularEnvironment):
    """The tabular environment with a factor that is given; hashed by identity."""

    def __init__(self, factor):
        self.price_factor = lambda state, params: factor(state)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.5])
def test_a_factor_that_can_be_no_price_is_told_with_its_episode(bad):
    """An episode is affected where it comes by a state whose factor is wrong, and no other is."""
    given = planner()
    factors = jnp.ones(tabular.NUM_STATES).at[7].set(bad)
    wrong = given._replace(env_params=given.env_params._replace(value=factors))
    met = [7 in row for row in played_states(evaluate(2))]
    assert 0 < sum(met) < EPISODES
    message = (
        f"episode {met.index(True)}: price_factor is NaN, infinite or below 0, expected finite "
        rf"numbers >= 0 \({sum(met)} of {EPISODES} episodes are affected\)"
    )
    with pytest.raises(rrplan.InputError, match=message):
        rrplan.evaluate(
            wrong, ONE_BY_ONE, jnp.int32(2), key=KEY, episodes=EPISODES, costs=COSTS, num_lanes=8,
            trace=Dear.max_length,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (lambda state: jnp.ones(3), r"price_factor returns float32\[3\]: expected float32\[\]"),
        (lambda state: None, r"price_factor returns None: expected float32\[\]"),
        (lambda state: {}["boom"], "price_factor raises KeyError: 'boom'"),
    ],
)
def test_a_factor_that_is_no_number_is_refused(factor, words):
    wrong = planner()._replace(environment=Wrong(factor))
    with pytest.raises(rrplan.InputError, match=f"^environment Wrong: {words}"):
        rrplan.evaluate(wrong, ONE_BY_ONE, jnp.int32(2), key=KEY, episodes=EPISODES)


def test_the_oracle_refuses_a_factor_that_can_be_no_price():
    given = knapsack(0.6)
    wrong = given._replace(env_params=given.env_params.replace(price_scale=jnp.nan))
    with pytest.raises(rrplan.InputError, match="episode 0: price_factor is NaN"):
        oracle.tabulate(wrong, key=KEY, episodes=EPISODES, num_lanes=8)


def where_cheap(limit, meta_keys, carry, seen):
    """Think only where the price seen is low."""
    del meta_keys
    extra = jnp.where((seen.simulations == 0) & (seen.price < limit), 3, 0)
    return metapolicies.order(extra, carry)


def test_a_meta_policy_sees_the_price_of_the_situation():
    cheap = rrplan.MetaPolicy(metapolicies.no_carry, where_cheap, "once")
    limit = jnp.float32(0.02 * 1.5 * 2.6)  # of a simulation where the index is at most 2
    episodes = rrplan.evaluate(
        planner(), cheap, limit, key=KEY, episodes=EPISODES, costs=COSTS, num_lanes=8,
        trace=Dear.max_length,
    )  # fmt: skip
    for episode, row in enumerate(played_states(episodes)):
        expected = [3 if index <= 2 else 0 for index in row]
        told = episodes.trace.simulations[episode, : len(row)]
        np.testing.assert_array_equal(told, expected)


@functools.cache
def knapsack(spread):
    env, env_params = envs.make("knapsack", num_items=6, price_spread=spread)
    environment = envs.adapt(env)
    config = networks.NetworkConfig("items", "tiny")
    network, params = networks.build(config, environment, env_params, jax.random.key(2))
    return rrplan.Planner(environment, env_params, network, params, max_simulations=LARGEST)


def test_the_knapsack_is_dear_where_an_odd_capacity_is_left():
    plain, spread = knapsack(0.0), knapsack(0.6)
    assert not capabilities.offers(plain.environment, capabilities.Priced)
    assert capabilities.offers(spread.environment, capabilities.Priced)
    state, _ = spread.environment.reset(KEY, spread.env_params)
    expected = {1: 1.6, 0: 0.4}[int(state.remaining) % 2]
    factor = spread.environment.price_factor(state, spread.env_params)
    assert float(factor) == pytest.approx(expected)
    double = spread.env_params.replace(price_scale=2.0)
    assert float(spread.environment.price_factor(state, double)) == pytest.approx(2 * expected)
    with pytest.raises(rrplan.InputError, match="price_spread is 1: expected a number from 0 on"):
        envs.make("knapsack", price_spread=1)


def test_the_oracle_knows_the_factor_and_bounds_every_agent():
    given = knapsack(0.6)
    table = oracle.tabulate(given, key=KEY, episodes=EPISODES, num_lanes=8)
    assert set(np.round(table.graph.factor, 6)) == {np.float32(0.4), np.float32(1.6)}
    costs = rrplan.Costs(0.02, rrplan.Rates(1.0, decision=0.5, level=0.2))
    best = oracle.solve(table, costs)
    np.testing.assert_allclose(best.timed_return, best.value[table.graph.first], atol=1e-5)
    for k in range(LARGEST + 1):
        agent = rrplan.evaluate(
            given, metapolicies.fixed(), jnp.int32(k), key=KEY, episodes=EPISODES, costs=costs,
            num_lanes=8,
        )  # fmt: skip
        assert (agent.timed_return <= best.timed_return + 1e-5).all()
        played = oracle.replay(table, k)
        same = np.asarray(agent.untimed_return) == played.untimed_return
        assert same.mean() > 0.9  # all but near-ties
        for name in ("simulations", "decisions", "levels"):
            told = np.asarray(getattr(agent.weighted, name))[same]
            np.testing.assert_allclose(told, getattr(played.weighted, name)[same], rtol=1e-5)
