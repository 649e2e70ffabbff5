"""Exact gains by hand and by play, regression onto them, imitation, and PPO from there on."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned import train as meta_train
from agents.metapolicies.learned.config import MetaConfig, PPOConfig
from agents.metapolicies.learners import tables
from agents.metapolicies.learners.config import LearnerConfig
from agents.metapolicies.learners.making import Task, make_training
from agents.metapolicies.learners.playing import Manner, play, running
from agents.training.fit import fit, read_metrics
from rrplan import oracle
from rrplan.errors import InputError
from tests.agents.metapolicies.doors import MISTAKE, MOST, planner

PRICE = 0.05
LOOK = 0.3  # in multiples of the price
COSTS = rrplan.Costs(rates=rrplan.Rates(look=LOOK))
INSTANCES = 64
KEY = jax.random.key(5)
PPO = PPOConfig(
    num_lanes=32, looks_per_chunk=256, num_chunks=20, minibatches=4, learning_rate=2e-2,
    initial_strength=0.0, evaluation_episodes=128, evaluate_every=10, checkpoint_every=5,
    value_chunks=2, lowest_price=PRICE, highest_price=PRICE,
)  # fmt: skip
MENU = (0, 1, 2, 4)


def task(kind, agent="gate", inputs=("prior", "progress", "observation"), **changes):
    """Return what is to be learned about the doors."""
    meta = meta_networks.build(MetaConfig(agent, MENU, inputs, width=8), planner())
    settings = LearnerConfig(kind, instances=INSTANCES, imitation_chunks=10)
    return Task(planner(), meta, dataclasses.replace(PPO, **changes), 1, COSTS, settings)


@functools.cache
def table():
    return oracle.tabulate(planner(), key=KEY, episodes=INSTANCES, num_lanes=32)


@functools.cache
def known():
    return tables.of_table(table(), COSTS._replace(price=PRICE))


def least_that_helps():
    """Return the least k after which a wrong prior is not followed."""
    return min(k for k in range(MOST + 1) if (table().action[:, 0, k] == 1).any())


@functools.cache
def played(agent="gate"):
    """Play the tabulated episodes with any answer at every look; return the record, and gains."""
    walk = known().walk
    own = task("regression", agent)
    spec, given = meta_train.divide(own.planner, own.network, own.ppo, 1, COSTS)
    engine = meta_train.engine_of(spec, given, running(own.network, Manner(explored=1.0)))

    @jax.jit
    def run():
        told = meta_train.settings_of(given, KEY, own.network.init(jax.random.key(0)))
        ids = jnp.arange(INSTANCES)
        return play(engine, told, ids, jnp.full(INSTANCES, PRICE), 1, walk=walk)

    return own.network, run()


def used(found):
    return np.arange(found.marks.node.shape[0])[:, None] < np.asarray(found.looks.count)


def shown(found):
    """Return the inputs of all looks in use, their answers and their nodes."""
    rows = used(found)
    told = found.looks.aux.inputs, found.looks.aux.answer, found.marks.node
    return jax.tree.map(lambda leaf: np.asarray(leaf)[rows], told)


@functools.partial(jax.jit, static_argnums=0)
def judge(network, gains, inputs, node):
    gained = tables.gains_of(gains, network, inputs, node)
    return gained, tables.best(gained)


@pytest.mark.parametrize("agent", ["gate", pytest.param("stopper", marks=pytest.mark.slow)])
def test_the_walk_knows_in_which_state_each_look_is(agent):
    _, found = played(agent)
    inputs, answer, node = shown(found)
    # The observation is shown last: whether the prior is wrong, and the time.
    graph, listed = table().graph, np.asarray(inputs.whole[:, -2:])
    np.testing.assert_array_equal(graph.height[node], 1 - listed[:, 1])
    by_node = {}
    for place, wrong in zip(node, listed[:, 0], strict=True):
        assert by_node.setdefault(place, wrong) == wrong
    assert len(by_node) == 2 * INSTANCES  # every state was met
    # Episodes that the table plays by the same answers earn the same.
    place = np.asarray(found.marks.place)[used(found)]
    k = np.zeros(len(graph.height), int)
    np.maximum.at(k, node, inputs.simulations + np.array(MENU)[answer])
    replayed = oracle.replay(table(), np.minimum(k, MOST))
    np.testing.assert_allclose(replayed.untimed_return, found.episodes.untimed_return)
    np.testing.assert_array_equal(replayed.simulations, found.episodes.simulations)
    assert set(place) == set(range(INSTANCES))


def test_gains_by_hand():
    """Where the prior is right thinking gains nothing; where it is wrong, the mistake."""
    network, found = played()
    inputs, _, node = shown(found)
    gained, best = judge(network, known(), inputs, node)
    wrong = np.asarray(inputs.whole[:, -2]) > 0.5
    helps = np.array(MENU) >= least_that_helps()
    expected = MISTAKE * np.outer(wrong, helps) - PRICE * np.array(MENU)
    np.testing.assert_allclose(gained, expected, atol=1e-6)
    least = int(np.argmax(helps))
    np.testing.assert_array_equal(best, np.where(wrong, least, 0))


@pytest.mark.slow
def test_a_stopper_pays_for_the_look_that_says_it_acts():
    network, found = played("stopper")
    inputs, _, node = shown(found)
    gained = np.asarray(judge(network, known(), inputs, node)[0])
    done, worth = np.asarray(inputs.simulations), np.asarray(known().worth)
    assert (done > 0).any()
    for place in range(0, len(done), 7):
        own = worth[int(node[place])]
        for m, gain in zip(MENU, gained[place], strict=True):
            after = min(done[place] + m, MOST)
            again = PRICE * LOOK * (m > 0 and after < MOST)
            assert gain == pytest.approx(own[after] - own[done[place]] - again, abs=1e-6)


def test_regression_finds_the_exact_best_k_of_every_state():
    own = task("regression")
    made = make_training(own)
    state, last = made.init(KEY, own.network.init(jax.random.key(1))), None
    for _ in range(PPO.num_chunks):
        state, last = made.advance(state)
    assert last is not None
    params, last = state.params, last._asdict()
    assert last["agreement"] == 1
    assert last["regret"] == pytest.approx(0, abs=1e-6)
    # What it predicts is what is gained, in units of return.
    _, found = played()
    inputs, _, node = shown(found)
    gained, _ = judge(own.network, known(), inputs, node)
    logits = np.asarray(jax.jit(own.network)(params, inputs)[0])
    predicted = (logits - logits[:, :1]) * float(params["value_deviation"])
    np.testing.assert_allclose(predicted, gained, atol=0.05)


@pytest.mark.slow
def test_imitation_agrees_with_hindsight_then_ppo_goes_on_and_resumes_bit_for_bit(tmp_path):
    class Killed(Exception):  # noqa: N818 - not an error: it stands for a signal
        pass

    def kill_at(chunk):
        def kill(record):
            if record["chunk"] == chunk:
                raise Killed

        return kill

    made = make_training(task("imitation"))
    params = fit(made, jax.random.key(1), tmp_path / "whole", report=lambda record: None)
    records = read_metrics(tmp_path / "whole")
    assert [("agreement" in record, "kl" in record) for record in records] == (
        [(True, False)] * 10 + [(False, True)] * 10
    )
    assert records[9]["agreement"] > 0.9
    assert records[-1]["evaluation_return"] >= records[9]["evaluation_return"] - 0.01
    for chunk in (7, 13):  # in the middle of either stage
        directory = tmp_path / f"killed-{chunk}"
        with pytest.raises(Killed):
            fit(made, jax.random.key(1), directory, report=kill_at(chunk))
        resumed = fit(made, jax.random.key(1), directory, resume=True, report=lambda record: None)
        jax.tree.map(np.testing.assert_array_equal, params, resumed)


def test_what_a_learner_cannot_train_gets_one_clear_line():
    with pytest.raises(InputError, match=r"unknown learner 'remux'.*remax"):
        LearnerConfig("remux")
    with pytest.raises(InputError, match="runs must be at least 2, so that there are others"):
        LearnerConfig("leave-one-out", runs=1)
    with pytest.raises(InputError, match="episodes must be at least runs = 4, got 3"):
        LearnerConfig("leave-one-out", episodes=3)
    with pytest.raises(InputError, match=r"learner regression got prices from 0.01 to 0.05"):
        make_training(task("regression", lowest_price=0.01))
    own = task("imitation")
    with pytest.raises(InputError, match="imitation_chunks is 10: expected less than 8, as num_ch"):
        make_training(task("imitation", num_chunks=10))
    deep = meta_networks.build(MetaConfig("gate", MENU, ("prior",), 8, (1, 0)), planner())
    with pytest.raises(InputError, match=r"learner imitation got depths \(1, 0\): expected none"):
        make_training(own._replace(network=deep))
