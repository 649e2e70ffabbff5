"""The oracle: it replays the engine exactly, is the best of all choices of k, and a bound."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
import rrplan
from agents import metapolicies, networks
from rrplan import graphs, oracle
from tests.rrplan import tabular

KEY = jax.random.key(11)
EPISODES, LARGEST = 24, 6
PRICES = (0.0, 1e-3, 0.02, 0.1, 1e3)


class Listed(tabular.TabularEnvironment):
    """The tabular environment with a list of its states: those of all times, in any order."""

    def enumerate_states(self, first_state, params):
        del first_state, params
        time, index = jnp.divmod(
            jnp.arange(tabular.NUM_STATES * (self.max_length + 1)), tabular.NUM_STATES
        )
        return tabular.State(index[::-1], time[::-1])


ENVIRONMENT = Listed()
TABLE = tabular.make_table(3, ENVIRONMENT.num_actions)
ARGUMENTS = (ENVIRONMENT, TABLE, tabular.table_network, TABLE)


def tabulate(*arguments, **kwargs):
    options = {"key": KEY, "episodes": EPISODES, "max_simulations": LARGEST, "num_lanes": 16}
    return oracle.tabulate(*(arguments or ARGUMENTS), **{**options, **kwargs})


def evaluate(k, *arguments, meta_policy=None, **kwargs):
    options = {"key": KEY, "episodes": EPISODES, "max_simulations": LARGEST, "num_lanes": 16}
    return rrplan.evaluate(
        *(arguments or ARGUMENTS), meta_policy or metapolicies.fixed(), jnp.asarray(k),
        **{**options, **kwargs},
    )  # fmt: skip


@pytest.fixture(scope="module")
def table():
    return tabulate()


@functools.cache
def knapsack():
    """Return what a knapsack of six items with an untrained network is evaluated with."""
    env, env_params = envs.make("knapsack", num_items=6)
    environment = envs.adapt(env)
    config = networks.NetworkConfig(size="tiny")
    network, params = networks.build(config, environment, env_params, jax.random.key(2))
    return environment, env_params, network, params


@pytest.mark.parametrize("rule", ["visits", "completed_q"])
def test_a_replay_of_k_equals_the_engine_episode_by_episode(rule):
    search = rrplan.Search(acting=rule, c_init=1.5, discount=0.9)
    table = tabulate(search=search)
    for k in range(LARGEST + 1):
        played, episodes = oracle.replay(table, k), evaluate(k, search=search, trace=6)
        np.testing.assert_array_equal(played.untimed_return, episodes.untimed_return)
        np.testing.assert_array_equal(played.length, episodes.length)
        np.testing.assert_array_equal(played.simulations, episodes.simulations)
        trace, width = episodes.trace, played.decisions.valid.shape[1]
        assert not trace.valid[:, width:].any()
        for name in ("valid", "simulations", "legal_actions"):
            told = getattr(played.decisions, name)
            np.testing.assert_array_equal(told, getattr(trace, name)[:, :width])


def test_a_network_is_replayed_as_the_engine_asks_it():
    table = tabulate(*knapsack())
    for k in (0, 3, LARGEST):
        episodes = evaluate(k, *knapsack())
        same = oracle.replay(table, k).untimed_return == np.asarray(episodes.untimed_return)
        assert same.mean() > 0.9  # all but near-ties


def best_of_all_sequences(table, price, instance):
    """Step the problem itself, trying every k at every decision of an instance."""
    graph, problem = table.graph, jax.device_get(TABLE)
    nodes = {(graph.instance[n], graph.state[n]): n for n in range(len(graph.state))}
    listed = jax.device_get(ENVIRONMENT.enumerate_states(None, None))
    places = {(i, t): place for place, (i, t) in enumerate(zip(*listed, strict=True))}

    def best(index, time):
        if time == ENVIRONMENT.max_length:
            return 0.0
        values = []
        for k, action in enumerate(table.action[nodes[instance, places[index, time]]]):
            assert not problem.invalid[index, action]
            value = float(problem.reward[index, action]) - price * k
            if not problem.terminal[index, action]:
                value += best(problem.next_state[index, action], time + 1)
            values.append(value)
        return max(values)

    return best(listed.index[graph.state[graph.first[instance]]], 0)


@pytest.mark.parametrize("price", [0.0, 0.05, 0.3])
def test_the_value_is_the_best_of_all_sequences_of_k(price):
    table = tabulate(episodes=8, max_simulations=2)
    solution = oracle.solve(table, price)
    expected = [best_of_all_sequences(table, price, instance) for instance in range(8)]
    np.testing.assert_allclose(solution.value[table.graph.first], expected, rtol=1e-9)
    np.testing.assert_allclose(solution.timed_return, expected, rtol=1e-5)


def think_while_close(gap, meta_keys, carry, seen):
    """Two more simulations while the most visited action is ahead by less than a gap."""
    best, second = jax.lax.top_k(seen.visit_counts, 2)[0].T
    extra = jnp.where(best - second < gap, 2, 0)
    return rrplan.Control(extra, jnp.full_like(extra, 100), carry)


CLOSE = rrplan.MetaPolicy(lambda batch_size: (), think_while_close)


@pytest.mark.parametrize("problem", ["tabular", "knapsack"])
def test_no_meta_policy_earns_more_in_any_episode(problem):
    arguments = ARGUMENTS if problem == "tabular" else knapsack()
    table = tabulate(*arguments)
    agents = [evaluate(k, *arguments) for k in range(LARGEST + 1)]
    options = np.arange(LARGEST + 1)
    agents.append(evaluate(options, *arguments, meta_policy=metapolicies.random_k()))
    agents.append(evaluate(2, *arguments, meta_policy=CLOSE))
    for price in PRICES:
        bound = oracle.solve(table, price).timed_return
        for episodes in agents:
            timed = episodes.untimed_return - np.float32(price) * episodes.simulations
            assert (timed <= bound + 1e-5).all()


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
    valid, node, simulations, legal = solution.decisions
    np.testing.assert_allclose(solution.timed_return, solution.value[graph.first], atol=1e-5)
    np.testing.assert_array_equal(valid.sum(1), solution.length)
    np.testing.assert_array_equal(simulations.sum(1), solution.simulations)
    np.testing.assert_array_equal(simulations[valid], solution.k[node[valid]])
    np.testing.assert_array_equal(legal[valid], graph.legal_actions[node[valid]])
    assert not simulations[~valid].any()
    assert not legal[~valid].any()
    # Of all k that take the same action, it takes the least.
    action = table.action[np.arange(len(solution.k)), solution.k]
    np.testing.assert_array_equal(table.least[np.arange(len(action)), action], solution.k)


def assert_same_tables(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_the_table_does_not_depend_on_lanes_blocks_or_the_order_of_episodes(table, monkeypatch):
    assert_same_tables(tabulate(num_lanes=1), table)
    solution = oracle.solve(table, 0.02)
    ids = np.random.default_rng(0).permutation(EPISODES)
    shuffled = oracle.solve(tabulate(episodes=ids), 0.02)
    np.testing.assert_array_equal(shuffled.timed_return, solution.timed_return[ids])
    monkeypatch.setattr(graphs, "_BLOCK", 7)
    monkeypatch.setattr(graphs, "_LISTED", 500)
    assert_same_tables(tabulate(), table)


def test_progress_is_told():
    told = []
    table = tabulate(progress=lambda *counts: told.append(counts))
    to_search = (table.graph.legal_actions > 1).sum()
    assert told[-1] == (to_search, to_search)


class Slipping(Listed):
    def step(self, key, state, action, params):
        action = jnp.where(
            jax.random.bernoulli(key, 0.1), params.invalid[state.index].argmin(), action
        )
        return super().step(key, state, action, params)


class Noisy(Listed):
    def step(self, key, state, action, params):
        transition = super().step(key, state, action, params)
        noise = 0.1 * jax.random.normal(key, transition.observation.shape)
        return transition._replace(observation=transition.observation + noise)


class ListsTooFew(Listed):
    def enumerate_states(self, first_state, params):
        listed = super().enumerate_states(first_state, params)
        return jax.tree.map(lambda leaf: leaf[tabular.NUM_STATES :], listed)  # not those of the end


class ListsNoFirst(Listed):
    def enumerate_states(self, first_state, params):
        listed = super().enumerate_states(first_state, params)
        return listed._replace(time=listed.time + 1)


class ListsOneLeaf(Listed):
    def enumerate_states(self, first_state, params):
        return super().enumerate_states(first_state, params).index


class Returns(Listed):
    """Time stands still, so that states come again."""

    def step(self, key, state, action, params):
        transition = super().step(key, state, action, params)
        return transition._replace(state=transition.state._replace(time=state.time))


class Remembers(Listed):
    def step(self, key, state, action, params):
        transition = super().step(key, state, action, params)
        return transition._replace(observation=transition.observation + action)


class PaysNan(Listed):
    def step(self, key, state, action, params):
        transition = super().step(key, state, action, params)
        return transition._replace(
            reward=transition.reward + jnp.where(state.time == 2, jnp.nan, 0)
        )


class AllIllegal(Listed):
    def invalid_actions(self, state, params):
        return super().invalid_actions(state, params) | (state.time == 3)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (tabular.TabularEnvironment, "TabularEnvironment has no enumerate_states: expected one"),
        (Slipping, "a step leads elsewhere under another key"),
        (Noisy, "a step leads elsewhere under another key"),
        (ListsTooFew, "enumerate_states does not list what a step leads to"),
        (ListsNoFirst, "enumerate_states does not list the first state"),
        (ListsOneLeaf, r"enumerate_states of ListsOneLeaf returns int32\[84\]: expected State"),
        (Returns, "it can return to a state it has left, expected a state that counts its steps"),
        (Remembers, "what is seen of a state depends on the way to it"),
        (PaysNan, "a reward is NaN or infinite"),
        (AllIllegal, "no action is legal in a state in which it goes on"),
    ],
)
def test_an_environment_that_does_not_fit_gets_one_clear_line(environment, message):
    with pytest.raises(rrplan.InputError, match=message) as caught:
        tabulate(environment(), *ARGUMENTS[1:])
    assert "\n" not in str(caught.value)


def nan_network(table, observation):
    told = tabular.table_network(table, observation)
    return told._replace(value=told.value * jnp.nan)


@pytest.mark.parametrize(
    ("arguments", "kwargs", "message"),
    [
        ((rrplan.LearnedModel(None, None),), {}, "the oracle got a LearnedModel: expected a netw"),
        ((nan_network,), {}, r"^episode \d+: the network's output is NaN or infinite"),
        ((), {"max_simulations": -1}, "max_simulations is -1: expected 0 or more"),
        ((), {"max_simulations": 10**10}, r"trees of .* lanes fit$"),
        ((), {"episodes": 0}, "episodes is 0: expected a number >= 1 or ids >= 0"),
        ((), {"episodes": np.array([1, -1])}, "episodes is .*: expected a number >= 1"),
        ((), {"num_lanes": 0}, "num_lanes is 0: expected 1 or more"),
    ],
)
def test_bad_input_gets_one_clear_line(arguments, kwargs, message):
    network = arguments or (tabular.table_network,)
    with pytest.raises(rrplan.InputError, match=message) as caught:
        tabulate(ENVIRONMENT, TABLE, *network, TABLE, **kwargs)
    assert "\n" not in str(caught.value)


def test_an_adapted_environment_without_a_list_is_refused():
    env, params = envs.make("CartPole-v1")
    with pytest.raises(rrplan.InputError, match="CartPole-v1 has no enumerate_states"):
        graphs.explore(envs.adapt(env), params, KEY, np.arange(2))


@pytest.mark.parametrize("price", [-1.0, np.nan, np.inf, np.zeros(2)])
def test_a_price_must_be_a_finite_number(table, price):
    with pytest.raises(rrplan.InputError, match=r"price is .*: expected a finite number >= 0"):
        oracle.solve(table, price)


@pytest.mark.parametrize("k", [-1, LARGEST + 1, 0.5, np.zeros(3, int)])
def test_a_replay_needs_a_k_that_was_searched(table, k):
    with pytest.raises(rrplan.InputError, match=r"^k is .*: expected "):
        oracle.replay(table, k)


def test_without_simulations_there_is_nothing_to_choose():
    table = tabulate(max_simulations=0)
    np.testing.assert_array_equal(oracle.solve(table, 0.0).timed_return, evaluate(0).untimed_return)
