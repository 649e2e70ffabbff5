"""The oracle: it replays the engine exactly, is the best of all choices of k, and a bound."""

import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
import rrplan
from agents import metapolicies, networks
from rrplan import oracle
from rrplan.oracle import state_graph
from tests.rrplan import tabular

KEY = jax.random.key(11)
EPISODES, LARGEST = 24, 6
PRICES = (0.0, 1e-3, 0.3, 1.0, 1e3)
FIXED, RANDOM, CLOSE = range(3)
UNLIMITED = metapolicies.NO_DEPTH_LIMIT
DEPTHS = (1, UNLIMITED)
DEAR_LEVELS = rrplan.Costs(0.05, rrplan.Rates(0.5, look=9.0, decision=0.3, level=0.8))


class Listed(tabular.TabularEnvironment):
    """The tabular environment with a list of its states, the last first."""

    num_actions = 6  # as many as the knapsack's, so that both share compiled searches

    def enumerate_states(self, first_state, params):
        del first_state, params
        total = tabular.NUM_STATES * (self.max_length + 1)
        time, index = jnp.divmod(jnp.arange(total)[::-1], tabular.NUM_STATES)
        return tabular.State(index, time)


ENVIRONMENT = Listed()
TABLE = tabular.make_table(4, ENVIRONMENT.num_actions)
TABULAR = rrplan.Planner(ENVIRONMENT, TABLE, tabular.table_network, TABLE, max_simulations=LARGEST)


def think(params, meta_keys, carry, seen):
    """One of three: always k; at random up to k; two more while two actions are within k visits.

    One program for all of them, as compiling is what takes long here.
    """
    rule, k, depth = params
    drawn = jax.vmap(lambda key: jax.random.randint(key, (), 0, k + 1))(meta_keys)
    best, second = jax.lax.top_k(seen.visit_counts, 2)[0].T
    fresh = seen.simulations == 0
    orders = (jnp.where(fresh, k, 0), jnp.where(fresh, drawn, 0), 2 * (best - second < k))
    extra = jnp.select([rule == r for r in range(3)], orders)
    return metapolicies.order(extra, carry)._replace(max_depth=jnp.full_like(extra, depth))


THINKING = rrplan.MetaPolicy(metapolicies.no_carry, think)


def evaluate(k, planner, rule=FIXED, depth=metapolicies.NO_DEPTH_LIMIT, **kwargs):
    return rrplan.evaluate(
        planner, THINKING, (jnp.int32(rule), jnp.int32(k), jnp.int32(depth)), key=KEY, num_lanes=16,
        trace=ENVIRONMENT.max_length, **{"episodes": EPISODES, **kwargs},
    )  # fmt: skip


def tabulate(planner, **kwargs):
    options = {"key": KEY, "episodes": EPISODES, "num_lanes": 16}
    return oracle.tabulate(planner, **{**options, **kwargs})


@pytest.fixture(scope="module")
def table():
    return tabulate(TABULAR, depths=DEPTHS)


@functools.cache
def knapsack():
    """Return the planner of a knapsack of six items with an untrained network."""
    env, env_params = envs.make("knapsack", num_items=6)
    environment = envs.adapt(env)
    config = networks.NetworkConfig(size="tiny")
    network, params = networks.build(config, environment, env_params, jax.random.key(2))
    return rrplan.Planner(environment, env_params, network, params, max_simulations=LARGEST)


@pytest.mark.parametrize("acting", ["visits", "completed_q"])
def test_a_replay_of_k_equals_the_engine_episode_by_episode(acting):
    search = rrplan.Search(acting=acting, c_init=1.5, discount=0.9)
    table = tabulate(TABULAR._replace(search=search), depths=DEPTHS)
    for k, (place, depth) in itertools.product(range(LARGEST + 1), enumerate(DEPTHS)):
        played = oracle.replay(table, k, place)
        episodes = evaluate(k, TABULAR._replace(search=search), depth=depth)
        for name in ("untimed_return", "length", "simulations", "levels"):
            np.testing.assert_array_equal(getattr(played, name), getattr(episodes, name))
        width = played.decisions.valid.shape[1]
        assert not episodes.trace.valid[:, width:].any()
        for name in ("valid", "simulations", "levels", "legal_actions"):
            told = getattr(played.decisions, name)
            np.testing.assert_array_equal(told, getattr(episodes.trace, name)[:, :width])


def best_of_all_sequences(table, costs, instance):
    """Step the problem itself, trying every k and depth at every decision of an instance."""
    graph, problem = table.graph, jax.device_get(TABLE)
    nodes = {(graph.instance[n], graph.state[n]): n for n in range(len(graph.state))}
    listed = jax.device_get(ENVIRONMENT.enumerate_states(None, None))
    places = {(i, t): place for place, (i, t) in enumerate(zip(*listed, strict=True))}

    @functools.cache
    def best(index, time):
        if time == ENVIRONMENT.max_length:
            return 0.0
        values = []
        node = nodes[instance, places[index, time]]
        for (place, k), action in np.ndenumerate(table.action[node]):
            assert not problem.invalid[index, action]
            counts = rrplan.Counts(k, decisions=1, levels=table.levels[node, place, k])
            value = float(problem.reward[index, action]) - rrplan.charge(costs, counts)
            if not problem.terminal[index, action]:
                value += best(int(problem.next_state[index, action]), time + 1)
            values.append(value)
        return max(values)

    return best(int(listed.index[graph.state[graph.first[instance]]]), 0)


@pytest.mark.parametrize("costs", [rrplan.Costs(0.0), rrplan.Costs(0.1), DEAR_LEVELS])
def test_the_value_is_the_best_of_all_sequences_of_choices(table, costs):
    solution = oracle.solve(table, costs)
    expected = [best_of_all_sequences(table, costs, instance) for instance in range(5)]
    np.testing.assert_allclose(solution.value[table.graph.first[:5]], expected, rtol=1e-9)
    np.testing.assert_allclose(solution.timed_return[:5], expected, rtol=1e-5)


def assert_bound(table, agents):
    bills = [*map(rrplan.Costs, PRICES), DEAR_LEVELS, DEAR_LEVELS._replace(decision_fee=0.2)]
    for costs, (depth, episodes) in itertools.product(bills, agents):
        assert depth in table.depths
        counts = rrplan.Counts(
            episodes.simulations, episodes.looks, episodes.length, episodes.levels
        )
        timed = rrplan.timed_return(episodes.untimed_return, costs, counts)
        assert (timed <= oracle.solve(table, costs).timed_return + 1e-5).all()


def run_agents(planner, **kwargs):
    """Return agents with the depth that each holds; all but the first are every k and no limit."""
    settings = [(2, RANDOM, 1), (5, RANDOM, UNLIMITED), (2, CLOSE, UNLIMITED)]
    settings += [(k, FIXED, UNLIMITED) for k in range(LARGEST + 1)]
    return [
        (depth, evaluate(k, planner, rule=rule, depth=depth, **kwargs))
        for k, rule, depth in settings
    ]


def test_no_meta_policy_earns_more_in_any_episode(table):
    assert_bound(table, run_agents(TABULAR))


def test_it_bounds_a_planner_with_a_network_too():
    table = tabulate(knapsack(), episodes=60, depths=DEPTHS)
    agents = run_agents(knapsack(), episodes=60)
    assert_bound(table, agents)
    for k, (_, episodes) in enumerate(agents[3:]):
        told, expected = oracle.replay(table, k, 1).untimed_return, episodes.untimed_return
        assert np.isclose(told, expected, atol=1e-5).mean() > 0.9  # all but near-ties


def test_the_dearer_a_simulation_the_less_is_thought_and_earned(table):
    solutions = [oracle.solve(table, price) for price in PRICES]
    for cheap, dear in itertools.pairwise(solutions):
        assert (dear.simulations <= cheap.simulations).all()
        assert (dear.value <= cheap.value + 1e-12).all()
    assert solutions[0].simulations.sum() > solutions[2].simulations.sum() > 0
    for k in range(LARGEST + 1):
        assert (oracle.replay(table, k).untimed_return <= solutions[0].untimed_return + 1e-5).all()
    reactive = oracle.replay(table, 0)
    assert (solutions[-1].k == 0).all()
    np.testing.assert_array_equal(solutions[-1].timed_return, reactive.untimed_return)


def test_a_solution_says_what_it_does_on_its_way(table):
    solution, graph = oracle.solve(table, 0.02), table.graph
    valid, node, simulations, levels, legal = solution.decisions
    np.testing.assert_allclose(solution.timed_return, solution.value[graph.first], atol=1e-5)
    np.testing.assert_array_equal(valid.sum(1), solution.length)
    np.testing.assert_array_equal(simulations.sum(1), solution.simulations)
    np.testing.assert_array_equal(simulations[valid], solution.k[node[valid]])
    np.testing.assert_array_equal(levels.sum(1), solution.levels)
    np.testing.assert_array_equal(legal[valid], graph.legal_actions[node[valid]])
    assert not simulations[~valid].any()
    assert not legal[~valid].any()
    # Of all k that take the same action, it takes the least.
    nodes = np.arange(len(solution.k))
    same = (
        table.action[nodes, solution.depth]
        == table.action[nodes, solution.depth, solution.k][:, None]
    )
    np.testing.assert_array_equal(same.argmax(axis=1), solution.k)


def assert_same_tables(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_the_table_does_not_depend_on_lanes_blocks_or_the_order_of_episodes(table, monkeypatch):
    assert_same_tables(tabulate(TABULAR, num_lanes=1, depths=DEPTHS), table)
    solution = oracle.solve(table, 0.02)
    ids = np.random.default_rng(0).permutation(EPISODES)
    shuffled = oracle.solve(tabulate(TABULAR, episodes=ids, depths=DEPTHS), 0.02)
    np.testing.assert_array_equal(shuffled.timed_return, solution.timed_return[ids])
    monkeypatch.setattr(state_graph, "_BLOCK", 7)
    monkeypatch.setattr(state_graph, "_LISTED", 500)
    assert_same_tables(tabulate(TABULAR, depths=DEPTHS), table)


def test_progress_is_told():
    told = []
    table = tabulate(TABULAR, progress=lambda *counts: told.append(counts))
    to_search = len(table.graph.height)
    assert told[-1] == (to_search, to_search)


class FaultyParams(NamedTuple):
    table: tabular.Table
    fault: int  # index into FAULTS; traced, so that all faults share compiled programs


FAULTS = {
    "slips": "a step leads elsewhere under another key",
    "is seen with noise": "a step leads elsewhere under another key",
    "lists too few": "enumerate_states does not list what a step leads to",
    "lists no first": "enumerate_states does not list the first state",
    "stops the time": "it can return to a state it has left, expected a state that counts its",
    "is seen by the way": "what is seen of a state depends on the way to it",
    "pays NaN": "a reward is NaN or infinite",
    "has no legal action": "no action is legal in a state in which it goes on",
}


class Faulty(Listed):
    def reset(self, key, params):
        return super().reset(key, params.table)

    def step(self, key, state, action, params):
        def has(name):
            return params.fault == list(FAULTS).index(name)

        slips = has("slips") & jax.random.bernoulli(key, 0.2)
        other = params.table.invalid[state.index].argmin()
        told = super().step(key, state, jnp.where(slips, other, action), params.table)
        noise = (
            has("is seen with noise") * jax.random.normal(key) + has("is seen by the way") * action
        )
        return told._replace(
            state=told.state._replace(time=told.state.time - has("stops the time")),
            observation=told.observation + noise,
            reward=jnp.where(has("pays NaN") & (state.time == 2), jnp.nan, told.reward),
        )

    def invalid_actions(self, state, params):
        none = (params.fault == list(FAULTS).index("has no legal action")) & (state.time == 3)
        return super().invalid_actions(state, params.table) | none

    def enumerate_states(self, first_state, params):
        listed = super().enumerate_states(first_state, params)
        least = jnp.where(params.fault == list(FAULTS).index("lists no first"), 1, 0)
        most = jnp.where(params.fault == list(FAULTS).index("lists too few"), 3, self.max_length)
        return listed._replace(time=listed.time.clip(least, most))


FAULTY = Faulty()


class ListsOneLeaf(Listed):
    def enumerate_states(self, first_state, params):
        return super().enumerate_states(first_state, params).index


def assert_refuses(message, planner, **kwargs):
    with pytest.raises(rrplan.InputError, match=message) as caught:
        tabulate(planner, **kwargs)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("fault", "message"), FAULTS.items())
def test_an_environment_that_does_not_fit_gets_one_clear_line(fault, message):
    params = FaultyParams(TABLE, list(FAULTS).index(fault))
    planner = TABULAR._replace(environment=FAULTY, env_params=params)
    assert_refuses(rf"^episode \d+: {message}", planner)


def test_an_environment_without_a_list_of_states_gets_one_clear_line():
    with pytest.raises(rrplan.InputError, match="TabularEnvironment has no enumerate_states"):
        state_graph.explore(tabular.TabularEnvironment(), TABLE, KEY, np.arange(2))
    message = r"enumerate_states of ListsOneLeaf returns int32\[84\]: expected State"
    assert_refuses(message, TABULAR._replace(environment=ListsOneLeaf()))
    env, params = envs.make("CartPole-v1")
    with pytest.raises(rrplan.InputError, match="CartPole-v1 has no enumerate_states"):
        state_graph.explore(envs.adapt(env), params, KEY, np.arange(2))


def nan_network(table, observation):
    told = tabular.table_network(table, observation)
    return told._replace(value=told.value * jnp.nan)


UNADAPTED = envs.make("knapsack")


@pytest.mark.parametrize(
    ("changes", "kwargs", "message"),
    [
        ({"network": nan_network}, {}, r"^episode \d+: the network's output is NaN or infinite"),
        ({"max_simulations": -1}, {}, "max_simulations is -1: expected a whole number, 0"),
        ({"max_simulations": 10**10}, {}, r"trees of .* lanes fit$"),
        ({}, {"episodes": 0}, "episodes is 0: expected a number >= 1 or ids >= 0"),
        ({}, {"episodes": np.array([1, -1])}, "episodes is .*: expected a number >= 1"),
        ({}, {"num_lanes": 0}, "num_lanes is 0: expected a whole number, 1"),
        ({}, {"depths": ()}, r"depths is \(\): expected one limit or more, each at least 1"),
        ({}, {"depths": 3}, "depths is 3: expected one limit or more, each at least 1"),
        ({}, {"depths": (2, 1.5)}, "depths is 1.5: expected a whole number, 1 to"),
        ({}, {"depths": (0,)}, "depths is 0: expected a whole number, 1 to"),
        ({}, {"depths": (2**40,)}, "depths is 1099511627776: expected a whole number, 1 to"),
        ({"network": "mlp"}, {}, "planner.network is a str: expected a function"),
        ({"search": None}, {}, "planner.search is None: expected a rrplan.Search"),
        (
            {"environment": UNADAPTED[0], "env_params": UNADAPTED[1]},
            {},
            "^environment knapsack: step raises AttributeError",
        ),
    ],
)
def test_bad_input_gets_one_clear_line(changes, kwargs, message):
    assert_refuses(message, TABULAR._replace(**changes), **kwargs)


@pytest.mark.parametrize("planner", [None, tuple(TABULAR)])
def test_the_oracle_refuses_what_is_no_planner(planner):
    message = r"^planner is (None|a tuple): expected a rrplan.Planner$"
    assert_refuses(message, planner)
    with pytest.raises(rrplan.InputError, match=message):
        oracle.record(planner, key=KEY, episodes=2, ks=(0, 1))


@pytest.mark.parametrize("price", [-1.0, np.nan, np.inf, np.zeros(2)])
def test_a_price_must_be_a_finite_number(table, price):
    with pytest.raises(rrplan.InputError, match=r"price is .*: expected a finite number >= 0"):
        oracle.solve(table, price)


@pytest.mark.parametrize("k", [-1, LARGEST + 1, 0.5, np.zeros(3, int)])
def test_a_replay_needs_a_k_that_was_searched(table, k):
    with pytest.raises(rrplan.InputError, match=r"^k is .*: expected "):
        oracle.replay(table, k)
