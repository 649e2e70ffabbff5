"""Mouselab: trees, sums of paths, hand cases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import envs
from envs import Mouselab
from envs.metareasoning import exact
from tests.envs.metareasoning import made_up


def seen(env, shown):
    shown = np.array(shown, np.int32)
    return env.first_belief().replace(time=np.int32((shown >= 0).sum()), shown=shown)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"branching": [3, 1, 2]},
        {"parents": [-1, 0, -1], "values": [[-1, 2], [0.1], [3, -4.5, 0]], "cost": 0},
    ],
    ids=["regular", "uneven"],
)
def test_the_contract_is_kept(kwargs):
    report = envs.check(*envs.make("mouselab", **kwargs), steps=64)
    assert report.ok, str(report)
    assert not any("what the observation hides" in note for note in report.notes)


@pytest.mark.parametrize(
    ("branching", "parents"),
    [
        ((2, 2), (-1, -1, 0, 0, 1, 1)),
        ((1, 1, 1), (-1, 0, 1)),
        ([3], (-1, -1, -1)),
        ((3, 1, 2), (-1, -1, -1, 0, 1, 2, 3, 3, 4, 4, 5, 5)),
    ],
)
def test_a_regular_tree_is_the_tree_of_its_parents(branching, parents):
    env = Mouselab(branching=branching)
    assert env.parents == parents
    # It is one object however the tree was written down.
    assert env == Mouselab(parents=list(parents))
    assert hash(env) == hash(Mouselab(branching=(5,), parents=parents))


def test_paths_lead_from_the_root_to_every_leaf():
    env = Mouselab(parents=(-1, 0, -1, 0, 1))
    np.testing.assert_array_equal(env.paths, [[0, 0, 1, 0, 0], [1, 0, 0, 1, 0], [1, 1, 0, 0, 1]])
    expected = [
        [1, 1, 0, 1, 1],
        [1, 1, 0, 0, 1],
        [0, 0, 1, 0, 0],
        [1, 0, 0, 1, 0],
        [1, 1, 0, 0, 1],
    ]
    np.testing.assert_array_equal(env.related, expected)


def test_observation_of_a_hand_case():
    # Beside a leaf of mean 1, a node of value 5 with children of means 0.5 and -0.6.
    env = Mouselab(
        parents=(-1, 0, -1, 0),
        values=((-1, 5), (0, 2), (0, 2), (-2, 0)),
        probabilities=((0.5, 0.5), (0.75, 0.25), (0.5, 0.5), (0.3, 0.7)),
    )
    state = seen(env, [1, -1, -1, 0])
    look = jax.jit(lambda state: env.observe(jax.random.key(0), state, None, env.default_params))
    observation = look(state)
    expected = [[1, 5, 5.5, 0], [0, 0.5, 5.5, 0], [0, 1, 1, 4.5], [1, -2, 3, 2.5]]
    np.testing.assert_allclose(observation, expected, rtol=1e-6)
    assert env.payoff(state, np) == 5.5
    np.testing.assert_allclose(env.payoff(env.first_belief(), np), 2.5)
    assert env.possible(state, np).tolist() == [False, True, True, False]


@settings(max_examples=60)
@given(st.data())
def test_the_payoff_is_the_best_sum_of_means_down_the_tree(data):
    number = data.draw(st.integers(1, 5))
    values, probabilities = data.draw(made_up.rows(number))
    parents = tuple(data.draw(st.integers(-1, node - 1)) for node in range(number))
    env = Mouselab(parents=parents, values=values, probabilities=probabilities)
    shown = [data.draw(st.integers(-1, len(row) - 1)) for row in values]
    worth = [
        np.dot(row, chances) if place < 0 else row[place]
        for row, chances, place in zip(values, probabilities, shown, strict=True)
    ]

    def best_below(node):
        below = [worth[c] + best_below(c) for c in range(number) if parents[c] == node]
        return max(below, default=0.0)

    assert abs(env.payoff(seen(env, shown), np) - best_below(-1)) < 1e-12


def test_values_that_do_not_matter_are_not_paid_for():
    # One path only: whatever its nodes are worth, it will be taken.
    table = exact.tabulate(Mouselab(parents=(-1, 0, 1), values=(-10, 3, 10)))
    assert (exact.solve(table, 0.0).policy == 3).all()


def test_an_outcome_without_a_chance_never_comes():
    env = Mouselab(parents=(-1, -1), values=((1, 2, 3), (7,)), probabilities=((0.5, 0, 0.5), (1,)))
    params = env.default_params

    def click(key, node):
        _, state = env.reset_env(key, params)
        return env.step_env(key, state, node, params)[1].shown[node]

    keys = jax.random.split(jax.random.key(0), 2000)
    shown = jax.jit(jax.vmap(jax.vmap(click, (None, 0)), (0, None)))(keys, jnp.arange(2))
    counts = np.bincount(np.asarray(shown)[:, 0], minlength=3)
    assert counts[1] == 0
    assert abs(counts[0] - 1000) < 4 * np.sqrt(500)
    assert (shown[:, 1] == 0).all()
