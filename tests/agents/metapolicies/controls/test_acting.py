"""Controls that choose actions: what they take, what they pay, and that they can learn it."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents.declarations import Request
from agents.metapolicies.controls import acting, trainable
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned import policy
from agents.metapolicies.learned.config import MetaConfig, PPOConfig
from agents.metapolicies.learned.network import FORBIDDEN
from tests.agents.stirring import stir
from tests.rrplan import tabular

ENVIRONMENT = tabular.TabularEnvironment()
TABLE = tabular.make_table(4, ENVIRONMENT.num_actions)  # one of its states has one legal action
MENU = (0, 2, 3)
PLANNER = rrplan.Planner(ENVIRONMENT, TABLE, tabular.table_network, TABLE, max_simulations=3)
META = MetaConfig("gate", MENU, ("prior", "progress", "observation"), width=4)
KEY, EPISODES = jax.random.key(5), 128


def evaluate(meta_policy, params):
    return rrplan.evaluate(
        PLANNER, meta_policy, params, key=KEY, episodes=EPISODES, num_lanes=32, trace=6
    )


def by_rank(rank):
    """Return what taking the prior's action of a rank earns, the last one if too few."""
    params = TABLE, np.int32(rank)
    return rrplan.rollout(ENVIRONMENT, TABLE, act_by_rank, params, key=KEY, episodes=EPISODES)


def act_by_rank(params, state, observation, invalid):
    table, rank = params
    logits = jnp.where(invalid, -jnp.inf, table.logits[state.index])
    place = jnp.minimum(rank, (~invalid).sum(-1) - 1)
    return jnp.take_along_axis(jnp.argsort(-logits), place[:, None], axis=-1)[:, 0]


@functools.cache
def ranks():
    network = meta_networks.build(META, PLANNER, acting.RanksNetwork)
    return policy.greedy(network), network.init(jax.random.key(1))


@pytest.mark.parametrize("rank", range(3))
def test_an_answer_of_ranks_takes_the_action_of_that_rank_and_is_charged_its_k(rank):
    meta_policy, params = ranks()
    always = {**params, "start": np.int32(MENU[rank]), "strength": np.float32(1e3)}
    found, expected = evaluate(meta_policy, always), by_rank(rank)
    np.testing.assert_allclose(found.untimed_return, expected.untimed_return, rtol=1e-5)
    np.testing.assert_array_equal(found.length, expected.length)
    choices = (np.asarray(found.trace.legal_actions) > 1).sum(1)
    assert (choices < found.length).any()  # without a choice nobody looks, nor is charged
    np.testing.assert_array_equal(found.looks, choices)
    np.testing.assert_array_equal(found.simulations, MENU[rank] * choices)


@functools.cache
def direct(rows_are_actions=False):
    network = meta_networks.build(META, PLANNER, acting.DirectNetwork)
    network = dataclasses.replace(network, num_actions=3, rows_are_actions=rows_are_actions)
    return network, network.init(jax.random.key(1))


def test_untrained_direct_is_the_prior_and_pays_its_looks():
    network, params = direct()
    found, expected = evaluate(policy.greedy(network), params), by_rank(0)
    np.testing.assert_allclose(found.untimed_return, expected.untimed_return, rtol=1e-5)
    np.testing.assert_array_equal(found.looks, (np.asarray(found.trace.legal_actions) > 1).sum(1))
    assert not found.simulations.any()


def test_direct_takes_the_action_that_its_logits_prefer():
    network, params = direct()
    bias = params["weights"]["index"]["bias"].at[2].add(100.0)
    index = {**params["weights"]["index"], "bias": bias}
    found = evaluate(
        policy.greedy(network), {**params, "weights": {**params["weights"], "index": index}}
    )
    trace = jax.tree.map(np.asarray, found.trace)
    # Where the last action is illegal, it takes another one; it is never illegal.
    assert (trace.action[trace.valid] == 2).mean() > 0.5
    assert np.isfinite(np.asarray(found.untimed_return)).all()
    allowed = ~np.asarray(TABLE.invalid)
    assert (~allowed[:, 2]).any()


def test_rows_of_actions_are_treated_alike():
    """With a row for each action, exchanging actions exchanges their logits."""
    network, params = direct(rows_are_actions=True)
    assert network.module is direct()[0].module
    assert "index" not in params["weights"]
    drawn = stir(params["weights"], 1.0)
    rng = np.random.default_rng(0)
    inputs = meta_inputs(rng, network)
    order = np.array([2, 0, 1])
    moved = inputs._replace(
        **{name: getattr(inputs, name)[:, order] for name in ("actions", "legal", "prior")},
        leading=np.argsort(order).astype(np.int32)[inputs.leading],
    )
    ask = jax.jit(lambda params, shown: network(params, shown))
    (logits, value), (other, same) = (
        jax.device_get(ask({**params, "weights": drawn}, shown)) for shown in (inputs, moved)
    )
    np.testing.assert_allclose(other, logits[:, order], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(same, value, rtol=1e-4, atol=1e-4)
    assert (logits[~inputs.legal] == FORBIDDEN).all()


def meta_inputs(rng, network, rows=16):
    legal = rng.random((rows, 3)) < 0.7
    legal[:, 0] = True
    return acting.ActionInputs(
        actions=rng.normal(size=(rows, 3, network.actions_in)).astype(np.float32),
        whole=rng.normal(size=(rows, network.whole_in)).astype(np.float32),
        legal=legal,
        leading=np.zeros(rows, np.int32),
        simulations=np.zeros(rows, np.int32),
        value=np.zeros(rows, np.float32),
        prior=rng.normal(size=(rows, 3)).astype(np.float32),
    )


class Doors:
    """Two decisions; each shows which of two actions pays 1. The prior always likes the first."""

    num_actions = 2

    def reset(self, key, params):
        del params
        right = jax.random.randint(key, (3,), 0, 2)
        return (right, jnp.int32(0)), self._observe(right, jnp.int32(0))

    def step(self, key, state, action, params):
        del key, params
        right, time = state
        reward = (action == right[time]).astype(jnp.float32)
        following = (right, time + 1)
        return rrplan.Transition(
            following, self._observe(*following), reward, time + 1 >= 2, jnp.zeros((), bool)
        )

    def invalid_actions(self, state, params):
        del state, params
        return jnp.zeros(2, bool)

    def _observe(self, right, time):
        return jnp.stack([right[time].astype(jnp.float32), time.astype(jnp.float32)])


def network(params, observation):
    logits = jnp.broadcast_to(params, (observation.shape[0], 2))
    return rrplan.Evaluation(logits, 1.0 - 0.5 * observation[:, 1], observation)


PRICE = 0.1
PPO = PPOConfig(
    num_lanes=64, looks_per_chunk=1024, num_chunks=12, minibatches=4, learning_rate=1e-2,
    evaluation_episodes=64, evaluate_every=12, checkpoint_every=12, value_chunks=2,
    lowest_price=PRICE, highest_price=PRICE,
)  # fmt: skip


@pytest.mark.parametrize(
    ("make", "simulations"),
    [
        pytest.param(trainable.direct, 0.0, id="direct"),
        pytest.param(trainable.ranks, 1.0, id="ranks", marks=pytest.mark.slow),
    ],
)
def test_each_learns_the_right_action_from_what_it_sees(make, simulations):
    """Half of the two doors need another action than the prior's: of ranks, that is k = 1."""
    planner = rrplan.Planner(Doors(), (), network, jnp.array([1.0, 0.0]), max_simulations=1)
    meta = MetaConfig("gate", (0, 1), ("prior", "progress", "observation"), width=4)
    rates = rrplan.Rates(look=0.5)
    made = make(planner, Request(meta, PPO, None, 1, lambda policy, shapes: rates))
    training = made.training
    state = training.init(jax.random.key(2), training.network.init(jax.random.key(3)))
    for _ in range(PPO.num_chunks):
        state, metrics = training.advance(state)
    found = rrplan.evaluate(
        planner, made.meta_policy, state.params, key=jax.random.key(4), episodes=400,
        costs=rrplan.Costs(PRICE, rates), num_lanes=64,
    )  # fmt: skip
    np.testing.assert_allclose(found.untimed_return, 2.0)
    np.testing.assert_array_equal(found.looks, 2)
    np.testing.assert_allclose(found.simulations.mean(), simulations, atol=0.15)
    bill = PRICE * (found.simulations + 0.5 * found.looks)
    np.testing.assert_allclose(found.timed_return, 2.0 - bill, rtol=1e-5)
    assert float(metrics.stops_at_once) == pytest.approx(1.0 - simulations / 2, abs=0.15)
