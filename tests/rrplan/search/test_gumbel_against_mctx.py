"""Gumbel search equals mctx's under mctx's own noise, for each lane's own budget."""

import functools

import jax
import jax.numpy as jnp
import mctx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rrplan
from rrplan.search import action_selection, qtransforms
from tests.rrplan import tabular

LANES, ACTIONS, LARGEST = 4, 5, 14
BUDGETS = (1, 6, LARGEST)
CONSIDERED = 4


def with_summary(output):
    return output, output.search_tree.summary()


@functools.partial(jax.jit, static_argnames=("budget",))
def reference(table, discount, states, key, budget):
    output = mctx.gumbel_muzero_policy(
        (table, discount),
        key,
        tabular.make_root(table, states),
        tabular.recurrent_fn,
        budget,
        invalid_actions=table.invalid[states],
        max_num_considered_actions=CONSIDERED,
    )
    return with_summary(output)


@jax.jit
def ours(table, discount, states, noise, budgets):
    output = rrplan.gumbel_muzero_policy(
        (table, discount),
        jax.random.key(0),
        tabular.make_root(table, states),
        tabular.recurrent_fn,
        budgets,
        invalid_actions=table.invalid[states],
        max_simulations=LARGEST,
        max_num_considered_actions=CONSIDERED,
        root_gumbel=noise,
    )
    return with_summary(output)


def draw_problem(seed):
    states = np.random.default_rng(seed).integers(0, tabular.NUM_STATES, LANES)
    return tabular.make_table(seed, ACTIONS), states.astype(np.int32), jax.random.key(seed)


@given(
    seed=st.integers(0, 2**30),
    discount=st.sampled_from([1.0, 0.97, 0.5]),
    order=st.permutations([0, *BUDGETS]),
)
@settings(max_examples=40)
def test_every_lane_searches_as_mctx_does_with_its_budget(seed, discount, order):
    table, states, key = draw_problem(seed)
    discount = np.float32(discount)
    theirs = {budget: reference(table, discount, states, key, budget) for budget in BUDGETS}
    noise = theirs[LARGEST][0].search_tree.extra_data.root_gumbel
    mine, found = jax.device_get(ours(table, discount, states, noise, np.array(order)))
    theirs = jax.device_get(theirs)
    for lane, budget in enumerate(order):
        if budget == 0:
            assert found.visit_counts[lane].sum() == 0
            continue
        output, expected = theirs[budget]
        np.testing.assert_array_equal(found.visit_counts[lane], expected.visit_counts[lane])
        np.testing.assert_allclose(
            found.qvalues[lane], expected.qvalues[lane], rtol=1e-5, atol=1e-6
        )
        assert mine.action[lane] == output.action[lane]
        np.testing.assert_allclose(
            mine.action_weights[lane], output.action_weights[lane], rtol=1e-4, atol=1e-6
        )


def test_the_same_key_draws_the_noise_of_mctx():
    table, states, key = draw_problem(0)
    policy = jax.jit(
        functools.partial(rrplan.gumbel_muzero_policy, max_num_considered_actions=CONSIDERED),
        static_argnums=(3, 4),
    )
    mine = policy((table, 1.0), key, tabular.make_root(table, states), tabular.recurrent_fn, 1)
    noise = reference(table, 1.0, states, key, 1)[0].search_tree.extra_data.root_gumbel
    np.testing.assert_array_equal(mine.search_tree.extra_data.root_gumbel, noise)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_num_considered_actions": 2.5}, "max_num_considered_actions is 2.5: expected 1"),
        ({"max_num_considered_actions": 0}, "max_num_considered_actions is 0: expected 1"),
        ({"root_gumbel": np.zeros((LANES, 1))}, "root_gumbel is float64.*,1]: expected float32"),
    ],
)
def test_what_halving_cannot_begin_with_gets_one_clear_line(options, message):
    table, states, key = draw_problem(0)
    root = tabular.make_root(table, states)
    with pytest.raises(rrplan.InputError, match=message):
        rrplan.gumbel_muzero_policy((table, 1.0), key, root, tabular.recurrent_fn, 1, **options)


def test_without_simulations_actions_are_drawn_from_the_prior():
    table = tabular.make_table(2, ACTIONS)
    states = jnp.zeros(6000, jnp.int32)
    policy = jax.jit(rrplan.gumbel_muzero_policy, static_argnums=(3, 4))
    root = tabular.make_root(table, states)
    output = policy((table, 1.0), jax.random.key(3), root, tabular.recurrent_fn, 0)
    frequency = np.bincount(output.action, minlength=ACTIONS) / len(states)
    np.testing.assert_allclose(frequency, jax.nn.softmax(root.prior_logits[0]), atol=0.03)


def test_halving_by_hand():
    """Eight simulations over four actions: once each, then the better two again and again."""
    table = action_selection.halving_table(4, (8,))[0]
    np.testing.assert_array_equal(table[4], [0, 0, 0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(table[1], np.arange(8))


def shifted_siblings(tree, node_index):
    """A transform of a user's own: any function of one node of an mctx tree."""
    visited = tree.children_visits[node_index] > 0
    return jnp.where(visited, tree.qvalues(node_index), -1.0) + tree.node_values[node_index]


@pytest.mark.parametrize(
    "qtransform",
    [
        shifted_siblings,
        functools.partial(mctx.qtransform_by_min_max, min_value=-2.0, max_value=3.0),
        functools.partial(mctx.qtransform_by_parent_and_siblings, epsilon=0.1),
    ],
    ids=["own", "min-max", "parent-and-siblings"],
)
def test_any_qtransform_works_as_in_mctx(qtransform):
    table, states, _ = draw_problem(8)
    visits = []
    for policy in (rrplan.muzero_policy, mctx.muzero_policy):
        run = functools.partial(policy, qtransform=qtransform, dirichlet_fraction=0.0)
        output = jax.jit(run, static_argnums=(3, 4))(
            (table, 0.9), jax.random.key(0), tabular.make_root(table, states),
            tabular.recurrent_fn, LARGEST, table.invalid[states],
        )  # fmt: skip
        visits.append(output.search_tree.summary().visit_counts)
    np.testing.assert_array_equal(*visits)


def test_fast_transforms_are_taken_for_mctx_s_own_only():
    rows = qtransforms.for_rows(functools.partial(mctx.qtransform_by_parent_and_siblings))
    assert rows.func is qtransforms.by_parent_and_siblings
    assert not isinstance(qtransforms.for_rows(shifted_siblings), functools.partial)
