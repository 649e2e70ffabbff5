"""Trees of hidden rewards: what is paid and seen, and what a search of the model finds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
import rrplan
from rrplan.errors import InputError
from rrplan.types import Evaluation

KEY = jax.random.key(3)


def silent(params, observation):
    """Say nothing of observations ``[B, 2, 1]``."""
    number = observation.shape[0]
    return Evaluation(jnp.zeros((number, 2)), jnp.zeros(number), jnp.zeros((number, 1)))


@jax.jit
def walk(key, actions):
    """Return rewards, observations, nodes and ends of the default tree along actions ``[T]``."""
    env, params = envs.make("imagine")
    first, state = env.reset_env(key, params)

    def step(state, action):
        observation, state, reward, over, _ = env.step_env(key, state, action, params)
        return state, (reward, observation, state.node, over)

    return state.rewards, first, *jax.lax.scan(step, state, actions)[1]


@pytest.mark.parametrize(
    ("actions", "nodes", "edges"),
    [((0, 0), (1, 3), (0, 2)), ((0, 1), (1, 4), (0, 3)), ((1, 0), (2, 5), (1, 4))],
)
def test_each_edge_pays_its_own_reward(actions, nodes, edges):
    rewards, first, paid, seen, passed, over = walk(KEY, jnp.array((*actions, 1)))
    np.testing.assert_array_equal(passed, [*nodes, nodes[-1]])
    np.testing.assert_array_equal(paid, [*rewards[jnp.array(edges)], 0.0])  # a leaf pays 0
    np.testing.assert_array_equal(over, [False, True, True])
    # All that is seen is how many decisions are left.
    np.testing.assert_array_equal(first, [[1.0], [1.0]])
    np.testing.assert_array_equal(seen[:, :, 0], [[0.5, 0.5], [0.0, 0.0], [0.0, 0.0]])


def test_rewards_are_independent_and_even():
    keys = jax.random.split(KEY, 4096)
    env, params = envs.make("imagine")
    rewards = jax.vmap(lambda key: env.reset_env(key, params)[1].rewards)(keys)
    assert set(np.unique(rewards)) == {-1.0, 1.0}
    together = np.asarray(rewards.T @ rewards) / 4096
    np.testing.assert_allclose(together, np.eye(6), atol=0.08)
    np.testing.assert_allclose(rewards.mean(0), 0.0, atol=0.08)


def test_its_oracle_knows_every_node():
    env, params = envs.make("imagine")
    planner = rrplan.Planner(envs.adapt(env), params, silent, (), rrplan.Search(), 8)
    _, first = env.reset_env(KEY, params)
    states = env.enumerate_states(first, params)
    np.testing.assert_array_equal(states.node, np.arange(7))
    np.testing.assert_array_equal(states.time, [0, 1, 1, 2, 2, 2, 2])
    assert planner.environment.num_actions == 2


def test_the_checker_finds_nothing_wrong():
    assert envs.check(*envs.make("imagine", branching=3, depth=3)).ok


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"branching": 1}, "branching is 1: expected a whole number from 2 to 64"),
        ({"depth": 0}, "depth is 0: expected a whole number from 1"),
        ({"depth": 12}, "depth is 12: expected at most 11 with branching 2"),
    ],
)
def test_bad_arguments_get_one_clear_line(options, message):
    with pytest.raises(InputError, match=message):
        envs.make("imagine", **options)
