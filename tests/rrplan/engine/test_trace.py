"""The trace of decisions agrees with the episodes' sums and with the problem's tables."""

import hypothesis
import hypothesis.extra.numpy as hnp
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents import metapolicies
from rrplan import keys
from rrplan.engine.trace import blank, checksum, finish
from tests.rrplan import tabular

ENVIRONMENT = tabular.TabularEnvironment()
TABLE = tabular.make_table(4, ENVIRONMENT.num_actions)  # one of its states has one legal action
KEY = jax.random.key(11)
EPISODES = 30
PLANNER = rrplan.Planner(ENVIRONMENT, TABLE, tabular.table_network, TABLE, max_simulations=7)


def evaluate(**kwargs):
    return rrplan.evaluate(
        PLANNER, metapolicies.random_k(), jnp.array([0, 2, 7]),
        key=KEY, episodes=EPISODES, num_lanes=8, **kwargs,
    )  # fmt: skip


@pytest.fixture(scope="module")
def traced():
    return evaluate(trace=ENVIRONMENT.max_length + 2)


def test_a_trace_adds_up_to_the_episodes(traced):
    trace = traced.trace
    np.testing.assert_array_equal(trace.valid.sum(1), traced.length)
    np.testing.assert_array_equal(trace.simulations.sum(1), traced.simulations)
    np.testing.assert_array_equal(trace.looks.sum(1), traced.looks)
    np.testing.assert_allclose(trace.reward.sum(1), traced.untimed_return, rtol=1e-6, atol=1e-6)
    for column in trace:
        assert not np.asarray(column)[~np.asarray(trace.valid)].any()


def test_a_trace_tells_the_states_that_the_table_says_it_went_through(traced):
    trace = jax.tree.map(np.asarray, traced.trace)
    reset_keys = keys.draw(KEY, jnp.arange(EPISODES), keys.Domain.RESET)
    state = np.asarray(jax.vmap(ENVIRONMENT.reset, (0, None))(reset_keys, TABLE)[0].index)
    table = jax.tree.map(np.asarray, TABLE)
    met = [set() for _ in state]
    for decision in range(ENVIRONMENT.max_length):
        here, now = trace.valid[:, decision], state
        action = trace.action[:, decision]
        logits = np.where(table.invalid[now], -np.inf, table.logits[now])
        probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        entropy = -(probs * np.log(np.where(probs > 0, probs, 1))).sum(1)
        expected = {
            "raw_value": table.value[now],
            "reward": table.reward[now, action],
            "legal_actions": (~table.invalid[now]).sum(1),
            "prior_entropy": entropy,
        }
        for name, values in expected.items():
            told = getattr(trace, name)[:, decision]
            np.testing.assert_allclose(told[here], values[here], rtol=2e-5, atol=1e-6)
        # Without simulations there is nothing but the network's value and prior to go by.
        unsearched = here & (trace.simulations[:, decision] == 0)
        assert unsearched.any()
        np.testing.assert_array_equal(action[unsearched], logits.argmax(1)[unsearched])
        values = trace.search_value[:, decision]
        np.testing.assert_array_equal(values[unsearched], table.value[now][unsearched])
        for episode in np.flatnonzero(here):
            repeated = now[episode] in met[episode]
            assert trace.repeated[episode, decision] == repeated
            met[episode].add(now[episode])
        state = table.next_state[now, action]
    assert trace.repeated.any()
    assert not trace.repeated[:, 0].any()


@hypothesis.given(
    hnp.arrays(np.float32, (6, 2, 3), elements=hypothesis.strategies.sampled_from([0, -1, 0.5, 1]))
)
def test_checksums_are_equal_where_observations_are(observations):
    split = {"a": observations[:, :1], "b": observations[:, 1] > 0, "c": observations[:, 1]}
    sums = np.asarray(checksum(split))
    equal = (observations[:, None] == observations[None]).all(axis=(2, 3))
    np.testing.assert_array_equal(sums[:, None] == sums[None], equal)
    negative = np.where(split["c"] == 0, -0.0, split["c"])
    np.testing.assert_array_equal(checksum({**split, "c": negative}), sums)
    one = jax.tree.map(lambda leaf: leaf[2:3], split)
    assert checksum(one)[0] == sums[2]


def test_what_comes_again_is_noted_within_its_episode_alone():
    valid = jnp.array([[True, True, True, False], [True] * 4])
    seen = jnp.array([[7, 5, 7, 7], [5, 0, 0, 0]], jnp.uint32)
    trace = finish(blank(2, 4)._replace(valid=valid, repeated=seen))
    expected = [[False, False, True, False], [False, False, True, True]]
    np.testing.assert_array_equal(trace.repeated, expected)


def test_nobody_looks_or_searches_where_one_action_is_legal(traced):
    trace = jax.tree.map(np.asarray, traced.trace)
    forced = trace.valid & (trace.legal_actions == 1)
    assert forced.any()
    assert not trace.simulations[forced].any()
    np.testing.assert_array_equal(trace.looks, trace.valid & ~forced)  # once a decision, else
    fixed = rrplan.evaluate(
        PLANNER, metapolicies.fixed(), jnp.int32(2), key=KEY, episodes=EPISODES, num_lanes=8,
        trace=ENVIRONMENT.max_length + 2,
    )  # fmt: skip
    found = jax.tree.map(np.asarray, fixed.trace)
    np.testing.assert_array_equal(found.simulations, 2 * (found.valid & (found.legal_actions > 1)))


def test_a_short_trace_holds_the_first_decisions_and_changes_nothing(traced):
    short = evaluate(trace=2)
    first = jax.tree.map(lambda column: column[:, :2], traced.trace)
    jax.tree.map(np.testing.assert_array_equal, short, traced._replace(trace=first))


def test_without_a_trace_nothing_is_recorded(traced):
    untraced = evaluate()
    assert untraced.trace is None
    jax.tree.map(np.testing.assert_array_equal, untraced, traced._replace(trace=None))


def test_a_negative_trace_is_refused():
    with pytest.raises(
        rrplan.InputError, match=r"^trace is -1: expected a whole number, 0 or more"
    ):
        evaluate(trace=-1)
