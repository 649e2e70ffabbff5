"""Rules of acting: completed Q equals mctx's, ties go to the prior."""

import functools

import jax
import jax.numpy as jnp
import mctx
import numpy as np

import rrplan
from rrplan.search import final_action, qtransforms, trees
from tests.rrplan import tabular

ACTIONS, LANES = 5, 6


def make_rows(**fields) -> trees.Rows:
    shape = (1, 3)
    blank = {
        "raw_value": jnp.zeros(1),
        "node_value": jnp.zeros(1),
        "node_visits": jnp.ones(1, jnp.int32),
        "prior_logits": jnp.log(jnp.array([[0.2, 0.5, 0.3]])),
        "prior_probs": jnp.array([[0.2, 0.5, 0.3]]),
        "visit_counts": jnp.zeros(shape, jnp.int32),
        "qvalues": jnp.zeros(shape),
    }
    return trees.Rows(**{**blank, **fields})


def choose(rule: str, rows: trees.Rows, invalid=(False, False, False), floor=0.0) -> int:
    acting = final_action.Acting.by(rule, floor)
    return int(final_action.choose_action(acting, rows, jnp.array([invalid]))[0])


def test_without_search_both_rules_act_on_the_prior():
    for rule in final_action.RULES:
        assert choose(rule, make_rows()) == 1
        assert choose(rule, make_rows(), invalid=(False, True, False)) == 2


def test_visits_ties_go_to_the_prior():
    assert choose("visits", make_rows(visit_counts=jnp.array([[2, 0, 2]]))) == 2


def test_an_illegal_action_is_never_chosen_however_often_visited():
    rows = make_rows(visit_counts=jnp.array([[9, 1, 0]]))
    assert choose("visits", rows, invalid=(True, False, False)) == 1


def test_one_simulation_can_overturn_the_prior_by_value_only():
    """By hand: action 1 was tried and is worth -1, below the raw value 0 of the others."""
    rows = make_rows(
        visit_counts=jnp.array([[0, 1, 0]]),
        qvalues=jnp.array([[0.0, -1.0, 0.0]]),
        node_visits=jnp.array([2]),
    )
    # Mixed value (0 + 1 x -1) / 2 = -0.5; scaled: 0 for action 1, 1 x 0.1 x 51 for the rest.
    np.testing.assert_allclose(
        qtransforms.completed_by_mix_value(rows), [[5.1, 0.0, 5.1]], rtol=1e-6
    )
    assert choose("visits", rows) == 1
    assert choose("completed_q", rows) == 2


def test_differences_below_the_floor_are_not_stretched():
    """By hand: as above, but action 1 is worth 0.02 less than what was thought."""
    rows = make_rows(
        visit_counts=jnp.array([[0, 1, 0]]),
        qvalues=jnp.array([[0.0, -0.02, 0.0]]),
        node_visits=jnp.array([2]),
    )
    # Mixed value -0.01. Stretched, the rest is 5.1 ahead; divided by 0.5, it is 0.02 x 5.1 ahead,
    # less than the prior's log(0.5 / 0.3) = 0.51.
    assert choose("completed_q", rows) == 2
    assert choose("completed_q", rows, floor=0.5) == 1
    np.testing.assert_allclose(
        qtransforms.completed_by_mix_value(rows, epsilon=0.5), [[0.102, 0.0, 0.102]], rtol=1e-5
    )


def test_completed_qvalues_equal_those_of_mctx():
    table = tabular.make_table(5, ACTIONS)
    states = jnp.arange(LANES)
    policy = functools.partial(rrplan.muzero_policy, max_simulations=12, dirichlet_fraction=0.0)
    budgets = jnp.array([0, 1, 2, 5, 9, 12])
    tree = jax.jit(policy, static_argnums=3)(
        (table, 1.0), jax.random.key(0), tabular.make_root(table, states), tabular.recurrent_fn,
        budgets, table.invalid[states],
    ).search_tree  # fmt: skip
    root = jnp.zeros(LANES, jnp.int32)
    expected = jax.vmap(mctx.qtransform_completed_by_mix_value)(tree, root)
    rows = trees.Rows(
        raw_value=tree.raw_values[:, 0],
        node_value=tree.node_values[:, 0],
        node_visits=tree.node_visits[:, 0],
        prior_logits=tree.children_prior_logits[:, 0],
        prior_probs=jax.nn.softmax(tree.children_prior_logits[:, 0]),
        visit_counts=tree.children_visits[:, 0],
        qvalues=tree.qvalues(root),
    )
    np.testing.assert_allclose(
        qtransforms.completed_by_mix_value(rows), expected, rtol=1e-5, atol=1e-5
    )
