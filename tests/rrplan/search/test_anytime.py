"""Searches that are interrupted: running a and then b is running a + b."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rrplan
from rrplan import search
from tests.rrplan import tabular

LANES, ACTIONS, MOST = 4, 5, 12
STATES = jnp.array([0, 3, 7, 11])


@functools.partial(jax.jit, static_argnames="most")
def begin(table, most=MOST):
    return search.init(
        tabular.make_root(table, STATES),
        max_simulations=most,
        invalid_actions=table.invalid[STATES],
    )


@jax.jit
def run(table, state, budgets, key):
    return search.step(state, (table, jnp.float32(0.97)), key, noisy, budgets)


def noisy(params, key, action, embedding):
    """The table, with noise in its rewards, so that keys count."""
    output, embedding = tabular.recurrent_fn(params, key, action, embedding)
    noise = jnp.where(embedding[1], 0.0, jax.random.normal(key, action.shape))
    return output.replace(reward=output.reward + noise), embedding


def assert_equal_roots(one, other):
    jax.tree.map(np.testing.assert_array_equal, search.roots(one), search.roots(other))


@given(seed=st.integers(0, 2**30), parts=st.lists(st.integers(0, 5), min_size=1, max_size=4))
@settings(max_examples=25)
def test_running_in_parts_is_running_the_whole(seed, parts):
    table, key = tabular.make_table(seed, ACTIONS), jax.random.key(seed)
    parts = [part for i, part in enumerate(parts) if sum(parts[: i + 1]) <= MOST]
    state = begin(table)
    for part in parts:
        state = run(table, state, np.full(LANES, part), key)
    whole = run(table, begin(table), np.full(LANES, sum(parts)), key)
    jax.tree.map(np.testing.assert_array_equal, state, whole)


@jax.jit
def run_quietly(table, state, budgets):
    return search.step(
        state, (table, jnp.float32(0.97)), jax.random.key(0), tabular.recurrent_fn, budgets
    )


@given(first=st.lists(st.integers(0, 6), min_size=LANES, max_size=LANES))
@settings(max_examples=25)
def test_lanes_go_on_by_different_amounts(first):
    """With a deterministic model, also in slots that the others have left behind."""
    table, first = tabular.make_table(3, ACTIONS), np.array(first)
    state = run_quietly(table, run_quietly(table, begin(table), first), 6 - first)
    assert_equal_roots(state, run_quietly(table, begin(table), np.full(LANES, 6)))


def test_a_summary_is_that_of_the_policy_s_tree():
    table = tabular.make_table(1, ACTIONS)
    params, key = (table, jnp.float32(1.0)), jax.random.key(0)
    output = rrplan.muzero_policy(
        params, key, tabular.make_root(table, STATES), tabular.recurrent_fn, 9,
        invalid_actions=table.invalid[STATES], dirichlet_fraction=0.0,
    )  # fmt: skip
    state = search.step(begin(table), params, key, tabular.recurrent_fn, 9)
    found, expected = search.summary(state), output.search_tree.summary()
    np.testing.assert_array_equal(found.visit_counts, expected.visit_counts)
    for name in ("visit_probs", "value", "qvalues"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=1e-5, atol=1e-6, err_msg=name
        )


def test_traced_budgets_stop_where_there_is_no_room_and_others_are_refused():
    table, key = tabular.make_table(1, ACTIONS), jax.random.key(0)
    state = run(table, begin(table, most=5), np.full(LANES, 9), key)
    assert state.used == 5
    assert (search.summary(state).visit_counts.sum(-1) == 5).all()
    again = run_quietly(table, begin(table), np.array([-3, 2, -1, 0]))
    assert again.used == 2
    np.testing.assert_array_equal(search.summary(again).visit_counts.sum(-1), [0, 2, 0, 0])
    params = (table, jnp.float32(1.0))
    with pytest.raises(rrplan.InputError, match="is 1: expected at most 0, what is left of max_si"):
        search.step(state, params, key, tabular.recurrent_fn, 1)


def test_a_root_is_checked():
    table = tabular.make_table(0, ACTIONS)
    root = tabular.make_root(table, STATES)
    with pytest.raises(rrplan.InputError, match=r"root.value has shape \(2,\): expected \(4,\)"):
        search.init(root.replace(value=root.value[:2]), max_simulations=3)
    with pytest.raises(rrplan.InputError, match=r"root.value is int32\[4\]: expected floating"):
        search.init(root.replace(value=root.value.astype(int)), max_simulations=3)
    with pytest.raises(
        rrplan.InputError, match=r"root.prior_logits has shape \(5,\): expected \[B"
    ):
        search.init(root.replace(prior_logits=root.prior_logits[0]), max_simulations=3)
    with pytest.raises(
        rrplan.InputError, match=r"root.embedding has a leaf float32\[3\]: expected"
    ):
        search.init(root.replace(embedding=jnp.zeros(3)), max_simulations=3)
    for policy in (rrplan.muzero_policy, rrplan.gumbel_muzero_policy):
        with pytest.raises(
            rrplan.InputError, match=r"^root is a dict: expected mctx\.RootFnOutput"
        ):
            policy(None, jax.random.key(0), dict(vars(root)), tabular.recurrent_fn, 4)
    with pytest.raises(rrplan.InputError, match=r"invalid_actions has shape .*: expected \(4, 5\)"):
        search.init(root, max_simulations=3, invalid_actions=jnp.zeros(5))
    with pytest.raises(rrplan.InputError, match="max_simulations is -1: expected 0 or more"):
        search.init(root, max_simulations=-1)
