"""Training a model: resumed bit for bit, and used by search, gates, stoppers and the oracle."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
import rrplan
from agents import metapolicies, networks
from agents.metapolicies import learned
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned.config import MetaConfig, PPOConfig
from agents.metapolicies.learned.train import make_meta_train
from agents.metapolicies.selfaware import train as selfaware
from agents.metapolicies.selfaware.config import GainsConfig
from agents.model_learning import errors
from agents.model_learning.config import ModelConfig
from agents.model_learning.network import build, learned_model
from agents.model_learning.train import make_model_train, with_model
from agents.training.fit import fit, read_metrics

CONFIG = ModelConfig(
    width=8, num_lanes=8, steps_per_chunk=3, num_chunks=4, num_simulations=2, replay_size=64,
    batch_size=8, updates_per_chunk=2, evaluation_episodes=8, evaluation_simulations=2,
    evaluate_every=2, checkpoint_every=2,
)  # fmt: skip
KEY = jax.random.key(3)


@functools.cache
def planner():
    """Return an untrained planner of a knapsack of four items."""
    env, env_params = envs.make("knapsack", num_items=4)
    environment = envs.adapt(env)
    config = networks.NetworkConfig(size="tiny")
    network, params = networks.build(config, environment, env_params, jax.random.key(0))
    return rrplan.Planner(environment, env_params, network, params, max_simulations=4)


@functools.cache
def model():
    given = planner()
    return build(CONFIG, given.environment, given.env_params, given.network, 0.9)


@functools.cache
def training():
    return make_model_train(planner(), model(), CONFIG)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("model")
    return directory, fit(training(), KEY, directory, report=lambda record: None)


def imagining(params):
    return with_model(planner(), model(), params)


def test_a_killed_training_resumes_bit_for_bit(finished, tmp_path):
    directory, params = finished

    def kill(record):
        if record["chunk"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(training(), KEY, tmp_path, report=kill)
    resumed = fit(training(), KEY, tmp_path, resume=True, report=lambda record: None)
    jax.tree.map(np.testing.assert_array_equal, resumed, params)
    lines, others = read_metrics(directory), read_metrics(tmp_path)
    assert [line["loss"] for line in lines] == [line["loss"] for line in others]
    assert {f"{head}_loss" for head in ("reward", "legal", "features")} <= lines[0].keys()


@pytest.mark.slow
def test_search_in_the_model_does_not_depend_on_lanes_and_its_order(finished):
    given = imagining(finished[1])
    options = {"key": KEY, "episodes": 12}
    k = jnp.int32(3)
    played = rrplan.evaluate(given, metapolicies.fixed(), k, num_lanes=12, **options)
    assert int(played.simulations.sum()) > 0
    other = rrplan.evaluate(given, metapolicies.fixed(), k, num_lanes=5, **options)
    np.testing.assert_allclose(other.untimed_return, played.untimed_return, atol=1e-6)


def test_actions_are_imagined_alike_in_whatever_order_items_stand(finished):
    network, params = model(), finished[1]
    assert network.kind == "items"
    _, observation = jax.vmap(planner().environment.reset, (0, None))(
        jax.random.split(KEY, 3), planner().env_params
    )
    order = jnp.array([2, 0, 3, 1])

    @jax.jit
    def imagine(params, observation, action):
        features = network.embed(params, observation)
        return network.step(params, features, action)

    imagined = imagine(params, observation, jnp.full(3, 3))
    moved = imagine(params, observation[:, order], jnp.full(3, 2))
    np.testing.assert_allclose(moved.reward, imagined.reward, atol=1e-6)
    np.testing.assert_allclose(moved.features, imagined.features[:, order], atol=1e-5)
    np.testing.assert_allclose(jnp.square(moved.features).mean(-1), np.ones((3, 4)), atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gate", "stopper"])
def test_a_gate_and_a_stopper_train_on_the_model(finished, tmp_path, kind):
    given = imagining(finished[1])
    meta = meta_networks.build(MetaConfig(kind, menu=(0, 2), width=4), given)
    assert meta.rows_are_actions
    ppo = PPOConfig(
        num_lanes=4, looks_per_chunk=16, num_chunks=2, minibatches=2, value_chunks=1,
        evaluation_episodes=8, evaluate_every=2, checkpoint_every=2,
    )  # fmt: skip
    params = fit(
        make_meta_train(given, meta, ppo, start=2), KEY, tmp_path, report=lambda record: None
    )
    played = rrplan.evaluate(given, learned.greedy(meta), params, key=KEY, episodes=8)
    assert int(played.looks.sum()) > 0


@pytest.mark.slow
def test_the_oracle_replays_search_in_the_model(finished):
    given = imagining(finished[1])
    table = rrplan.oracle.tabulate(given, key=KEY, episodes=8, num_lanes=8)
    for k in (0, 3):
        played = rrplan.oracle.replay(table, k)
        episodes = rrplan.evaluate(
            given, metapolicies.fixed(), jnp.int32(k), key=KEY, episodes=8, num_lanes=8
        )
        np.testing.assert_array_equal(played.untimed_return, episodes.untimed_return)
        np.testing.assert_array_equal(played.levels, episodes.levels)


@pytest.mark.slow
def test_one_model_is_one_object_and_errors_are_those_of_each_imagined_step(finished):
    assert learned_model(model()) is learned_model(dataclasses.replace(model()))
    found = errors.measure(planner(), model(), CONFIG, finished[1], 8)
    assert all(each.shape == (CONFIG.unroll_steps,) for each in found)
    assert all(np.isfinite(each).all() for each in found)
    assert (np.diff(found.steps) <= 0).all()  # episodes end


def test_what_needs_the_true_model_says_so_in_one_line(finished):
    given = imagining(finished[1])
    message = "^the planner has a LearnedModel: expected a network, as it plays in the true model"
    with pytest.raises(rrplan.InputError, match=message) as caught:
        make_model_train(given, model(), CONFIG)
    assert "\n" not in str(caught.value)
    with pytest.raises(rrplan.InputError, match="as gains are found by trying actions"):
        selfaware.build(given, (0, 2), GainsConfig())
    with pytest.raises(rrplan.InputError, match="random_share must be between 0 and 1, got 2"):
        dataclasses.replace(CONFIG, random_share=2)
