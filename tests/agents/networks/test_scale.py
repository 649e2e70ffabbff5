"""How large returns are: by hand, and where it is asked for."""

import jax
import pytest

import envs
from agents.networks import NetworkConfig, build
from agents.networks.scale import measure_return_scale


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("MountainCar-v0", 100.0),  # -1 a step, 100 steps and no goal by chance
        ("Catch-bsuite", 1.0),  # -1 or 1
        ("DeepSea-bsuite", 1.0),  # below 0.1 by chance, which says nothing
    ],
)
def test_it_is_measured_on_random_play(name, scale):
    env, env_params = envs.make(name)
    environment = envs.adapt(env)
    assert measure_return_scale(environment, env_params) == scale
    config = NetworkConfig("mlp", "tiny", return_scale=None)
    assert config.measured(environment, env_params).return_scale == scale
    network, _ = build(config, environment, env_params, jax.random.key(0))
    assert network.return_scale == scale


def test_what_is_given_is_kept():
    config = NetworkConfig(return_scale=3.0)
    assert config.measured(None, None) is config
