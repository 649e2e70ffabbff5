"""One environment, one network and one setting, so that most tests share a compiled program."""

import jax
import jax.numpy as jnp
import pytest
from flax import struct
from gymnax.environments import environment, spaces

from agents.alphazero.config import TrainConfig
from agents.alphazero.train import make_train
from agents.networks import NetworkConfig, build
from envs.adapters.gymnax_adapter import adapt

STEPS, ACTIONS = 3, 3


@struct.dataclass
class ProbeState(environment.EnvState):
    label: jax.Array  # [] int32, never changes


@struct.dataclass
class ProbeParams(environment.EnvParams):
    """At time t action a pays ``rewards[t, a]``; the end comes by either clock."""

    max_steps_in_episode: int = STEPS
    terminate_at: int = STEPS
    rewards: jax.Array = struct.field(default_factory=lambda: jnp.zeros((STEPS, ACTIONS)))
    invalid: jax.Array = struct.field(default_factory=lambda: jnp.zeros((STEPS, ACTIONS), bool))


class Probe(environment.Environment[ProbeState, ProbeParams]):
    """Observes the time, one-hot. Past its end everything is NaN, so nobody may look there."""

    name = "probe"
    num_actions = ACTIONS

    @property
    def default_params(self):
        return ProbeParams()

    def _over(self, state, params):
        return (state.time >= params.terminate_at) | (state.time >= params.max_steps_in_episode)

    def _observe(self, state, params):
        stepped_on = state.time > jnp.minimum(params.terminate_at, params.max_steps_in_episode)
        return jnp.where(stepped_on, jnp.nan, jax.nn.one_hot(state.time, STEPS))

    def reset_env(self, key, params):
        state = ProbeState(time=jnp.int32(0), label=jax.random.randint(key, (), 0, 9))
        return self._observe(state, params), state

    def step_env(self, key, state, action, params):
        over = self._over(state, params)
        reward = jnp.where(over, jnp.nan, params.rewards[state.time, action])
        state = state.replace(time=state.time + 1)
        terminated = state.time >= params.terminate_at
        return self._observe(state, params), state, reward, terminated, {}

    def invalid_actions(self, state, params):
        return params.invalid[jnp.minimum(state.time, STEPS - 1)]

    def is_terminated(self, state, params):
        return state.time >= params.terminate_at

    def is_truncated(self, state, params):
        return state.time >= params.max_steps_in_episode

    def action_space(self, params=None):
        return spaces.Discrete(ACTIONS)

    def observation_space(self, params):
        return spaces.Box(0.0, 1.0, (STEPS,), jnp.float32)


CONFIG = TrainConfig(
    num_lanes=32,
    steps_per_chunk=4,
    num_chunks=40,
    num_simulations=6,
    replay_size=1024,
    batch_size=64,
    updates_per_chunk=16,
    learning_rate=1e-2,
    evaluation_episodes=32,
    evaluate_every=10,
    checkpoint_every=10,
)


@pytest.fixture(scope="session")
def environment_and_network():
    probe = adapt(Probe())
    network, _ = build(NetworkConfig("mlp", "tiny"), probe, ProbeParams(), jax.random.key(0))
    return probe, network


@pytest.fixture(scope="session")
def make_probe_train(environment_and_network):
    """Return a training of the probe with the given parameters; equal settings share it."""
    probe, network = environment_and_network

    def make(env_params, config=CONFIG):
        return make_train(probe, env_params, network, config)

    return make


@pytest.fixture(scope="session")
def probe_params():
    """Return the class of the probe's parameters."""
    return ProbeParams


@pytest.fixture(scope="session")
def probe_config():
    """Return the setting that tests share, to vary it."""
    return CONFIG
