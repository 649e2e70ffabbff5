"""PUCT search equals mctx's, visit by visit, for each lane's own budget."""

import functools

import jax
import jax.numpy as jnp
import mctx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rrplan
from tests.rrplan import tabular

LANES, ACTIONS, LARGEST = 4, 5, 14
BUDGETS = (1, 5, LARGEST)


@functools.partial(jax.jit, static_argnames=("budget",))
def reference(table, discount, states, max_depth, budget):
    output = mctx.muzero_policy(
        (table, discount),
        jax.random.key(0),
        tabular.make_root(table, states),
        tabular.recurrent_fn,
        budget,
        invalid_actions=table.invalid[states],
        max_depth=max_depth[0],
        dirichlet_fraction=0.0,
    )
    return output.search_tree.summary(), output.search_tree


@jax.jit
def ours(table, discount, states, max_depth, budgets):
    output = rrplan.muzero_policy(
        (table, discount),
        jax.random.key(0),
        tabular.make_root(table, states),
        tabular.recurrent_fn,
        budgets,
        invalid_actions=table.invalid[states],
        max_depth=max_depth,
        max_simulations=LARGEST,
        dirichlet_fraction=0.0,
    )
    return output.search_tree.summary(), output.search_tree


problems = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**30),
        "discount": st.sampled_from([1.0, 0.97, 0.5]),
        "reward_scale": st.sampled_from([0.0, 1.0, -3.0]),
        "max_depth": st.sampled_from([1, 2, 3, 100]),
    }
)


def draw_problem(problem):
    table = tabular.make_table(problem["seed"], ACTIONS, problem["reward_scale"])
    states = np.random.default_rng(problem["seed"]).integers(0, tabular.NUM_STATES, LANES)
    depth = np.full(LANES, problem["max_depth"], np.int32)
    return table, np.float32(problem["discount"]), states.astype(np.int32), depth


@given(problem=problems, budget=st.sampled_from(BUDGETS))
@settings(max_examples=60)
def test_equal_budgets_give_the_visits_and_values_of_mctx(problem, budget):
    arguments = draw_problem(problem)
    theirs, _ = reference(*arguments, budget)
    mine, tree = ours(*arguments, np.full(LANES, budget))
    np.testing.assert_array_equal(mine.visit_counts, theirs.visit_counts)
    np.testing.assert_allclose(mine.qvalues, theirs.qvalues, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mine.value, theirs.value, rtol=1e-5, atol=1e-6)
    # Slots that are left over hang nowhere, and nothing hangs from them.
    assert (tree.parents[:, 0] == mctx.Tree.NO_PARENT).all()
    assert (tree.children_index[:, budget + 1 :] == mctx.Tree.UNVISITED).all()


@given(problem=problems, order=st.permutations([0, *BUDGETS]))
@settings(max_examples=30)
def test_every_lane_searches_its_own_budget(problem, order):
    arguments = draw_problem(problem)
    mine, _ = ours(*arguments, np.array(order))
    for lane, budget in enumerate(order):
        if budget == 0:
            assert mine.visit_counts[lane].sum() == 0
            continue
        theirs, _ = reference(*arguments, budget)
        np.testing.assert_array_equal(mine.visit_counts[lane], theirs.visit_counts[lane])


@pytest.mark.parametrize("seed", range(3))
def test_where_nothing_ends_the_whole_tree_equals_mctx(seed):
    table, discount, states, unlimited = draw_problem(
        {"seed": seed, "discount": 0.97, "reward_scale": 1.0, "max_depth": 100}
    )
    table = table._replace(terminal=jnp.zeros_like(table.terminal))
    _, theirs = reference(table, discount, states, unlimited, LARGEST)
    _, mine = ours(table, discount, states, unlimited, np.full(LANES, LARGEST))
    for name in (
        "node_visits", "raw_values", "node_values", "parents", "action_from_parent",
        "children_index", "children_visits", "children_rewards", "children_discounts",
        "children_values", "children_prior_logits",
    ):  # fmt: skip
        np.testing.assert_allclose(
            getattr(mine, name), getattr(theirs, name), rtol=1e-5, atol=1e-6, err_msg=name
        )
    jax.tree.map(np.testing.assert_array_equal, mine.embeddings, theirs.embeddings)


@pytest.mark.parametrize("ends", [False, True])
def test_where_players_move_in_turns_the_search_equals_mctx(ends):
    """What one of two players gains the other loses: the discount is -1."""
    for seed in range(8):
        table, discount, states, unlimited = draw_problem(
            {"seed": seed, "discount": -1.0, "reward_scale": 1.0, "max_depth": 100}
        )
        if not ends:
            table = table._replace(terminal=jnp.zeros_like(table.terminal))
        theirs, their_tree = reference(table, discount, states, unlimited, LARGEST)
        mine, my_tree = ours(table, discount, states, unlimited, np.full(LANES, LARGEST))
        np.testing.assert_array_equal(mine.visit_counts, theirs.visit_counts)
        np.testing.assert_allclose(mine.qvalues, theirs.qvalues, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(mine.value, theirs.value, rtol=1e-5, atol=1e-6)
        if not ends:
            for name in ("children_index", "children_visits", "children_values", "node_values"):
                np.testing.assert_allclose(
                    getattr(my_tree, name), getattr(their_tree, name), rtol=1e-5, atol=1e-6
                )
        # The sign matters: with a discount of 1 other lines of play are searched.
        alike, _ = ours(table, -discount, states, unlimited, np.full(LANES, LARGEST))
        assert (np.asarray(alike.visit_counts) != theirs.visit_counts).any()


def test_nothing_is_searched_beyond_an_end():
    table, discount, states, unlimited = draw_problem(
        {"seed": 1, "discount": 1.0, "reward_scale": 1.0, "max_depth": 100}
    )
    table = table._replace(terminal=jnp.ones_like(table.terminal))
    _, tree = ours(table, discount, states, unlimited, np.full(LANES, LARGEST))
    assert (tree.children_index[:, 1:] == mctx.Tree.UNVISITED).all()
    assert (tree.children_visits[:, 0].sum(-1) == LARGEST).all()


def test_a_depth_limit_for_every_lane():
    table, discount, states, _ = draw_problem(
        {"seed": 7, "discount": 1.0, "reward_scale": 1.0, "max_depth": 1}
    )
    limits = np.array([1, 2, 3, 100])
    mine, _ = ours(table, discount, states, limits, np.full(LANES, LARGEST))
    for lane, limit in enumerate(limits):
        theirs, _ = reference(table, discount, states, np.full(LANES, limit), LARGEST)
        np.testing.assert_array_equal(mine.visit_counts[lane], theirs.visit_counts[lane])


def test_a_lane_without_simulations_draws_from_its_prior():
    table = tabular.make_table(0, ACTIONS)
    states = jnp.repeat(jnp.arange(2), 4000)
    output = rrplan.muzero_policy(
        (table, 1.0),
        jax.random.key(1),
        tabular.make_root(table, states),
        tabular.recurrent_fn,
        0,
        invalid_actions=table.invalid[states],
        dirichlet_fraction=0.0,
    )
    prior = jax.nn.softmax(tabular.masked_logits(table, jnp.arange(2)))
    for state in range(2):
        drawn = output.action[states == state]
        frequency = np.bincount(drawn, minlength=ACTIONS) / len(drawn)
        np.testing.assert_allclose(frequency, prior[state], atol=0.03)


@pytest.mark.parametrize(
    ("budget", "bound", "message"),
    [
        (-1, None, "num_simulations is -1: expected 0 or more"),
        (9, 8, "num_simulations is 9: expected at most max_simulations = 8"),
        (np.array([1, 2, 3]), 8, r"num_simulations is int.*\[3\]: expected an int or int32\[2\]"),
        (np.array([1.0, 2.0]), 8, r"num_simulations is float.*: expected an int or int32\[2\]"),
        (float("nan"), None, r"num_simulations is float.*: expected an int or int32\[2\]"),
        (None, None, "num_simulations is None: expected an int or"),
        ("4", None, "num_simulations is a str: expected an int or"),
        (np.zeros(0, int), 8, r"num_simulations is int64\[0\]: expected an int or"),
        (4, "8", "max_simulations is 8: expected 0 or more"),
    ],
)
def test_bad_budgets_get_one_clear_line(budget, bound, message):
    table = tabular.make_table(0, ACTIONS)
    root = tabular.make_root(table, jnp.arange(2))
    with pytest.raises(rrplan.InputError, match=message) as caught:
        rrplan.muzero_policy(
            (table, 1.0), jax.random.key(0), root, tabular.recurrent_fn, budget,
            max_simulations=bound,
        )  # fmt: skip
    assert "\n" not in str(caught.value)
