"""Metareasoning problems as environments: beliefs, and steps from every one of them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

import envs
from envs import BernoulliSelection, Mouselab, Pandora
from envs.metareasoning import exact
from tests.envs.metareasoning import made_up

SETTINGS = {
    "bernoulli": BernoulliSelection(arms=3, horizon=4),
    "one arm": BernoulliSelection(arms=1, horizon=9, alternative=0.55, cost=0.02),
    "mouselab": Mouselab(),
    "uneven tree": Mouselab(
        # A chain beside a leaf; values twice, of no chance, and one that is certain.
        parents=(-1, 0, -1, 1),
        values=((-1, 2, 2), (0.1,), (-3.3, 0, 47.1), (0, 1)),
        probabilities=((0.5, 0.2, 0.3), (1,), (0.4, 0, 0.6), (0.9, 0.1)),
        cost=0.3,
    ),
    "pandora": Pandora(),
    "worthless prizes": Pandora(
        values=((-5, 0.3, 1.7), (-2, -1, 0.3, 0.3), (0.4,)),
        probabilities=((0.2, 0.1, 0.7), (0.1, 0.2, 0.3, 0.4), (1,)),
        costs=(0.3, 0, 2),
        cost=0.5,
    ),
}
each_setting = pytest.mark.parametrize("env", SETTINGS.values(), ids=SETTINGS)


@functools.cache
def tabulate(env):
    return exact.tabulate(env)


@functools.cache
def steps(env):
    """Return all beliefs, and what each action led to ``[S, A, ...]``; both again, but stopped."""
    params, beliefs = env.default_params, tabulate(env).beliefs

    def look(key, state, action):
        observation, after, reward, terminated, _ = env.step_env(key, state, action, params)
        return observation, after, reward, terminated, env.index(after), env.payoff(state)

    def all_steps(key, states):
        keys = jax.random.split(key, (env.num_beliefs, env.num_actions))
        over_actions = jax.vmap(look, in_axes=(0, None, 0))
        every = jax.vmap(over_actions, in_axes=(0, 0, None))
        return every(keys, states, jnp.arange(env.num_actions))

    states = jax.tree.map(jnp.asarray, beliefs)
    stopped = states.replace(stopped=jnp.ones_like(states.stopped))
    key, all_steps = jax.random.key(0), jax.jit(all_steps)
    return jax.device_get((states, all_steps(key, states), stopped, all_steps(key, stopped)))


def legal(env):
    return np.asarray(env.possible(tabulate(env).beliefs, np))


@each_setting
def test_beliefs_stand_where_their_index_says(env):
    beliefs = env.beliefs()
    assert len(beliefs.time) == env.num_beliefs
    for index in (env.index(beliefs, np), env.index(jax.tree.map(jnp.asarray, beliefs))):
        np.testing.assert_array_equal(index, np.arange(env.num_beliefs))
    first = jax.tree.map(lambda leaf: leaf[tabulate(env).first], beliefs)
    jax.tree.map(np.testing.assert_array_equal, first, env.first_belief())
    assert not beliefs.stopped.any()


@settings(max_examples=60)
@given(made_up.problems())
def test_layers_hold_every_belief_once_and_lead_to_the_next(env):
    table = exact.tabulate(env)
    np.testing.assert_array_equal(env.index(table.beliefs, np), np.arange(env.num_beliefs))
    assert sorted(np.concatenate(table.layers)) == list(range(env.num_beliefs))
    assert len(table.layers) == env.most_computations + 1
    for done, layer in enumerate(table.layers):
        assert (table.beliefs.time[layer] == done).all()
        chances = table.probabilities[layer]
        assert (table.beliefs.time[table.successors[layer]][chances > 0] == done + 1).all()
        can = env.possible(jax.tree.map(lambda leaf, rows=layer: leaf[rows], table.beliefs), np)
        np.testing.assert_allclose(chances.sum(axis=2), can, atol=1e-12)
    assert table.layers[0].tolist() == [table.first] or isinstance(env, Pandora)
    assert not made_up.possible(table)[table.layers[-1]].any()


@settings(max_examples=60)
@given(made_up.problems())
def test_news_is_never_expected_to_hurt(env):
    # A payoff is a maximum of means, and news is expected to leave a mean where it is.
    table = exact.tabulate(env)
    later = (table.probabilities * table.payoffs[table.successors]).sum(axis=2)
    assert (later >= table.payoffs[:, None] - 1e-12)[made_up.possible(table)].all()


@each_setting
def test_a_computation_costs_its_price_and_leads_where_the_table_says(env):
    table, can = tabulate(env), legal(env)
    _, (_, after, reward, terminated, index, _), _, _ = steps(env)
    assert not terminated[:, :-1].any()
    assert not after.stopped[:, :-1].any()
    price = np.broadcast_to(env.cost * np.array(env.unit_costs), can.shape)
    np.testing.assert_allclose(reward[:, :-1][can], -price[can], rtol=1e-6)
    leads = (index[:, :-1, None] == table.successors) & (table.probabilities > 0)
    assert leads.any(axis=2)[can].all()
    assert (after.time[:, :-1] == table.beliefs.time[:, None] + can).all()
    # Not always the same news.
    outcomes = leads.argmax(axis=2)[can & ((table.probabilities > 0).sum(axis=2) > 1)]
    assert len(np.unique(outcomes)) > 1


@each_setting
def test_stopping_pays_what_the_belief_is_worth_and_ends_the_episode(env):
    states, (_, after, reward, terminated, _, payoff), _, _ = steps(env)
    payoffs = tabulate(env).payoffs
    np.testing.assert_allclose(payoff[:, 0], payoffs, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(reward[:, -1], payoffs, rtol=1e-6, atol=1e-6)
    assert terminated[:, -1].all()
    assert after.stopped[:, -1].all()
    same = jax.tree.map(lambda leaf: leaf[:, -1], after).replace(stopped=states.stopped)
    jax.tree.map(np.testing.assert_array_equal, same, states)


@each_setting
def test_illegal_steps_change_nothing_and_pay_nothing(env):
    states, (_, after, reward, terminated, *_), stopped, (_, still, nothing, over, *_) = steps(env)
    illegal = ~np.append(legal(env), np.ones((env.num_beliefs, 1), bool), axis=1)
    assert illegal.any()
    assert (reward[illegal] == 0).all()
    assert not terminated[illegal].any()
    beliefs, _ = np.nonzero(illegal)
    for before, leaf in zip(jax.tree.leaves(states), jax.tree.leaves(after), strict=True):
        assert leaf.dtype == before.dtype
        np.testing.assert_array_equal(leaf[illegal], before[beliefs])
    # After the end everything is illegal.
    assert (nothing == 0).all()
    assert over.all()
    for before, leaf in zip(jax.tree.leaves(stopped), jax.tree.leaves(still), strict=True):
        np.testing.assert_array_equal(leaf, np.broadcast_to(before[:, None], leaf.shape))


@each_setting
def test_observations_of_all_beliefs_lie_in_their_space_and_tell_them_apart(env):
    _, (observation, after, *_), _, _ = steps(env)
    space = env.observation_space(env.default_params)
    assert observation.dtype == np.float32
    assert observation.shape[2:] == space.shape
    assert ((observation >= space.low) & (observation <= space.high)).all()
    assert np.isfinite([space.low, space.high]).all()
    # What looks the same leads on to the same: to equal payoffs, with equal computations left.
    index = np.asarray(env.index(after, np)).ravel()
    seen, place = np.unique(
        observation.reshape(index.size, -1), axis=0, return_inverse=True, equal_nan=False
    )
    values = exact.solve(tabulate(env), env.cost).values[index]
    for number in range(len(seen)):
        assert np.ptp(values[place.ravel() == number]) < 1e-6


@pytest.mark.parametrize("family", [BernoulliSelection, Mouselab, Pandora])
def test_objects_that_differ_in_cost_alone_share_programs(family):
    cheap, dear = family(cost=0.25), family(cost=2)
    assert cheap == dear
    assert hash(cheap) == hash(dear)
    assert (cheap.default_params.cost, dear.default_params.cost) == (0.25, 2.0)
    env, params = envs.make(cheap.name, cost=2)
    assert env == cheap
    assert params == dear.default_params
    traces = []

    @functools.partial(jax.jit, static_argnums=0)
    def price(env, params):
        traces.append(1)
        _, state = env.reset_env(jax.random.key(0), params)
        return env.step_env(jax.random.key(0), state, jnp.int32(0), params)[2]

    rewards = [float(price(env, env.default_params)) for env in (cheap, dear)]
    np.testing.assert_allclose(rewards, -np.array([0.25, 2]) * cheap.unit_costs[0], rtol=1e-6)
    assert len(traces) == 1


def test_other_arguments_make_other_objects():
    assert BernoulliSelection(alternative=0.5) != BernoulliSelection()
    assert Mouselab((2,)) != Mouselab((3,))
    assert Pandora(costs=(1, 1, 1)) != Pandora()


@each_setting
def test_the_time_limit_is_never_reached(env):
    params = env.default_params
    beliefs = tabulate(env).beliefs
    assert not env.is_truncated(beliefs, params).any()
    assert params.max_steps_in_episode == beliefs.time.max() + 1
