"""Networks: shapes, equivariance, identity, what they refuse."""

import gymnax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.networks import NetworkConfig, PlannerNetwork, build, flatten
from envs.adapters.gymnax_adapter import adapt
from envs.puzzles.knapsack import Knapsack
from rrplan.errors import InputError

KEY = jax.random.key(0)


def observe(environment, env_params, count):
    keys = jax.random.split(KEY, count)
    return jax.jit(jax.vmap(environment.reset, (0, None)))(keys, env_params)[1]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CartPole-v1", "mlp"),
        ("Catch-bsuite", "mlp"),
        ("FrozenLake-misc", "mlp"),
        ("Breakout-MinAtar", "conv"),
    ],
)
def test_auto_fits_the_observation(name, kind):
    env, env_params = gymnax.make(name)
    environment = adapt(env)
    network, params = build(NetworkConfig(size="tiny"), environment, env_params, KEY)
    answer = jax.jit(network)(params, observe(environment, env_params, 5))
    assert network.kind == kind
    assert answer.prior_logits.shape == (5, environment.num_actions)
    assert answer.value.shape == (5,)
    assert answer.features.shape == (5, network.width)
    assert {leaf.dtype for leaf in jax.tree.leaves((params, answer))} == {jnp.dtype("float32")}


@pytest.mark.parametrize("size", ["tiny", "large"])
def test_permuting_items_permutes_logits_and_leaves_the_value(size):
    env = Knapsack()
    environment = adapt(env)
    network, params = build(NetworkConfig("items", size), environment, env.default_params, KEY)
    observation = observe(environment, env.default_params, 7)
    order = jax.random.permutation(jax.random.key(1), 10)
    evaluate = jax.jit(network)
    straight, permuted = evaluate(params, observation), evaluate(params, observation[:, order])
    np.testing.assert_allclose(permuted.prior_logits, straight.prior_logits[:, order], atol=1e-5)
    np.testing.assert_allclose(permuted.value, straight.value, atol=1e-5)
    np.testing.assert_allclose(permuted.features, straight.features, atol=1e-5)
    assert float(jnp.ptp(straight.prior_logits, axis=1).min()) > 0


def test_an_mlp_is_not_equivariant():
    network = PlannerNetwork("mlp", 16, 1, 10, (50,))
    params = network.init(KEY)
    observation = jax.random.normal(KEY, (7, 10, 5))
    order = jnp.roll(jnp.arange(10), 1)
    evaluate = jax.jit(network)
    straight, permuted = evaluate(params, observation), evaluate(params, observation[:, order])
    assert float(jnp.abs(permuted.value - straight.value).max()) > 1e-4


def test_equal_networks_share_one_trace():
    traces = []

    def evaluate(network, params, observation):
        traces.append(network)
        return network(params, observation)

    jitted = jax.jit(evaluate, static_argnums=0)
    for seed in range(3):
        network = PlannerNetwork("mlp", 16, 1, 2, (4,))
        jitted(network, network.init(jax.random.key(seed)), jnp.zeros((3, 4)))
    assert len(traces) == 1
    assert PlannerNetwork("mlp", 16, 1, 2, (4,)) != PlannerNetwork("mlp", 16, 1, 3, (4,))


def test_sizes_grow_and_match_the_arrays():
    counts = []
    for width, depth in ((16, 1), (32, 2), (64, 2), (128, 3)):
        network = PlannerNetwork("items", width, depth, 10, (10, 5))
        leaves = jax.tree.leaves(network.init(KEY))
        assert network.describe()["parameters"] == sum(leaf.size for leaf in leaves)
        counts.append(network.describe()["parameters"])
    assert counts == sorted(set(counts))


def test_values_are_in_units_of_the_return_scale():
    observation = jax.random.normal(KEY, (5, 4))
    plain, scaled = (PlannerNetwork("mlp", 16, 1, 2, (4,), scale) for scale in (1.0, 100.0))
    params = plain.init(KEY)
    np.testing.assert_allclose(
        scaled(params, observation).value, 100 * plain(params, observation).value, rtol=1e-5
    )


def test_pytree_observations_are_flattened_leaf_by_leaf():
    observation = {"a": jnp.arange(6.0).reshape(2, 3), "b": jnp.ones((2, 2, 2), jnp.int32)}
    np.testing.assert_array_equal(flatten(observation)[1], [3, 4, 5, 1, 1, 1, 1])


@pytest.mark.parametrize("kind", ["conv", "items"])
def test_a_network_that_does_not_fit_is_refused(kind):
    env, env_params = gymnax.make("CartPole-v1")
    with pytest.raises(InputError, match=r"(conv|items) network needs .* got \[4\]"):
        build(NetworkConfig(kind), adapt(env), env_params, KEY)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "cnov"}, "unknown network kind 'cnov': did you mean 'conv'"),
        ({"size": "smal"}, "unknown network size 'smal': did you mean 'small'"),
        ({"return_scale": 0.0}, "return_scale must be a positive number, got 0.0"),
        ({"return_scale": float("nan")}, "return_scale must be a positive number, got nan"),
    ],
)
def test_bad_settings_are_one_clear_line(fields, message):
    with pytest.raises(InputError, match=message):
        NetworkConfig(**fields)
