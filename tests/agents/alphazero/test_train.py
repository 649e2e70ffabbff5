"""Training: values that are known, settings that are refused, presets that fit."""

import dataclasses
import functools

import gymnax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
from agents.alphazero.config import TrainConfig
from agents.alphazero.replay import Position
from agents.alphazero.train import make_train, update
from agents.networks import build
from agents.presets import PRESETS, train_preset
from agents.training.descent import make_optimizer, make_schedule
from envs import adapt
from envs.puzzles.knapsack import Knapsack
from rrplan.errors import InputError
from rrplan.logits import mask_logits
from rrplan.types import Evaluation

KEY = jax.random.key(0)
TIMES = np.eye(3, dtype=np.float32)


# Compiled in one piece: operation by operation takes far longer.
@functools.partial(jax.jit, static_argnums=0)
def ask(network, params):
    return network(params, TIMES)


def learn(train):
    state = train.init(KEY, train.network.init(KEY))
    for _ in range(train.config.num_chunks):
        state, metrics = train.advance(state)
    answer = ask(train.network, state.params)
    return state, metrics, answer


def test_a_chain_is_solved_and_its_values_known(make_probe_train, probe_params):
    # The tempting action 0 is illegal at time 1; after the end everything is NaN, so a search
    # or a loss that looks there cannot stay finite.
    rewards = jnp.array([[0.0, 1.0, 0.5], [9.0, 0.0, 1.0], [0.0, 0.0, 0.5]])
    invalid = jnp.array([[False] * 3, [True, False, False], [False] * 3])
    train = make_probe_train(probe_params(rewards=rewards, invalid=invalid))
    state, metrics, answer = learn(train)
    logits = mask_logits(answer.prior_logits, invalid)
    assert jnp.argmax(logits, axis=1).tolist() == [1, 2, 2]
    np.testing.assert_allclose(answer.value, [2.5, 1.5, 0.5], atol=0.15)
    np.testing.assert_allclose(train.evaluate(state.params), 2.5)
    assert metrics.finite_input == 1.0
    assert metrics.selfplay_length == 3.0


@pytest.mark.parametrize(
    "clock", [{"terminate_at": 2}, {"max_steps_in_episode": 2}], ids=["terminated", "truncated"]
)
def test_both_ends_end_the_return(make_probe_train, probe_params, clock):
    rewards = jnp.ones((3, 3))
    train = make_probe_train(probe_params(rewards=rewards, **clock))
    state, metrics, answer = learn(train)
    np.testing.assert_allclose(answer.value[:2], [2.0, 1.0], atol=0.1)
    np.testing.assert_array_equal(train.evaluate(state.params), 2.0)
    assert metrics.selfplay_length == 2.0


def test_discounted_values_and_preferences(make_probe_train, probe_params, probe_config):
    # 0.6 now against 1.0 two steps later: at a discount of one half, the bird in the hand.
    rewards = jnp.array([[0.6, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    config = dataclasses.replace(probe_config, gamma=0.5)
    _, _, answer = learn(make_probe_train(probe_params(rewards=rewards), config))
    np.testing.assert_allclose(answer.value, [0.85, 0.5, 1.0], atol=0.1)


def test_the_same_key_gives_the_same_parameters(make_probe_train, probe_params):
    def after_two(seed):
        train = make_probe_train(probe_params(rewards=jnp.ones((3, 3)).at[0, 0].set(2.0)))
        state = train.init(jax.random.key(seed), train.network.init(KEY))
        for _ in range(2):
            state, _ = train.advance(state)
        return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(state.params)])

    first = after_two(1)
    np.testing.assert_array_equal(first, after_two(1))
    assert float(np.abs(first - after_two(2)).max()) > 0


def test_entropy_by_hand_counts_legal_actions_alone():
    def network(params, observation):
        nothing = jnp.zeros(len(observation))
        return Evaluation(params[None], nothing, nothing[:, None])

    logits = np.log(np.float32([1.0, 3.0, 50.0]))  # a quarter and three quarters; the last: illegal
    batch = Position(
        observation=np.zeros((1, 1), np.float32),
        invalid_actions=np.array([[False, False, True]]),
        policy_target=np.array([[1.0, 0.0, 0.0]], np.float32),
        value_target=np.zeros(1, np.float32),
    )

    @functools.partial(jax.jit, static_argnums=0)
    def loss(weight):
        config, start = TrainConfig(entropy_weight=weight), jnp.asarray(logits)
        return update(network, config, start, make_optimizer(config).init(start), batch)[2]

    without, much = loss(0.0), loss(2.0)
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert without.loss == pytest.approx(np.log(4))
    assert much.loss == pytest.approx(np.log(4) - 2 * entropy)
    assert much.policy == without.policy  # what is told of the policy is its error alone


def test_the_schedule_warms_up_and_ends_low():
    config = TrainConfig(num_chunks=10, updates_per_chunk=10, warmup_share=0.1)
    schedule = make_schedule(config)
    assert schedule(0) == 0.0
    np.testing.assert_allclose(schedule(10), config.learning_rate, rtol=1e-6)
    np.testing.assert_allclose(schedule(100), 0.01 * config.learning_rate, rtol=1e-5)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    "name",
    [
        *("knapsack", "sliding_tiles", "sokoban", "tardiness", "traps"),
        *("Catch-bsuite", "FrozenLake-misc", "CartPole-v1", "Acrobot-v1"),
    ],
)
def test_every_preset_fits_its_environment(name, preset):
    """Smoke: every preset builds; those of two environments are traced as a whole."""
    env, env_params = envs.make(name)
    environment = adapt(env)
    network_config, config = train_preset(name, preset)
    network, params = build(network_config, environment, env_params, KEY)
    train = make_train(environment, env_params, network, config)
    state = jax.eval_shape(train.init, KEY, params)
    if preset == "quick" and name in ("knapsack", "CartPole-v1"):
        after, metrics = jax.eval_shape(train.advance, state)
        assert jax.tree.map(lambda x: (x.shape, x.dtype), after) == jax.tree.map(
            lambda x: (x.shape, x.dtype), state
        )
        assert {leaf.shape for leaf in metrics} == {()}
    assert config.total_steps == config.num_chunks * config.num_lanes * config.steps_per_chunk


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(InputError, match="unknown preset 'quik': did you mean 'quick'"):
        train_preset("knapsack", "quik")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_simulations": 0}, "num_simulations must be at least 1, got 0"),
        ({"num_lanes": -1}, "num_lanes must be at least 1, got -1"),
        ({"num_lanes": 64.5}, "num_lanes must be a whole number, got 64.5"),
        ({"num_lanes": "64"}, "num_lanes must be a whole number, got '64'"),
        ({"num_lanes": True}, "num_lanes must be a whole number, got True"),
        ({"replay_size": None}, "replay_size must be a whole number, got None"),
        ({"gamma": "1"}, "gamma must be a number, got '1'"),
        ({"learning_rate": None}, "learning_rate must be a number, got None"),
        ({"gamma": 1.5}, "gamma must be between 0 and 1, got 1.5"),
        ({"td_lambda": -0.1}, "td_lambda must be between 0 and 1, got -0.1"),
        ({"learning_rate": 0.0}, "learning_rate must be positive, got 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate must be finite, got nan"),
        ({"entropy_weight": -0.5}, "entropy_weight must be zero or more, got -0.5"),
        ({"value_scale": -1.0}, "value_scale must be zero or more, got -1.0"),
    ],
)
def test_bad_settings_are_one_clear_line(fields, message):
    with pytest.raises(InputError) as caught:
        TrainConfig(**fields)
    assert str(caught.value) == message


def test_the_replay_holds_whole_chunks():
    config = TrainConfig(num_lanes=np.int64(10), steps_per_chunk=3, replay_size=100)
    assert config.replay_capacity == 120


@pytest.mark.slow
def test_the_quick_knapsack_beats_greedy():
    """A study: without search, over three seeds, by far more than the standard error."""
    env = Knapsack()
    environment, env_params = adapt(env), env.default_params
    network_config, config = train_preset("knapsack", "quick")
    config = dataclasses.replace(config, evaluation_episodes=4096)
    network, _ = build(network_config, environment, env_params, KEY)
    train = make_train(environment, env_params, network, config)
    for seed in range(3):
        key = jax.random.key(seed)
        state = train.init(key, network.init(key))
        for _ in range(config.num_chunks):
            state, _ = train.advance(state)
        assert train.evaluate(state.params).mean() > 0.935  # greedy: 0.924


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kwargs"), [("Catch-bsuite", {}), ("FrozenLake-misc", {"is_slippery": False})]
)
def test_the_quick_presets_reach_the_optimum(name, kwargs):
    env, env_params = gymnax.make(name, **kwargs)
    network_config, config = train_preset(name, "quick")
    network, params = build(network_config, adapt(env), env_params, KEY)
    train = make_train(adapt(env), env_params, network, config)
    state = train.init(KEY, params)
    for _ in range(config.num_chunks):
        state, _ = train.advance(state)
    np.testing.assert_array_equal(train.evaluate(state.params), 1.0)
