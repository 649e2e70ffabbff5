"""An episode searched again: the same decisions, and trees that add up."""

import jax
import numpy as np
import pytest

import envs
import rrplan
from agents import metapolicies, networks
from experiments.html import replaying

EPISODES, TRACED = 8, 8


@pytest.fixture(scope="module")
def planner():
    env, env_params = envs.make("knapsack", num_items=5)
    environment = envs.adapt(env)
    network, params = networks.build(
        networks.NetworkConfig(size="tiny"), environment, env_params, jax.random.key(0)
    )
    search = rrplan.Search(acting="completed_q")
    return rrplan.Planner(environment, env_params, network, params, search, max_simulations=12)


@pytest.fixture(scope="module")
def trace(planner):
    options = jax.numpy.array([0, 3, 12])
    key = jax.random.key(7)
    episodes = rrplan.evaluate(
        planner, metapolicies.random_k(), options, key=key, episodes=EPISODES, trace=TRACED
    )
    return jax.tree.map(np.asarray, episodes.trace)


@pytest.mark.parametrize("episode", [0, 5])
def test_an_episode_comes_out_the_same_again(planner, trace, episode):
    length = trace.valid[episode].sum()
    simulations = trace.simulations[episode, :length].tolist()
    searched, found = replaying.replay(planner, jax.random.key(7), episode, simulations)
    for name in ("action", "prior_action", "simulations", "levels", "legal_actions", "valid"):
        assert found[name].tolist() == getattr(trace, name)[episode, :length].tolist()
    np.testing.assert_allclose(
        found["search_value"], trace.search_value[episode, :length], rtol=1e-5
    )
    assert len(searched) == length
    weights = None
    for place, (one, count, legal) in enumerate(
        zip(searched, simulations, found["legal_actions"], strict=True)
    ):
        nodes = replaying.nodes_of(one, most=1000)
        assert sum(node["n"] for node in nodes) == count
        assert len(nodes) == legal
        assert [node["n"] for node in nodes] == sorted((n["n"] for n in nodes), reverse=True)
        assert sum(node["p"] for node in nodes) == pytest.approx(1.0, abs=1e-4)
        for node in nodes:
            check(node)
        # The whole state, with what no step changes, and one item more at each decision.
        weights = one.state.weights if weights is None else weights
        assert (np.asarray(one.state.weights) == np.asarray(weights)).all()
        assert int(np.asarray(one.state.packed).sum()) == place
        assert "room for" in planner.environment.render_text(one.state)


def test_of_a_large_tree_the_most_visited_nodes_are_kept(planner):
    (one, *_), _ = replaying.replay(planner, jax.random.key(7), 0, [12] * 5)
    whole, cut = replaying.nodes_of(one, most=1000), replaying.nodes_of(one, most=3)
    assert "more" not in str(whole)
    assert "'more': True" in str(cut)
    assert [node["n"] for node in cut] == [node["n"] for node in whole]
    assert len(str(cut)) < len(str(whole))


def check(node):
    """Visits below a node are one fewer than its own, unless an episode ends there."""
    below = node.get("c", [])
    if node["n"]:
        assert node["q"] == pytest.approx(
            node["r"] + (0 if node.get("end") else node["v"]), abs=1e-3
        )
        expected = 0 if node.get("end") else node["n"] - 1
        assert sum(one["n"] for one in below) == expected
    else:
        assert "q" not in node
    for one in below:
        check(one)


def test_what_is_noted_otherwise_is_cut_off():
    found = {
        "valid": np.array([True, True, True]),
        "action": np.array([1, 2, 0]),
        "simulations": np.array([4, 4, 0]),
        "levels": np.array([5, 6, 0]),
        "search_value": np.array([0.5, 0.4, 0.1]),
    }
    noted = [
        {"action": action, "simulations": count, "levels": levels, "search_value": value}
        for action, count, levels, value in ((1, 4, 5, 0.5), (2, 4, 6, 0.4), (0, 0, 0, 0.1))
    ]
    assert replaying._same(noted, found) == 3
    for place, name, value in ((1, "action", 3), (1, "levels", 7), (1, "search_value", 0.41)):
        changed = [dict(one) for one in noted]
        changed[place][name] = value
        assert replaying._same(changed, found) == place
    close = [{**one, "search_value": one["search_value"] + 1e-5} for one in noted]
    assert replaying._same(close, found) == 3
