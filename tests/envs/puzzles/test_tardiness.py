"""Total tardiness: hand cases, plain Python, the contract."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
from envs import Tardiness, TardinessState, optimal_tardiness
from rrplan.errors import InputError

MANY = 1000
KEY = jax.random.key(0)
FIVE = Tardiness(num_jobs=5)


def instance(times, dates, scheduled=()):
    scheduled = np.isin(np.arange(len(times)), scheduled)
    return TardinessState(
        time=jnp.int32(scheduled.sum()),
        processing_times=jnp.array(times, jnp.int32),
        due_dates=jnp.array(dates, jnp.int32),
        scheduled=jnp.array(scheduled),
        elapsed=jnp.int32(np.dot(scheduled, times)),
        scale=jnp.float32(len(times) * sum(times) / 10),
    )


@functools.partial(jax.jit, static_argnums=0)
def step(env, state, action):
    """Return ``(observation, state, reward, terminated)``."""
    return env.step_env(KEY, state, action, env.default_params)[:4]


@functools.partial(jax.jit, static_argnums=0)
def draw(env, keys, params):
    return jax.vmap(env.reset_env, (0, None))(keys, params)


@functools.partial(jax.jit, static_argnums=0)
def play(env, state, orders):
    """Return ``(return, steps, terminated [..., n])`` of playing each order ``[..., n]``."""

    def advance(carry, action):
        state, total = carry
        _, state, reward, terminated = step(env, state, action)
        return (state, total + reward), terminated

    def play_one(order):
        (last, total), terminated = jax.lax.scan(advance, (state, 0.0), order)
        return total, last.time, terminated

    return jax.vmap(play_one)(orders)


@functools.partial(jax.jit, static_argnums=(0, 1))
def play_rule(env, rule, state, key):
    """Return the actions ``[n]`` and the return of ``"greedy"`` or ``"random"``."""

    def advance(state, key):
        drawn = jax.random.categorical(key, jnp.where(state.scheduled, -jnp.inf, 0.0))
        action = env.greedy_action(state, env.default_params) if rule == "greedy" else drawn
        _, state, reward, _ = step(env, state, action)
        return state, (action, reward)

    actions, rewards = jax.lax.scan(advance, state, jax.random.split(key, env.num_jobs))[1]
    return actions, rewards.sum()


def tardiness_of(times, dates, order):
    """Return the total tardiness of an order, in plain Python."""
    clock = total = 0
    for job in order:
        clock += int(times[job])
        total += max(0, clock - int(dates[job]))
    return total


def modified_due_date_order(times, dates):
    """Return the order of the greedy rule, in plain Python."""
    left, clock, order = list(range(len(times))), 0, []
    while left:
        job = min(left, key=lambda j: (max(int(dates[j]), clock + int(times[j])), j))
        left.remove(job)
        order.append(job)
        clock += int(times[job])
    return order


@pytest.fixture(scope="module")
def instances():
    env = Tardiness()
    return jax.device_get(draw(env, jax.random.split(KEY, MANY), env.default_params))


def test_steps_of_a_hand_case_pay_minus_the_tardiness_and_end_after_all_jobs():
    env = Tardiness(num_jobs=3)
    state = instance([2, 4, 3], [5, 3, 4])
    paid = []
    for job in (1, 0, 2):  # completed at 4, 6 and 9: late by 1, 1 and 5
        _, state, reward, terminated = step(env, state, job)
        paid.append(float(reward))
        assert bool(terminated) == (len(paid) == 3)
    np.testing.assert_allclose(paid, np.array([-1, -1, -5]) / 2.7, rtol=1e-6)
    assert (int(state.time), int(state.elapsed)) == (3, 9)
    assert not env.is_truncated(state, env.default_params)


def test_every_order_pays_its_tardiness_and_the_best_is_the_optimum():
    orders = np.array(list(itertools.permutations(range(5))))
    for key in jax.random.split(jax.random.key(1), 4):
        state = jax.tree.map(lambda leaf: leaf[0], draw(FIVE, key[None], FIVE.default_params)[1])
        times, dates = np.asarray(state.processing_times), np.asarray(state.due_dates)
        returns, steps, terminated = play(FIVE, state, orders)
        expected = [-tardiness_of(times, dates, order) for order in orders]
        np.testing.assert_allclose(returns * state.scale, expected, rtol=1e-5, atol=1e-3)
        least = optimal_tardiness(times, dates, np)
        np.testing.assert_allclose(returns.max() * state.scale, -least, rtol=1e-5, atol=1e-3)
        assert (steps == 5).all()
        assert (np.asarray(terminated) == [False, False, False, False, True]).all()


def test_an_illegal_step_changes_nothing_and_pays_nothing():
    env = Tardiness(num_jobs=3)
    state = instance([2, 4, 3], [0, 0, 0], scheduled=[1])
    np.testing.assert_array_equal(
        env.invalid_actions(state, env.default_params), [False, True, False]
    )
    _, after, reward, terminated = step(env, state, 1)
    jax.tree.map(np.testing.assert_array_equal, after, state)
    assert reward == 0
    assert not terminated


def test_observation_of_a_hand_case():
    env = Tardiness(num_jobs=2)
    observation = env.observe(KEY, instance([2, 6], [9, 3]), None, env.default_params)
    expected = [[2 / 4, 9 / 8, 7 / 8, 9 / 8, 0, 0], [6 / 4, 3 / 8, -3 / 8, 6 / 8, 0, 0]]
    np.testing.assert_allclose(observation, expected, rtol=1e-6)
    assert observation.dtype == jnp.float32
    later = env.observe(KEY, instance([2, 6], [9, 3], [0]), None, env.default_params)
    expected = [[0, 0, 0, 0, 1, 2 / 8], [6 / 4, 3 / 8, -5 / 8, 8 / 8, 0, 2 / 8]]
    np.testing.assert_allclose(later, expected, rtol=1e-6)


def test_what_is_over_does_not_show():
    env = Tardiness(num_jobs=3)
    states = (instance([2, 4, 3], dates, [1]) for dates in ([5, 3, 4], [5, 8, 4]))
    one, other = (env.observe(KEY, state, None, env.default_params) for state in states)
    np.testing.assert_array_equal(one, other)


def test_greedy_breaks_ties_by_index_and_skips_what_is_scheduled():
    env = Tardiness(num_jobs=3)
    params = env.default_params
    # Modified due dates 5, 4 and 4; after job 1 they are 6 and 7.
    assert env.greedy_action(instance([2, 4, 3], [5, 3, 4]), params) == 1
    assert env.greedy_action(instance([2, 4, 3], [5, 3, 4], [1]), params) == 0
    assert env.greedy_action(instance([2, 4, 3], [5, 3, 4], [0, 1, 2]), params) == 0


def test_greedy_is_the_modified_due_date_rule(instances):
    env, (_, state) = Tardiness(), instances
    few = jax.tree.map(lambda leaf: leaf[:100], state)
    rule = jax.vmap(lambda state: play_rule(env, "greedy", state, KEY))
    actions, returns = rule(few)
    for times, dates, scale, order, got in zip(
        few.processing_times, few.due_dates, few.scale, actions, returns, strict=True
    ):
        expected = modified_due_date_order(times, dates)
        assert order.tolist() == expected
        np.testing.assert_allclose(got * scale, -tardiness_of(times, dates, expected), rtol=1e-5)


@pytest.mark.parametrize(("num_jobs", "distance", "missed"), [(5, 0.84, 0.03), (10, 0.88, 0.055)])
def test_random_orders_are_about_one_below_the_best_and_greedy_misses_a_part(
    num_jobs, distance, missed
):
    env = Tardiness(num_jobs=num_jobs)
    keys = jax.random.split(jax.random.key(2), MANY)
    _, state = draw(env, keys, env.default_params)
    both = (play_rule_each(env, rule, state, keys) for rule in ("random", "greedy"))
    random, greedy = map(np.asarray, both)
    least = optimal_tardiness(state.processing_times, state.due_dates, np)
    best = -least / np.asarray(state.scale)
    assert (greedy <= best + 1e-5).all()
    # The standard error of the mean distance is 0.01.
    np.testing.assert_allclose((best - random).mean(), distance, atol=0.05)
    share = (best - greedy).mean() / (best - random).mean()
    np.testing.assert_allclose(share, missed, atol=0.015)
    np.testing.assert_array_equal(state.scale, num_jobs * state.processing_times.sum(1) / 10)


@functools.partial(jax.jit, static_argnums=(0, 1))
def play_rule_each(env, rule, state, keys):
    return jax.vmap(lambda state, key: play_rule(env, rule, state, key)[1])(state, keys)


def test_every_subset_is_listed_and_with_it_all_that_steps_lead_to():
    params = FIVE.default_params
    _, first = FIVE.reset_env(jax.random.key(5), params)
    listed = jax.jit(FIVE.enumerate_states)(first, params)
    np.testing.assert_array_equal(
        listed.scheduled, [[s >> i & 1 for i in range(5)] for s in range(32)]
    )
    jax.tree.map(np.testing.assert_array_equal, jax.tree.map(lambda leaf: leaf[0], listed), first)
    step_all = jax.jit(jax.vmap(lambda state, job: step(FIVE, state, job), (0, None)))
    for job in range(5):
        after = step_all(listed, jnp.int32(job))[1]
        legal = np.flatnonzero(~np.asarray(listed.scheduled)[:, job])
        for told, leaf in zip(jax.tree.leaves(after), jax.tree.leaves(listed), strict=True):
            assert told.dtype == leaf.dtype
            np.testing.assert_array_equal(told[legal], leaf[legal | 1 << job])


def test_the_subsets_of_many_jobs_are_not_listed():
    env = Tardiness(num_jobs=17)
    with pytest.raises(InputError, match=r"^num_jobs is 17: expected at most 16 to list all"):
        env.enumerate_states(None, env.default_params)


def test_it_keeps_the_contract():
    report = envs.check(*envs.make("tardiness", num_jobs=4, tardiness_factor=1), steps=60)
    assert report.problems == ()
    assert [note.split(":")[0] for note in report.notes] == [
        "terminal states absorb",
        "it looks deterministic",
    ]


def test_equal_arguments_make_equal_objects():
    assert Tardiness(num_jobs=5) == FIVE
    assert hash(Tardiness(num_jobs=5)) == hash(FIVE)
    assert Tardiness(num_jobs=6) != FIVE


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"num_jobs": 1}, "num_jobs is 1: expected at least 2"),
        ({"num_jobs": 2.5}, "num_jobs is 2.5: expected a whole number from 2 on"),
        ({"num_jobs": True}, "num_jobs is True: expected a whole number from 2 on"),
        ({"tardiness_factor": 1.2}, "tardiness_factor is 1.2: expected a number from 0 to 1"),
        ({"tardiness_factor": True}, "tardiness_factor is True: expected a number from 0 to 1"),
        ({"due_date_range": -0.1}, "due_date_range is -0.1: expected a number from 0 to 1"),
        ({"due_date_range": "wide"}, "due_date_range is 'wide': expected a number from 0 to 1"),
        ({"due_date_range": np.nan}, "due_date_range is nan: expected a number from 0 to 1"),
    ],
)
def test_bad_arguments_get_one_clear_line(kwargs, message):
    with pytest.raises(InputError) as caught:
        Tardiness(**kwargs)
    assert str(caught.value) == message
    with pytest.raises(InputError) as caught:
        envs.make("tardiness", **kwargs)
    assert str(caught.value) == f"environment 'tardiness': {message}"


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(InputError, match="unknown option of tardiness 'num_job': did you mean"):
        envs.make("tardiness", num_job=3)
