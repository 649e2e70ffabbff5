"""Total tardiness for planners: the oracle over its states, the network over its jobs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents import metapolicies, networks
from envs import Tardiness, adapt, optimal_tardiness
from rrplan import oracle
from rrplan.keys import Domain, draw

ENV = Tardiness(num_jobs=5)
PARAMS = ENV.default_params
EPISODES = 12


@pytest.fixture(scope="module")
def planner():
    """Return a planner with an untrained network, chosen by the environment."""
    config = networks.NetworkConfig(size="tiny")
    network, weights = networks.build(config, adapt(ENV), PARAMS, jax.random.key(2))
    return rrplan.Planner(adapt(ENV), PARAMS, network, weights, max_simulations=8)


@pytest.fixture(scope="module")
def states():
    """Return the first states of all episodes."""
    keys = draw(jax.random.key(3), np.arange(EPISODES), Domain.RESET)
    return jax.jit(jax.vmap(ENV.reset_env, (0, None)))(keys, PARAMS)[1]


def test_the_oracle_bounds_every_fixed_k_and_the_optimum_bounds_the_oracle(planner, states):
    episodes = {"key": jax.random.key(3), "episodes": EPISODES, "num_lanes": EPISODES}
    table = oracle.tabulate(planner, **episodes)
    assert len(table.graph.state) == EPISODES * 31  # all subsets but the last, where it ends
    least = optimal_tardiness(states.processing_times, states.due_dates, np)
    best = -least / np.asarray(states.scale)
    assert (oracle.solve(table, 0.0).untimed_return <= best + 1e-5).all()
    for k in (0, 1, 2, 4, 8):
        played = rrplan.evaluate(planner, metapolicies.fixed(), k, **episodes)
        assert (np.asarray(played.length) == 5).all()
        assert (np.asarray(played.simulations) == 4 * k).all()  # the last job has no choice
        for price in (0.0, 3e-3, 0.1):
            timed = played.untimed_return - price * played.simulations
            assert (oracle.solve(table, price).timed_return >= timed - 1e-5).all()


def test_permuting_jobs_permutes_logits_and_leaves_the_value(planner, states):
    network, order = planner.network, np.array([3, 1, 4, 0, 2])
    assert network.kind == "items"

    @jax.jit
    def evaluate(states):
        observe = jax.vmap(lambda state: ENV.observe(jax.random.key(0), state, None, PARAMS))
        return network(planner.params, observe(states))

    some = np.arange(EPISODES)[:, None] % 3 == np.array([0, 1, 0, 0, 2])
    elapsed = (states.processing_times * some).sum(axis=1)
    later = dataclasses.replace(states, scheduled=jnp.array(some), elapsed=elapsed)
    for straight in (states, later):
        permuted = jax.tree.map(lambda leaf: leaf[:, order] if leaf.ndim > 1 else leaf, straight)
        one, other = evaluate(straight), evaluate(permuted)
        np.testing.assert_allclose(other.prior_logits, one.prior_logits[:, order], atol=1e-6)
        np.testing.assert_allclose(other.value, one.value, atol=1e-6)
        assert float(jnp.ptp(one.prior_logits, axis=1).min()) > 0
