"""Learning when to think: a problem whose answer is known, resuming, what a training leaves."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents import metapolicies
from agents.metapolicies import learned
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned.config import MetaConfig, PPOConfig
from agents.metapolicies.learned.train import make_meta_train
from agents.training.fit import fit, read_metrics
from rrplan.errors import InputError
from tests.agents.metapolicies.doors import MISTAKE, MOST, planner

PRICE = 0.1
PPO = PPOConfig(
    num_lanes=64, looks_per_chunk=1024, num_chunks=30, minibatches=4, learning_rate=3e-3,
    entropy_weight=0.05, initial_strength=1.0, evaluation_episodes=400, evaluate_every=10,
    checkpoint_every=10, lowest_price=PRICE, highest_price=PRICE,
)  # fmt: skip
META = MetaConfig("stopper", menu=(0, 1, 2), inputs=("search", "progress", "observation"), width=16)


@functools.cache
def training(kind="stopper", **changes):
    given = planner()
    config = dataclasses.replace(META, kind=kind)
    meta = meta_networks.build(config, given)
    return make_meta_train(given, meta, dataclasses.replace(PPO, **changes), start=1)


def evaluate(meta_policy, params, price=PRICE):
    return rrplan.evaluate(
        planner(), meta_policy, params, key=jax.random.key(9), episodes=400,
        costs=rrplan.Costs(price=price), num_lanes=64,
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("stopper")
    return directory, fit(training(), jax.random.key(1), directory, report=lambda record: None)


def best_possible():
    """Think, as little as helps, where the prior is wrong, and nowhere else."""
    returns = [evaluate(metapolicies.fixed(), jnp.int32(k)) for k in range(MOST + 1)]
    right = [float(episodes.untimed_return.mean()) for episodes in returns]
    least = next(k for k in range(MOST + 1) if right[k] > 1.99)
    assert least > 0
    wrong = (2.0 - right[0]) / MISTAKE
    best_fixed = max(float(episodes.timed_return.mean()) for episodes in returns)
    return 2.0 - PRICE * least * wrong, best_fixed


def test_it_learns_when_to_think(finished):
    _, params = finished
    optimum, best_fixed = best_possible()
    found = evaluate(learned.greedy(training().network), params)
    assert float(found.timed_return.mean()) > best_fixed + 0.05
    np.testing.assert_allclose(found.timed_return.mean(), optimum, atol=0.01)


def test_what_a_training_says_of_itself(finished):
    directory, _ = finished
    records = read_metrics(directory)
    assert [record["chunk"] for record in records] == list(range(1, 31))
    assert all(0 <= record["looks"] - PPO.looks_per_chunk < PPO.num_lanes for record in records)
    assert records[-1]["evaluation_return"] > records[0]["timed_return"]
    assert records[-1]["stops_at_once"] == pytest.approx(0.5, abs=0.1)
    assert 0 <= records[-1]["kl"] < 0.1


def test_resuming_gives_the_same_result_bit_for_bit(finished, tmp_path):
    class Killed(Exception):  # noqa: N818 - not an error: it stands for a signal
        pass

    def kill(record):
        if record["chunk"] == 17:
            raise Killed

    with pytest.raises(Killed):
        fit(training(), jax.random.key(1), tmp_path, report=kill)
    resumed = fit(training(), jax.random.key(1), tmp_path, resume=True, report=lambda record: None)
    jax.tree.map(np.testing.assert_array_equal, resumed, finished[1])
    drop = ("seconds",)
    logs = [
        [{k: v for k, v in record.items() if k not in drop} for record in read_metrics(path)]
        for path in (finished[0], tmp_path)
    ]
    assert logs[0] == logs[1]


def test_another_training_is_not_gone_on_with(finished):
    given = planner()
    other = given._replace(params=2 * given.params, search=rrplan.Search(acting="visits"))
    meta = training().network
    for train, what in (
        (training(highest_price=2 * PRICE), "train"),
        (make_meta_train(given, meta, PPO, start=2), "start"),
        (make_meta_train(other, meta, PPO, start=1), "planner, search"),
    ):
        with pytest.raises(InputError, match=f"holds another training: {what} differ"):
            fit(train, jax.random.key(1), finished[0], resume=True)


def test_what_cannot_be_trained_gets_one_clear_line():
    given, meta = planner(), training().network
    with pytest.raises(InputError, match=f"start is 9: expected 0 to {MOST}"):
        make_meta_train(given, meta, PPO, start=9)
    with pytest.raises(InputError, match="max_simulations is 0: expected 1 to"):
        make_meta_train(given._replace(max_simulations=0), meta, PPO, start=0)


@pytest.mark.slow
def test_a_price_conditioned_gate_thinks_less_where_it_is_dear(tmp_path):
    config = dataclasses.replace(META, kind="gate", inputs=(*META.inputs, "price"))
    given = planner()
    meta = meta_networks.build(config, given)
    ppo = dataclasses.replace(PPO, lowest_price=0.02, highest_price=1.0, evaluate_every=30)
    train = make_meta_train(given, meta, ppo, start=1)
    params = fit(train, jax.random.key(3), tmp_path, report=lambda record: None)
    cheap, dear = (evaluate(learned.greedy(meta), params, price) for price in (0.03, 0.8))
    assert cheap.simulations.mean() > 0.8
    assert dear.simulations.mean() < 0.05
    # It is asked once to choose, and again when what it ordered is done.
    np.testing.assert_array_equal(cheap.looks, cheap.length)
