"""Predicted gains as inputs, and the gate that rides on the planner's network."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.declarations import Request
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned import trainable
from agents.metapolicies.learned.aware import AwareNetwork
from agents.metapolicies.learned.config import MetaConfig, PPOConfig
from agents.metapolicies.selfaware.config import GainsConfig
from agents.metapolicies.selfaware.head import GainHead
from agents.training.fit import fit, read_metrics
from rrplan import Rates, operations
from rrplan.errors import InputError
from tests.agents.metapolicies.doors import planner

MENU = (0, 1, 2)
PPO = PPOConfig(
    num_lanes=16, looks_per_chunk=64, num_chunks=4, minibatches=2, evaluation_episodes=16,
    evaluate_every=2, checkpoint_every=2, value_chunks=1, lowest_price=0.1, highest_price=0.1,
)  # fmt: skip
GAINS = GainsConfig(
    num_lanes=8, steps_per_chunk=4, num_chunks=3, replay_size=64, batch_size=16,
    updates_per_chunk=4, learning_rate=3e-2, evaluation_episodes=16, evaluate_every=3,
    checkpoint_every=3,
)  # fmt: skip
GATE = MetaConfig("gate", MENU, ("progress", "features", "gains"), width=4)


def request(**changes):
    meta = dataclasses.replace(GATE, **changes)
    return Request(meta, PPO, GAINS, 1, lambda meta_policy, params: Rates())


def seen(rows):
    shapes = operations.shapes_seen(planner(), rows)
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def test_gains_stand_last_less_what_each_k_costs():
    head = GainHead((1, 2), features=2, width=3, return_scale=2.0)
    network = meta_networks.build(GATE, planner(), head=head)
    params = network.init(jax.random.key(0))
    params["head"]["gains"]["bias"] = jnp.array([0.5, 1.5])  # in tenths of 2
    # To act is not predicted: it gains nothing. The price is what one simulation costs there.
    whole = network.show(seen(3)._replace(price=jnp.array([0.0, 0.1, 1.0])), params).whole
    expected = [[0.1, 0.3], [0.0, 0.1], [-0.9, -1.7]]
    np.testing.assert_allclose(whole[:, -2:], expected, atol=1e-6)
    plain = meta_networks.build(
        dataclasses.replace(GATE, inputs=("progress", "features")), planner()
    )
    np.testing.assert_array_equal(whole[:, :-2], plain.show(seen(3)).whole)
    assert network.whole_in == plain.whole_in + 2 == whole.shape[-1]


def test_a_head_is_given_where_gains_are_seen_and_nowhere_else():
    head = GainHead((1, 2), features=2, width=3)
    with pytest.raises(InputError, match="with none of a head that predicts gains: expected"):
        meta_networks.build(GATE, planner())
    with pytest.raises(InputError, match="with one of a head that predicts gains: expected"):
        meta_networks.build(MetaConfig("gate", MENU), planner(), head=head)
    with pytest.raises(InputError, match="unknown input group 'gain': did you mean 'gains'"):
        MetaConfig(inputs=("gain",))
    assert "gains" not in MetaConfig().inputs


def linear(inputs, outputs):
    return 2 * inputs * outputs + outputs


def columns(inputs, outputs):
    return 2 * inputs * outputs  # products and bias are added up: one sum less than terms


def test_a_look_of_the_gate_on_the_planners_network_by_hand():
    """One hidden layer; what is made of its inputs is a few operations a column."""
    whole, width, answers = 5 + 2, 4, 3
    made = trainable.aware(planner(), request(inputs=("progress", "features")))
    params = jax.eval_shape(made.training.network.init, jax.random.key(0))
    by_hand = columns(whole, width) + width + columns(width, answers)
    counted = operations.of_look(planner(), made.meta_policy, params)
    assert by_hand < counted < by_hand + 10 * whole + 60
    assert isinstance(made.training.network, AwareNetwork)
    deeper = trainable.make(planner(), request(inputs=("progress", "features")))
    params = jax.eval_shape(deeper.training.network.init, jax.random.key(0))
    more = operations.of_look(planner(), deeper.meta_policy, params) - counted
    assert more == columns(width, width) + width


def test_predicted_gains_are_charged_in_a_look():
    def cost(inputs):
        made = trainable.aware(planner(), request(inputs=inputs))
        params = jax.eval_shape(made.training.network.init, jax.random.key(0))
        return operations.of_look(planner(), made.meta_policy, params)

    head = linear(2, GAINS.width) + GAINS.width + linear(GAINS.width, 2)
    more = cost(GATE.inputs) - cost(("progress", "features"))
    assert head < more < head + 2 * 2 * 4 + 40


@pytest.mark.parametrize(
    "make", [pytest.param(trainable.make, marks=pytest.mark.slow), trainable.aware]
)
def test_the_head_is_learned_first_and_stays_and_a_training_resumes_bit_for_bit(make, tmp_path):
    training = make(planner(), request()).training
    key, told = jax.random.key(2), []
    learned = fit(training, key, tmp_path / "whole", report=told.append)
    assert training.config.num_chunks == GAINS.num_chunks + PPO.num_chunks == 7
    # The searches of the targets are counted: 32 decisions a chunk, with the largest k each.
    assert [record.get("explained") is not None for record in told] == [True] * 3 + [False] * 4
    assert all(record["simulations"] == 8 * 4 * 2 for record in told[:3])

    def kill(record):
        if record["chunk"] == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(training, key, tmp_path / "killed", report=kill)
    again = fit(training, key, tmp_path / "killed", resume=True, report=lambda record: None)
    jax.tree.map(np.testing.assert_array_equal, learned, again)
    assert [record["chunk"] for record in read_metrics(tmp_path / "killed")] == list(range(1, 8))
    # Nothing of the second stage reaches the head.
    state = training.init(key, training.network.init(jax.random.key(3)))
    kernel = [np.array(state.params["head"]["gains"]["kernel"])]
    for _ in range(training.config.num_chunks):
        state, _ = training.advance(state)
        kernel.append(np.array(state.params["head"]["gains"]["kernel"]))
    assert not kernel[0].any()  # fresh: no gain is predicted
    assert (kernel[1] != kernel[0]).any()
    assert all((one == kernel[3]).all() for one in kernel[4:])
