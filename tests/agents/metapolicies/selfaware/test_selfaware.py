"""The self-aware planner: its targets by hand, what it decides, and that it learns."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rrplan
from agents.alphazero.selfplay import reset_lanes
from agents.metapolicies.selfaware import targets, train
from agents.metapolicies.selfaware.config import GainsConfig
from agents.metapolicies.selfaware.head import GainHead
from agents.metapolicies.selfaware.policy import self_aware
from agents.metapolicies.selfaware.targets import Effort, Rules
from rrplan.models import Position
from rrplan.models.true_model import TrueModel
from tests.rrplan import tabular

LANES, MENU = 8, (1, 4)
TABLE = tabular.make_table(4, 3)
ENVIRONMENT = tabular.TabularEnvironment()
PLANNER = rrplan.Planner(
    ENVIRONMENT, TABLE, tabular.table_network, TABLE, rrplan.Search(acting="completed_q"), 4
)
CONFIG = GainsConfig(
    num_lanes=LANES, steps_per_chunk=8, num_chunks=12, replay_size=1024, batch_size=64,
    updates_per_chunk=32, learning_rate=3e-2, evaluation_episodes=64,
)  # fmt: skip
MODEL = TrueModel(ENVIRONMENT, TABLE, tabular.table_network)
FACTS = jax.tree.map(np.asarray, TABLE)


@jax.jit
def begin(seed):
    return reset_lanes(ENVIRONMENT, TABLE, jax.random.key(seed), LANES)


@jax.jit
def found_gains(lanes):
    rules = Rules(**PLANNER.search.traced())
    effort = Effort(MENU, "rollout", max(MENU), rollout_steps=16)
    return targets.find_gains(MODEL, rules, TABLE, jax.random.key(0), lanes, effort)


def played_on(state, action):
    """What an action earns with the prior playing on, one step after the other."""
    earned = 0.0
    index, time = int(state.index), int(state.time)
    while True:
        earned += float(FACTS.reward[index, action])
        over = bool(FACTS.terminal[index, action]) or time + 1 >= ENVIRONMENT.max_length
        index, time = int(FACTS.next_state[index, action]), time + 1
        if over:
            return earned
        legal = np.where(FACTS.invalid[index], -np.inf, FACTS.logits[index])
        action = int(legal.argmax())


def test_the_gain_of_an_action_is_what_playing_on_by_hand_gives():
    lanes = jax.device_get(begin(1))
    decision, chosen = jax.device_get(found_gains(lanes))
    for lane in range(LANES):
        state = jax.tree.map(lambda leaf, lane=lane: leaf[lane], lanes.state)
        worth = [played_on(state, int(action)) for action in chosen[:, lane]]
        np.testing.assert_allclose(
            decision.gains[lane], [w - worth[0] for w in worth[1:]], atol=1e-5
        )
        several = (~FACTS.invalid[state.index]).sum() > 1
        assert float(decision.weight[lane]) == several


def test_gains_of_the_decisions_of_an_episode_add_up_to_what_k_gains():
    """The performance difference lemma, episode by episode: the problem has no chance."""
    lanes = begin(2)
    first = jax.device_get(lanes.state)
    total, earned = np.zeros(LANES), np.zeros(LANES)
    done = np.zeros(LANES, bool)
    step = jax.jit(jax.vmap(ENVIRONMENT.step, (None, 0, 0, None)))
    for _ in range(ENVIRONMENT.max_length):
        decision, chosen = jax.device_get(found_gains(lanes))
        total += np.where(done, 0.0, decision.gains[:, -1])
        after = step(jax.random.key(0), lanes.state, chosen[-1], TABLE)
        earned += np.where(done, 0.0, after.reward)
        done |= np.asarray(after.terminated) | np.asarray(after.truncated)
        lanes = lanes._replace(state=after.state, observation=after.observation)
    assert done.all()
    prior = np.where(FACTS.invalid, -np.inf, FACTS.logits).argmax(-1)
    without = [
        played_on(jax.tree.map(lambda leaf, i=i: leaf[i], first), int(prior[first.index[i]]))
        for i in range(LANES)
    ]
    np.testing.assert_allclose(total, earned - np.array(without), atol=1e-4)


def test_a_rollout_that_is_cut_ends_with_the_value():
    lanes = jax.device_get(begin(1))

    @jax.jit
    def play_out(state):
        position = Position(state, jnp.zeros(LANES, bool))
        actions = jnp.zeros((1, LANES), jnp.int32)
        return targets.play_out(MODEL, 0.5, TABLE, jax.random.key(0), position, actions, 0)

    worth = play_out(lanes.state)
    state = lanes.state.index
    rest = np.where(FACTS.terminal[state, 0], 0.0, FACTS.value[FACTS.next_state[state, 0]])
    np.testing.assert_allclose(worth[0], FACTS.reward[state, 0] + 0.5 * rest, rtol=1e-6)


@functools.cache
def decide():
    head = GainHead((1, 2, 4), features=3, width=1)
    policy = self_aware(head)

    @jax.jit
    def ordered(gains, price, simulations):
        seen = make_seen(price, simulations)
        return policy.apply(head_that_says(head, gains), (), (), seen).extra_simulations[0]

    return ordered


def head_that_says(head, gains):
    """Parameters with which the head predicts ``gains [K]`` whatever it sees."""
    params = jax.tree.map(jnp.zeros_like, head.init(jax.random.key(0)))
    params["gains"]["bias"] = gains / head.unit
    return params


def make_seen(price, simulations):
    row = jnp.zeros((1, 3))
    none = jnp.zeros(1, jnp.int32)
    return rrplan.MetaObservation(
        row, row, row, row > 0, none[:, None], row, row, row[:, 0], row[:, 0],
        none + simulations, none + 9, none, jnp.full(1, price), none + 9, none,
    )  # fmt: skip


@given(
    st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3),
    st.floats(0, 1, width=32),
)
def test_it_orders_the_k_that_pays_best_and_would_order_no_more_later(gains, price):
    ordered = int(decide()(jnp.asarray(gains), price, 0))
    net = {0: 0.0} | {k: gain - price * k for k, gain in zip((1, 2, 4), gains, strict=True)}
    assert net[ordered] >= max(net.values()) - 1e-5
    # From there on, no further simulations gain more than their price.
    more = [net[k] - net[ordered] for k in net if k > ordered]
    assert all(gain <= 1e-5 for gain in more)


def test_it_learns_what_thinking_gains_and_thinks_less_where_it_is_dear():
    head = train.build(PLANNER, (0, *MENU, 9), CONFIG)
    assert head.menu == MENU  # the planner has no room for 9
    costs = rrplan.Costs()
    training = train.make_gains_train(PLANNER, head, CONFIG, costs, (0.01, 0.1))
    state = training.init(jax.random.key(0), head.init(jax.random.key(1)))
    explained = []
    for _ in range(CONFIG.num_chunks):
        state, metrics = training.advance(state)
        explained.append(float(metrics.explained))
        assert float(metrics.finite_input) == 1
    # Not all of it: the features tell the state, but not the time left.
    assert explained[0] < 0.1 < 0.3 < np.mean(explained[-3:])
    assert training.evaluate(state.params).shape == (64,)
    spent = []
    for price in (0.0, 0.02, 10.0):
        episodes = rrplan.evaluate(
            PLANNER, self_aware(head), state.params, key=jax.random.key(3), episodes=64,
            costs=rrplan.Costs(price), num_lanes=LANES,
        )  # fmt: skip
        spent.append(int(episodes.simulations.sum()))
    assert spent[0] >= spent[1] > spent[2] == 0
    probed = train.probe(PLANNER, head, CONFIG, (0.01, 0.1), state.params, 100)
    assert probed["predicted"].shape == probed["found"].shape == (104, 2)
    np.testing.assert_array_equal(probed["menu"], MENU)


def test_what_cannot_be_done_is_refused():
    with pytest.raises(rrplan.InputError, match=r"num_simulations is 2: expected at least 4"):
        train.build(PLANNER, (0, 4), GainsConfig(targets="search", num_simulations=2))
    with pytest.raises(rrplan.InputError, match="max_simulations is 4: expected"):
        train.build(PLANNER, (0, 8), CONFIG)
    with pytest.raises(rrplan.InputError, match="unknown targets 'serach': did you mean 'search'"):
        GainsConfig(targets="serach")
    with pytest.raises(rrplan.InputError, match="width must be at least 1, got 0"):
        GainsConfig(width=0)
