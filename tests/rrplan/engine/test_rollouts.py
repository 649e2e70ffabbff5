"""Rollouts meet the episodes that an evaluation meets."""

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from agents import metapolicies
from tests.rrplan import tabular

ENVIRONMENT = tabular.TabularEnvironment()
TABLE = tabular.make_table(3, ENVIRONMENT.num_actions)


def act_on_the_prior(table, state, observation, invalid_actions):
    logits = tabular.table_network(table, observation).prior_logits
    return jnp.where(invalid_actions, -jnp.inf, logits).argmax(-1)


def test_a_rollout_of_the_prior_equals_an_evaluation_without_search():
    common = {"key": jax.random.key(4), "episodes": np.array([3, 1, 30, 7])}
    rolled = rrplan.rollout(ENVIRONMENT, TABLE, act_on_the_prior, TABLE, **common)
    planner = rrplan.Planner(ENVIRONMENT, TABLE, tabular.table_network, TABLE, max_simulations=4)
    evaluated = rrplan.evaluate(planner, metapolicies.fixed(), jnp.int32(0), **common)
    np.testing.assert_array_equal(rolled.untimed_return, evaluated.untimed_return)
    np.testing.assert_array_equal(rolled.length, evaluated.length)
    assert int(rolled.simulations.sum()) == 0
