"""A model that learns beside the agent: resumed bit for bit, and used by search afterwards."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
import rrplan
from agents import metapolicies, networks
from agents.model_learning.config import ModelConfig
from agents.model_learning.network import build, network_of
from agents.model_learning.train import with_model
from agents.thinker.config import ThinkerConfig
from agents.thinker.player import MODEL, equip
from agents.thinker.trainable import make
from agents.training.fit import begin, fit, read_metrics
from rrplan.errors import InputError

KEY = jax.random.key(11)
LEARNED = ModelConfig(width=8, replay_size=144, batch_size=16)
CONFIG = ThinkerConfig(
    steps=3, k_max=2, depth=2, items_width=8, items_layers=1, num_lanes=8, steps_per_chunk=6,
    num_chunks=5, minibatches=2, value_chunks=1, evaluation_episodes=8, evaluate_every=5,
    checkpoint_every=2, model_steps=6, model_learning_rate=1e-2,
)  # fmt: skip


@functools.cache
def planner():
    """Return a planner of a knapsack of four items, with a model of it; both are untrained."""
    env, env_params = envs.make("knapsack", num_items=4)
    environment = envs.adapt(env)
    config = networks.NetworkConfig(size="tiny")
    network, params = networks.build(config, environment, env_params, jax.random.key(0))
    alone = rrplan.Planner(environment, env_params, network, params, max_simulations=4)
    model = build(LEARNED, environment, env_params, network, 1.0)
    return with_model(alone, model, model.init(jax.random.key(1)))


@functools.cache
def trainable():
    return make(planner(), CONFIG, chosen=False, learned=LEARNED)


def quiet(record):
    pass


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("beside")
    return directory, fit(trainable().training, KEY, directory, report=quiet)


def test_a_killed_training_resumes_bit_for_bit(finished, tmp_path):
    def kill(record):
        if record["chunk"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(trainable().training, KEY, tmp_path, report=kill)
    resumed = fit(trainable().training, KEY, tmp_path, resume=True, report=quiet)
    jax.tree.map(np.testing.assert_array_equal, resumed, finished[1])
    logs = [
        [{k: v for k, v in record.items() if k != "seconds"} for record in read_metrics(path)]
        for path in (finished[0], tmp_path)
    ]
    assert logs[0] == logs[1]


def test_the_model_learns_and_its_losses_are_told(finished):
    directory, params = finished
    before = jax.tree.leaves(planner().params)
    moved = [
        float(jnp.abs(a - b).max())
        for a, b in zip(before, jax.tree.leaves(params[MODEL]), strict=True)
    ]
    assert min(moved) > 0.0  # every part of it
    records = read_metrics(directory)
    heads = ("reward", "ended", "features", "value", "policy", "legal")
    assert all(record[f"model_{head}_loss"] > 0.0 for record in records for head in heads)
    assert records[-1]["model_loss"] < records[0]["model_loss"]
    rates = [record["model_learning_rate"] for record in records]
    assert max(rates) <= CONFIG.model_learning_rate
    assert rates[-1] < rates[0]


@pytest.mark.slow
def test_the_engine_searches_in_the_model_that_results(finished):
    equipped = equip(planner(), finished[1])
    assert network_of(equipped.network) == network_of(planner().network)
    options = {"key": KEY, "episodes": 8}
    played = rrplan.evaluate(equipped, metapolicies.fixed(), jnp.int32(2), **options)
    assert int(played.simulations.sum()) > 0


def test_the_agent_imagines_with_the_model_of_its_own_parameters(finished):
    player, params = trainable().meta_policy, finished[1]
    options = {"key": KEY, "episodes": 8, "num_lanes": 8}
    own = player.evaluate(planner(), params, **options)
    agent = {name: leaf for name, leaf in params.items() if name != MODEL}
    same = player.evaluate(planner()._replace(params=params[MODEL]), agent, **options)
    jax.tree.map(np.testing.assert_array_equal, own, same)


def test_the_model_is_shown_each_real_step_and_no_imagined_one():
    """What the history holds after three rounds is what the agent's metrics tell of them."""
    training = trainable().training
    state = begin(training, KEY)
    totals, episodes = 0.0, 0
    for _ in range(3):
        state, metrics = training.advance(state)
        told = metrics._asdict()
        ended = int(told["episodes"])
        totals += ended * float(told["untimed_return"]) if ended else 0.0
        episodes += ended
    known = jax.device_get(state.history)
    lanes, finished, earned = CONFIG.num_lanes, 0, 0.0
    assert known.cursor.min() < known.cursor.max()  # some lanes have taken more steps than others
    for lane in range(lanes):
        rows = jax.tree.map(lambda leaf, lane=lane: leaf[lane::lanes], known.rows)
        count = int(known.cursor[lane])  # no ring has come round
        stored = known.priority[lane::lanes] > 0
        assert stored[:count].all()
        assert not stored[count:].any()
        total = 0.0
        for place in range(count):
            legal = ~rows.invalid_actions[place]
            assert legal[rows.action[place]]
            assert rows.policy_target[place][~legal].max(initial=0.0) == 0.0
            assert rows.policy_target[place].sum() == pytest.approx(1.0, abs=1e-5)
            total += float(rows.reward[place])
            if rows.ended[place]:
                finished, earned, total = finished + 1, earned + total, 0.0
    assert finished == episodes > lanes
    assert earned == pytest.approx(totals, rel=1e-5)


def test_without_steps_the_model_stays_as_it_is():
    frozen = make(planner(), dataclasses.replace(CONFIG, model_steps=0), chosen=False)
    assert MODEL not in jax.eval_shape(frozen.training.network.init, KEY)
    assert "learned" not in frozen.training.identity


def test_a_model_that_is_not_the_suites_gets_one_line():
    other = planner()._replace(network=planner().network._replace(features_fn=None))
    with pytest.raises(InputError, match="model_steps is 6: expected 0, as the planner") as caught:
        make(other, CONFIG, chosen=False)
    assert "\n" not in str(caught.value)
