"""The adapter: one strong dtype per leaf, float32 observations, one-hot for discrete ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnax.environments import environment as gymnax_environment
from gymnax.environments import spaces

import envs
from envs import Adapter, Knapsack, adapt, encode
from envs.adapters.gymnax_adapter import state_dtypes
from rrplan.capabilities import Enumerable, Greedy, Observable, ObservationKind, offers, require
from rrplan.errors import InputError

NAMES = [name for name in envs.names() if name != "MNISTBandit-bsuite"]  # it downloads its images


@pytest.mark.parametrize("name", NAMES)
def test_types_do_not_change_from_reset_to_step(name):
    env, params = envs.make(name)
    adapter = adapt(env)
    key = jax.random.key(0)
    state, observation = jax.eval_shape(adapter.reset, key, params)
    transition = jax.eval_shape(adapter.step, key, state, jnp.int32(0), params)
    types = [
        [(leaf.shape, leaf.dtype, leaf.weak_type) for leaf in jax.tree.leaves(tree)]
        for tree in (state, transition.state, observation, transition.observation)
    ]
    assert types[0] == types[1]
    assert types[2] == types[3]
    assert not any(weak for _, _, weak in types[0] + types[2])
    assert {dtype for _, dtype, _ in types[2]} == {jnp.dtype(jnp.float32)}
    assert (transition.reward.shape, transition.reward.dtype) == ((), jnp.float32)
    for flag in (transition.terminated, transition.truncated):
        assert (flag.shape, flag.dtype) == ((), bool)
    mask = jax.eval_shape(adapter.invalid_actions, transition.state, params)
    assert (mask.shape, mask.dtype) == ((adapter.num_actions,), bool)


def test_a_discrete_observation_becomes_one_hot():
    env, params = envs.make("FrozenLake-misc", is_slippery=False)
    adapter = adapt(env)
    state, observation = adapter.reset(jax.random.key(0), params)
    np.testing.assert_array_equal(observation, np.eye(16)[0])
    transition = adapter.step(jax.random.key(0), state, jnp.int32(2), params)
    np.testing.assert_array_equal(transition.observation, np.eye(16)[1])


def test_discrete_parts_of_composed_observations_become_one_hot():
    space = spaces.Dict(
        {
            "card": spaces.Discrete(3),
            "hand": spaces.Tuple([spaces.Discrete(2), spaces.Box(0, 9, (2,), jnp.int32)]),
        }
    )
    coded = encode({"card": 1, "hand": (jnp.int32(0), jnp.array([4, 5]))}, space)
    np.testing.assert_array_equal(coded["card"], [0, 1, 0])
    np.testing.assert_array_equal(coded["hand"][0], [1, 0])
    np.testing.assert_array_equal(coded["hand"][1], [4, 5])
    assert {leaf.dtype for leaf in jax.tree.leaves(coded)} == {jnp.dtype(jnp.float32)}


def test_truncation_is_told_apart_from_termination():
    env, params = envs.make("CartPole-v1", max_steps_in_episode=1)
    adapter = adapt(env)
    state, _ = adapter.reset(jax.random.key(0), params)
    transition = adapter.step(jax.random.key(1), state, jnp.int32(0), params)
    assert (bool(transition.terminated), bool(transition.truncated)) == (False, True)


def test_the_greedy_rule_is_passed_on_where_there_is_one():
    env = Knapsack(num_items=4)
    params = env.default_params
    adapter = adapt(env)
    state, _ = adapter.reset(jax.random.key(0), params)
    assert offers(adapter, Greedy)
    assert adapter.greedy_action(state, params) == env.greedy_action(state, params)
    cartpole, cartpole_params = envs.make("CartPole-v1")
    assert not offers(adapt(cartpole), Greedy)
    with pytest.raises(InputError, match="CartPole-v1 has no greedy_action"):
        adapt(cartpole).greedy_action(None, cartpole_params)


def test_the_list_of_states_is_passed_on_where_there_is_one():
    env = Knapsack(num_items=3)
    params = env.default_params
    adapter = adapt(env)
    state, _ = adapter.reset(jax.random.key(0), params)
    listed = jax.eval_shape(adapter.enumerate_states, state, params)
    assert offers(adapter, Enumerable)
    types = [
        [(leaf.shape, leaf.dtype, leaf.weak_type) for leaf in jax.tree.leaves(tree)]
        for tree in (listed, state)
    ]
    assert types[0] == [((8, *shape), *rest) for shape, *rest in types[1]]
    cartpole, cartpole_params = envs.make("CartPole-v1")
    assert not offers(adapt(cartpole), Enumerable)
    with pytest.raises(InputError, match="CartPole-v1 has no enumerate_states"):
        adapt(cartpole).enumerate_states(None, cartpole_params)


def test_what_is_seen_of_a_state_is_passed_on_encoded():
    env, params = envs.make("FrozenLake-misc", is_slippery=False)
    adapter = adapt(env)
    state, observation = adapter.reset(jax.random.key(0), params)
    seen = require(adapter, Observable).observe_state(jax.random.key(1), state, params)
    np.testing.assert_array_equal(seen, observation)
    assert offers(adapt(Knapsack()), Observable)


class Unseen(Knapsack):
    """Has neither ``observe`` nor ``get_obs`` of its own."""

    observe = gymnax_environment.Environment.observe


def test_what_a_state_looks_like_is_not_offered_where_the_environment_does_not_tell():
    assert not offers(adapt(Unseen()), Observable)
    with pytest.raises(InputError, match="knapsack has no observe_state: expected one"):
        require(adapt(Unseen()), Observable)


def test_the_kind_of_observations_is_passed_on_where_it_is_said():
    assert adapt(Knapsack()).observation_kind == "items"
    assert offers(adapt(Knapsack()), ObservationKind)
    cartpole, _ = envs.make("CartPole-v1")
    assert adapt(cartpole).observation_kind is None
    assert not offers(adapt(cartpole), ObservationKind)


def test_an_adapter_tells_itself_from_others():
    told = {"num_items": "3", "law": "'weakly'", "capacity_fraction": "0.5"}
    told["price_spread"] = "0.0"
    described = adapt(Knapsack(num_items=3, law="weakly")).describe()
    assert described == {"name": "knapsack"} | told
    cartpole, _ = envs.make("CartPole-v1")
    assert adapt(cartpole).describe() == {"name": "CartPole-v1"}


def test_adapters_of_one_environment_share_compiled_programs():
    env, _ = envs.make("CartPole-v1")
    assert adapt(env) == Adapter(env)
    assert hash(adapt(env)) == hash(Adapter(env))


def test_the_environment_is_traced_for_its_dtypes_only_once():
    class Counting(Knapsack):
        steps = 0

        def step_env(self, *args):
            Counting.steps += 1
            return super().step_env(*args)

    env = Counting(num_items=3)
    for fraction in (0.4, 0.5, 0.6):
        state_dtypes(env, env.default_params.replace(capacity_fraction=fraction))
    assert Counting.steps == 1


def test_a_random_key_in_the_state_keeps_its_dtype():
    class Keyed(Knapsack):
        def reset_env(self, key, params):
            observation, state = super().reset_env(key, params)
            return observation, (key, state)

        def step_env(self, key, state, action, params):
            observation, inner, *rest = super().step_env(key, state[1], action, params)
            return observation, (state[0], inner), *rest

        def is_truncated(self, state, params):
            return super().is_truncated(state[1], params)

    env = Keyed(num_items=3)
    adapter = adapt(env)
    key = jax.random.key(7)
    state, _ = jax.jit(adapter.reset)(key, env.default_params)
    state = jax.jit(adapter.step)(key, state, jnp.int32(0), env.default_params).state
    assert jax.random.key_data(state[0]).tolist() == jax.random.key_data(key).tolist()


class Unhashable(Knapsack):
    __hash__ = None


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (
            3,
            "expected a gymnax environment, got a int: subclass "
            "gymnax.environments.environment.Environment",
        ),
        (Knapsack, "expected a gymnax environment, got the class Knapsack: build it first"),
        (
            Unhashable(),
            "Unhashable objects cannot be hashed: an environment is a static argument of compiled "
            "programs (a frozen dataclass can be hashed)",
        ),
    ],
)
def test_what_cannot_be_adapted_gets_one_clear_line(thing, message):
    with pytest.raises(InputError) as caught:
        adapt(thing)
    assert str(caught.value) == message
