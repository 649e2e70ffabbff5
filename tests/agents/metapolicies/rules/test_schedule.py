"""The schedule: what its table says, and that a table of one k is that fixed k."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents import metapolicies
from agents.metapolicies.rules.schedule import schedule
from rrplan import InputError
from tests.rrplan import tabular

ENVIRONMENT = tabular.TabularEnvironment()
TABLE = tabular.make_table(3, ENVIRONMENT.num_actions)


def test_a_cell_is_found_by_decision_and_legal_actions():
    table = jnp.arange(8).reshape(2, 4)
    legal = np.array([[1, 0, 0], [1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 1]], bool)
    seen = SimpleNamespace(
        decision=jnp.array([0, 0, 1, 9, 1]),  # later ones use the last row
        invalid_actions=jnp.asarray(~legal),
        simulations=jnp.array([0, 0, 0, 0, 5]),
    )
    control = schedule().apply(table, None, (), seen)
    assert control.extra_simulations.tolist() == [1, 3, 6, 6, 1]


def test_a_table_of_another_width_gets_one_line():
    planner = rrplan.Planner(ENVIRONMENT, TABLE, tabular.table_network, TABLE, max_simulations=4)
    table = jnp.zeros((2, ENVIRONMENT.num_actions), jnp.int32)
    with pytest.raises(InputError, match=r"table is int32\[2,3\]: expected int32\[N,4\]"):
        rrplan.evaluate(planner, schedule(), table, key=jax.random.key(4), episodes=1)


def test_a_table_of_one_k_is_that_fixed_k_and_looks_at_nothing():
    planner = rrplan.Planner(ENVIRONMENT, TABLE, tabular.table_network, TABLE, max_simulations=4)
    common = {"key": jax.random.key(4), "episodes": 20, "costs": rrplan.Costs(0.01)}
    table = jnp.full((2, ENVIRONMENT.num_actions + 1), 3)
    scheduled = rrplan.evaluate(planner, schedule(), table, **common)
    fixed = rrplan.evaluate(planner, metapolicies.fixed(), jnp.int32(3), **common)
    for field in ("untimed_return", "timed_return", "simulations", "length", "levels"):
        np.testing.assert_array_equal(getattr(scheduled, field), getattr(fixed, field))
    assert not scheduled.looks.any()
