"""Self-play and replay: exact returns, masked targets, states kept apart, rings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
from agents.alphazero import replay, selfplay
from agents.alphazero.config import TrainConfig
from agents.alphazero.replay import Position
from agents.networks import NetworkConfig, build
from envs.adapters.gymnax_adapter import adapt
from envs.puzzles.knapsack import Knapsack
from rrplan.models.true_model import make_true_model

KEY = jax.random.key(0)


def record(rewards, done, search_values, final_values=None):
    steps = len(rewards)
    final_values = final_values or [0.0] * steps
    rows = (search_values, rewards, done, final_values)
    kinds = (np.float32, np.float32, bool, np.float32)
    columns = [np.array(column, kind)[:, None] for column, kind in zip(rows, kinds, strict=True)]
    blank = np.zeros((steps, 1), np.float32)
    return selfplay.Played(blank, blank, blank, *columns, blank, blank, blank)


# Compiled in one piece, as below: operation by operation takes far longer.
value_targets = jax.jit(selfplay.value_targets)


@pytest.mark.parametrize(
    ("gamma", "td_lambda", "expected"),
    [
        (1.0, 1.0, [3.0, 2.0, 14.0, 10.0]),
        (0.5, 1.0, [2.0, 2.0, 6.5, 5.0]),
        (1.0, 0.0, [21.0, 2.0, 44.0, 10.0]),
    ],
)
def test_value_targets_by_hand(gamma, td_lambda, expected):
    played = record([1.0, 2.0, 4.0, 0.0], [False, True, False, False], [10.0, 20.0, 30.0, 40.0])
    targets = value_targets(played, np.float32([10.0]), gamma, td_lambda)
    np.testing.assert_allclose(targets[:, 0], expected)


def test_lambda_mixes_the_two_ends():
    played = record([0.0, 1.0], [False, True], [5.0, 3.0])
    targets = value_targets(played, np.float32([7.0]), 1.0, 0.25)
    np.testing.assert_allclose(targets[:, 0], [0.25 * 1.0 + 0.75 * 3.0, 1.0])


def test_what_comes_after_a_limit_counts():
    played = record([1.0, 2.0, 4.0], [False, True, False], [5.0, 3.0, 9.0], [0.0, 8.0, 0.0])
    targets = value_targets(played, np.float32([6.0]), 0.5, 1.0)
    np.testing.assert_allclose(targets[:, 0], [4.0, 6.0, 7.0])


@pytest.mark.parametrize("bootstrap", [True, False])
def test_only_a_limit_is_looked_beyond(bootstrap):
    """CartPole cut after its third step, and one lane that falls over in it."""
    env, env_params = envs.make("CartPole-v1")
    env_params = env_params.replace(max_steps_in_episode=3)
    environment = adapt(env)
    network, params = build(NetworkConfig("mlp", "tiny"), environment, env_params, KEY)
    config = TrainConfig(
        num_lanes=4, num_simulations=2, steps_per_chunk=1, bootstrap_truncated=bootstrap
    )
    model = make_true_model(environment, env_params, network, 1.0)

    @jax.jit
    def play(params):
        lanes = selfplay.reset_lanes(environment, env_params, KEY, 4)
        state = lanes.state.replace(
            time=jnp.array([2, 2, 0, 2]),
            theta=lanes.state.theta.at[1].set(0.2),
            theta_dot=jnp.array([0.0, 9.0, 0.0, 0.0]),
        )
        lanes = lanes._replace(state=state)
        return selfplay.play_step(model, config, params, KEY, lanes)[1]

    played = jax.device_get(play(params))
    np.testing.assert_array_equal(played.done, [True, True, False, True])
    assert (played.final_value != 0).tolist() == [bootstrap, False, False, bootstrap]


def test_the_model_keeps_an_instance_apart_from_what_steps_change():
    env = Knapsack()
    # Which leaves these are does not depend on the network.
    model = make_true_model(adapt(env), env.default_params, network=None)
    state = jax.device_get(jax.jit(adapt(env).reset)(jax.random.key(0), env.default_params)[0])
    moving, still = model.division.divide(state)
    assert len(still) == 4  # weights, values, capacity, optimum
    joined = model.division.join(moving, still)
    assert jax.tree.all(jax.tree.map(np.array_equal, state, joined))


def test_search_never_gives_weight_to_illegal_actions():
    env = Knapsack()
    environment, env_params = adapt(env), env.default_params
    network, params = build(
        NetworkConfig("items", "tiny"), environment, env_params, jax.random.key(0)
    )
    config = TrainConfig(num_lanes=32, steps_per_chunk=12, num_simulations=4)
    model = make_true_model(environment, env_params, network, config.gamma)

    @jax.jit
    def play(params):
        lanes = selfplay.reset_lanes(environment, env_params, jax.random.key(1), 32)
        return selfplay.play_chunk(model, config, params, KEY, lanes)[1]

    played = jax.device_get(play(params))
    assert bool(played.invalid_actions.any())
    assert float(np.where(played.invalid_actions, played.policy_target, 0.0).max()) == 0.0
    np.testing.assert_allclose(played.policy_target.sum(-1), 1.0, atol=1e-5)
    # An illegal pack would pay nothing, and no return could exceed the optimum.
    assert float(played.reward.min()) > 0.0
    assert float(played.episode_return.max()) <= 1.0 + 1e-5
    assert int(played.done.sum()) >= 32


KEY = jax.random.key(2)


def test_a_ring_overwrites_its_oldest_rows_and_samples_only_what_it_holds():
    def rows(first):
        numbers = np.arange(first, first + 4.0, dtype=np.float32)
        return Position(numbers, numbers[:, None] > 0, numbers[:, None], numbers)

    row = jax.tree.map(lambda leaf: leaf[0], rows(1.0))
    insert, sample = jax.jit(replay.insert), jax.jit(replay.sample, static_argnums=2)
    ring = insert(replay.empty(row, 8), rows(1.0))
    drawn = sample(ring, KEY, 500).value_target
    assert set(np.asarray(drawn).tolist()) == {1.0, 2.0, 3.0, 4.0}
    ring = insert(insert(ring, rows(5.0)), rows(9.0))
    assert sorted(ring.rows.value_target.tolist()) == [5, 6, 7, 8, 9, 10, 11, 12]
    assert int(ring.size) == 8
    assert int(ring.cursor) == 4
