"""The knapsack: exact cases, brute force, statistics of the instances."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import Knapsack, KnapsackState, optimal_value
from rrplan.errors import InputError

MANY = 2000


def brute_force(weights, values, capacity):
    subsets = itertools.product((0, 1), repeat=len(weights))
    return max(np.dot(s, values) for s in subsets if np.dot(s, weights) <= capacity)


def instance(weights, values, capacity, packed=()):
    packed = np.isin(np.arange(len(weights)), packed)
    weights, values = jnp.array(weights, jnp.int32), jnp.array(values, jnp.int32)
    return KnapsackState(
        time=jnp.int32(packed.sum()),
        weights=weights,
        values=values,
        packed=jnp.array(packed),
        remaining=jnp.int32(capacity - np.dot(packed, weights)),
        capacity=jnp.int32(capacity),
        optimum=optimal_value(weights, values, capacity),
    )


def play_greedily(env, params, key):
    """Return ``(untimed return, terminated, steps)`` of the greedy rule."""

    def step(carry, _):
        state, total = carry
        action = env.greedy_action(state, params)
        _, state, reward, terminated, _ = env.step_env(key, state, action, params)
        return (state, total + reward), terminated

    _, state = env.reset_env(key, params)
    (state, total), terminated = jax.lax.scan(step, (state, 0.0), None, env.num_items)
    return total, terminated[-1], state.time


@pytest.fixture(scope="module")
def instances():
    env = Knapsack()
    keys = jax.random.split(jax.random.key(0), MANY)
    reset = jax.jit(jax.vmap(env.reset_env, in_axes=(0, None)))
    return jax.device_get(reset(keys, env.default_params))


@settings(max_examples=50)
@given(
    items=st.lists(st.tuples(st.integers(1, 12), st.integers(0, 20)), min_size=5, max_size=5),
    capacity=st.integers(0, 40),
)
def test_optimum_equals_brute_force(items, capacity):
    weights, values = np.array(items).T
    assert optimal_value(weights, values, capacity, max_capacity=60) == brute_force(
        weights, values, capacity
    )


def test_optimum_of_a_hand_case_where_greedy_is_not_optimal():
    # Greedy packs the item of density 2 and nothing else fits; the other two are worth more.
    weights, values = [6, 5, 5], [12, 9, 9]
    assert optimal_value(weights, values, 10) == 18
    env = Knapsack(num_items=3)
    assert env.greedy_action(instance(weights, values, 10), env.default_params) == 0


def test_drawn_instances_have_the_optimum_of_brute_force():
    env = Knapsack(num_items=6, law="uncorrelated")
    keys = jax.random.split(jax.random.key(1), 20)
    reset = jax.jit(jax.vmap(env.reset_env, in_axes=(0, None)))
    for fraction in (0.3, 1.0):
        params = env.default_params.replace(capacity_fraction=fraction)
        _, states = jax.device_get(reset(keys, params))
        for weights, values, capacity, optimum in zip(
            states.weights, states.values, states.capacity, states.optimum, strict=True
        ):
            assert optimum == brute_force(weights, values, capacity)


def test_observation_of_a_hand_case():
    env = Knapsack(num_items=2)
    state = instance([3, 5], [2, 6], 6, packed=[0])
    expected = [[3 / 6, 2 / 4, 1, 0, 3 / 6], [5 / 6, 6 / 4, 0, 0, 3 / 6]]
    observation = env.observe(jax.random.key(0), state, None, env.default_params)
    np.testing.assert_allclose(observation, expected, rtol=1e-6)
    assert observation.dtype == jnp.float32


def test_step_pays_the_share_of_the_optimum_and_ends_when_nothing_fits():
    env = Knapsack(num_items=3)
    params, key = env.default_params, jax.random.key(0)
    state = instance([6, 5, 5], [12, 9, 9], 10)
    _, state, reward, terminated, _ = env.step_env(key, state, jnp.int32(1), params)
    assert (float(reward), bool(terminated), int(state.remaining)) == (0.5, False, 5)
    np.testing.assert_array_equal(env.invalid_actions(state, params), [True, True, False])
    _, state, reward, terminated, _ = env.step_env(key, state, jnp.int32(2), params)
    assert (float(reward), bool(terminated), int(state.time)) == (0.5, True, 2)
    assert not env.is_truncated(state, params)


@pytest.mark.parametrize("action", [0, 2], ids=["packed already", "too heavy"])
def test_an_illegal_step_changes_nothing_and_pays_nothing(action):
    env = Knapsack(num_items=3)
    state = instance([4, 3, 9], [5, 5, 5], 10, packed=[0])
    assert env.invalid_actions(state, env.default_params)[action]
    _, after, reward, terminated, _ = env.step_env(
        jax.random.key(0), state, jnp.int32(action), env.default_params
    )
    jax.tree.map(np.testing.assert_array_equal, after, state)
    assert reward == 0
    assert not terminated


def test_greedy_breaks_ties_by_index_and_skips_what_does_not_fit():
    env = Knapsack(num_items=4)
    state = instance([9, 2, 4, 5], [90, 4, 8, 6], 8)
    assert env.greedy_action(state, env.default_params) == 1


def test_weights_are_drawn_without_replacement_from_one_to_fifty(instances):
    _, state = instances
    ordered = np.sort(state.weights, axis=1)
    assert (np.diff(ordered, axis=1) > 0).all()
    assert (ordered.min(), ordered.max()) == (1, 50)
    # Each of the fifty weights is in an instance with probability 1/5; seven standard errors.
    shares = np.bincount(state.weights.ravel(), minlength=51)[1:] / MANY
    np.testing.assert_allclose(shares, 0.2, atol=7 * np.sqrt(0.2 * 0.8 / MANY))


def test_weights_are_the_first_numbers_of_a_random_permutation():
    draw = jax.jit(jax.vmap(lambda key: Knapsack().reset(key)[1].weights))
    permute = jax.jit(jax.vmap(lambda key: jax.random.permutation(jax.random.split(key)[0], 50)))
    keys = jax.random.split(jax.random.key(0), 500)
    np.testing.assert_array_equal(draw(keys), permute(keys)[:, :10] + 1)


def test_values_and_capacity_follow_the_default_law(instances):
    _, state = instances
    np.testing.assert_array_equal(state.values, state.weights + 12)
    np.testing.assert_array_equal(state.capacity, state.weights.sum(axis=1) // 2)
    np.testing.assert_array_equal(state.remaining, state.capacity)


def test_observations_lie_in_their_space(instances):
    env = Knapsack()
    observation, _ = instances
    space = env.observation_space(env.default_params)
    assert observation.shape == (MANY, *space.shape)
    assert ((observation >= space.low) & (observation <= space.high)).all()
    assert np.isfinite(space.high).all()


@pytest.mark.parametrize(
    ("law", "low", "high"),
    [("strongly", 0.915, 0.935), ("weakly", 0.96, 0.98), ("uncorrelated", 0.98, 0.993)],
)
def test_share_of_the_optimum_that_greedy_reaches(law, low, high):
    env = Knapsack(law=law)
    keys = jax.random.split(jax.random.key(2), MANY)
    play = jax.jit(jax.vmap(lambda key: play_greedily(env, env.default_params, key)))
    returns, terminated, steps = jax.device_get(play(keys))
    assert low < returns.mean() < high
    assert ((returns > 0) & (returns <= 1 + 1e-6)).all()
    assert terminated.all()
    assert steps.max() < env.default_params.max_steps_in_episode


def test_weakly_correlated_values_spread_evenly_around_the_weights():
    env = Knapsack(law="weakly")
    keys = jax.random.split(jax.random.key(3), MANY)
    _, state = jax.jit(jax.vmap(env.reset_env, in_axes=(0, None)))(keys, env.default_params)
    offset = np.asarray(state.values - state.weights)[np.asarray(state.weights) > 5]
    counts = np.bincount(offset + 5, minlength=11)
    assert counts.size == 11
    np.testing.assert_allclose(counts / offset.size, 1 / 11, atol=0.01)
    assert state.values.min() >= 1


def test_something_fits_however_small_the_capacity():
    env = Knapsack(num_items=2, capacity_fraction=0.01)
    _, state = env.reset_env(jax.random.key(0), env.default_params)
    assert state.capacity == state.weights.min()
    assert not env.is_terminated(state, env.default_params)


def test_the_capacity_fraction_can_be_swept_without_tracing_again():
    env, traces = Knapsack(num_items=4), []

    @jax.jit
    def capacity(key, params):
        traces.append(1)
        return env.reset_env(key, params)[1].capacity

    key = jax.random.key(0)
    sizes = [capacity(key, env.default_params.replace(capacity_fraction=f)) for f in (0.5, 1.0)]
    assert sizes[0] < sizes[1]
    assert len(traces) == 1


def test_every_subset_is_listed_and_with_it_all_that_steps_lead_to():
    env, key = Knapsack(num_items=4), jax.random.key(5)
    params = env.default_params
    _, first = env.reset_env(key, params)
    listed = jax.jit(env.enumerate_states)(first, params)
    np.testing.assert_array_equal(
        listed.packed, [[s >> i & 1 for i in range(4)] for s in range(16)]
    )
    assert jax.tree.map(lambda leaf: leaf.dtype, listed) == jax.tree.map(
        lambda leaf: leaf.dtype, first
    )
    jax.tree.map(np.testing.assert_array_equal, jax.tree.map(lambda leaf: leaf[0], listed), first)
    step = jax.jit(jax.vmap(env.step_env, in_axes=(None, 0, None, None)))
    invalid = np.asarray(jax.vmap(env.invalid_actions, (0, None))(listed, params))
    for item in range(4):
        after = step(key, listed, jnp.int32(item), params)[1]
        legal = np.flatnonzero(~invalid[:, item])
        for told, leaf in zip(jax.tree.leaves(after), jax.tree.leaves(listed), strict=True):
            np.testing.assert_array_equal(told[legal], leaf[legal | 1 << item])
    assert invalid[15].all()
    assert not invalid.all()


def test_the_subsets_of_many_items_are_not_listed():
    env = Knapsack(num_items=17)
    with pytest.raises(InputError, match=r"^num_items is 17: expected at most 16 to list all"):
        env.enumerate_states(None, env.default_params)


def test_equal_arguments_make_equal_objects():
    assert Knapsack(num_items=5) == Knapsack(num_items=5)
    assert hash(Knapsack(num_items=5)) == hash(Knapsack(num_items=5))
    assert Knapsack(num_items=5) != Knapsack(num_items=6)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"num_items": 1}, "num_items is 1: expected at least 2"),
        ({"num_items": 2.5}, "num_items is 2.5: expected a whole number from 2 on"),
        ({"law": "strong"}, "unknown law 'strong': did you mean 'strongly'?"),
        (
            {"capacity_fraction": 0},
            "capacity_fraction is 0: expected a number above 0, at most 1",
        ),
        (
            {"capacity_fraction": "half"},
            "capacity_fraction is 'half': expected a number above 0, at most 1",
        ),
    ],
)
def test_bad_arguments_get_one_clear_line(kwargs, message):
    with pytest.raises(InputError) as caught:
        Knapsack(**kwargs)
    assert str(caught.value) == message
