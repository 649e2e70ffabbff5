"""One step of lookahead: worked out by hand, by a search that visits each child once, by chance."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents import lookahead, metapolicies
from agents.networks.prior_policy import PriorPolicy
from rrplan import keys
from rrplan.models.true_model import TrueModel
from tests.rrplan import tabular

ENVIRONMENT = tabular.TabularEnvironment()
ACTIONS, LAST = ENVIRONMENT.num_actions, ENVIRONMENT.max_length - 1
TABLE = tabular.make_table(3, ACTIONS)
KEY = jax.random.key(11)
COSTS = rrplan.Costs(0.25, rrplan.Rates(1.0, look=9.0, decision=2.0, level=0.5), decision_fee=0.5)


def planner(table=TABLE, **search):
    network = tabular.table_network
    return rrplan.Planner(
        ENVIRONMENT, table, network, table, rrplan.Search(**search), max_simulations=ACTIONS
    )


def run(built, episodes=40, **options):
    policy, params = built
    table = params.env_params
    return rrplan.rollout_searching(
        policy.environment, table, policy, params, key=KEY, episodes=episodes, **options
    )


# Compiled in one piece: operation by operation takes far longer.
@functools.partial(jax.jit, static_argnums=0)
def ask(policy, params, state):
    """Return the actions in single states, and what they took."""
    invalid = params.env_params.invalid[state.index]
    observation = jax.nn.one_hot(state.index, tabular.NUM_STATES)
    some_keys = jax.random.split(KEY, len(state.index))
    return policy(params, some_keys, state, observation, invalid)


def act(built, times):
    """Return the actions in every state at the times given, and what they took."""
    states = np.arange(tabular.NUM_STATES, dtype=np.int32)
    state = tabular.State(states, np.full_like(states, times))
    return jax.device_get(ask(*built, state))


def qvalues(table, state, time, discount):
    """Return r + discount x V(s') of each action; -inf where it is illegal."""
    found = np.full(ACTIONS, -np.inf, np.float32)
    for action in range(ACTIONS):
        if table.invalid[state, action]:
            continue
        over = bool(table.terminal[state, action]) or time == LAST
        value = 0.0 if over else table.value[table.next_state[state, action]]
        found[action] = np.float32(table.reward[state, action]) + np.float32(discount * value)
    return found


@pytest.mark.parametrize("time", [0, LAST])
def test_the_best_reward_and_value_by_hand(time):
    """In every state; at the last decision the time limit cuts what follows, so that V = 0."""
    table = jax.tree.map(np.asarray, TABLE)
    thought = act(lookahead.one_step(planner(discount=0.5)), time)
    states = range(tabular.NUM_STATES)
    expected = [np.argmax(qvalues(table, state, time, 0.5)) for state in states]
    np.testing.assert_array_equal(thought.action, expected)
    legal = (~table.invalid).sum(-1)
    np.testing.assert_array_equal(thought.simulations, legal)
    np.testing.assert_array_equal(thought.levels, legal)


def test_the_best_prior_and_completed_q_by_hand():
    table = jax.tree.map(np.asarray, TABLE)
    thought = act(lookahead.one_step_prior(planner()), 0)
    for state in range(tabular.NUM_STATES):
        legal = ~table.invalid[state]
        q = np.where(legal, qvalues(table, state, 0, 1.0), 0.0)
        prior = np.where(legal, np.exp(table.logits[state]), 0.0)
        # Danihelka et al. 2022, appendix D: an illegal action counts as one that is not visited.
        total = legal.sum()
        mixed = (table.value[state] + total * (prior * q).sum() / prior.sum()) / (total + 1)
        completed = np.where(legal, q, mixed)
        low, high = completed.min(), completed.max()
        scaled = 0.1 * (50 + 1) * (completed - low) / max(high - low, 1e-8)
        scores = np.where(legal, table.logits[state] + scaled, -np.inf)
        assert thought.action[state] == scores.argmax(), state


def test_ties_go_to_the_prior_then_to_the_index():
    invalid, logits = np.zeros(TABLE.invalid.shape, bool), np.zeros(TABLE.logits.shape, np.float32)
    invalid[0, 0], logits[1, 2] = True, 1.0
    nothing = TABLE._replace(
        reward=np.zeros(TABLE.reward.shape, np.float32),
        terminal=np.ones(TABLE.terminal.shape, bool),
        invalid=invalid,
        logits=logits,
    )
    thought = act(lookahead.one_step(planner(jax.tree.map(jnp.asarray, nothing))), 0)
    assert thought.action[:3].tolist() == [1, 2, 0]


def every_child_once(params, some_keys, carry, seen):
    legal = (~seen.invalid_actions).sum(-1)
    return metapolicies.order(jnp.where(seen.simulations == 0, legal, 0), carry)


class Dearer(tabular.TabularEnvironment):
    """Thinking becomes dearer as the episode goes on."""

    def price_factor(self, state, params):
        return 1.0 + state.time


def test_it_is_a_search_that_visits_each_legal_child_once():
    """With a flat prior and much exploration PUCT does so, and completed Q is the best Q-value."""
    flat = TABLE._replace(logits=jnp.zeros_like(TABLE.logits))
    searching = planner(flat, acting="completed_q", c_init=1e6)._replace(environment=Dearer())
    once = rrplan.MetaPolicy(metapolicies.no_carry, every_child_once, looks="never")
    searched = rrplan.evaluate(searching, once, (), key=KEY, episodes=40, costs=COSTS)
    for build in (lookahead.one_step, lookahead.one_step_prior):
        tried = run(build(searching), costs=COSTS)
        for field in ("untimed_return", "timed_return", "simulations", "length", "levels", "looks"):
            np.testing.assert_array_equal(
                getattr(tried, field), getattr(searched, field), err_msg=field
            )
        np.testing.assert_array_equal(tried.weighted, searched.weighted)


def test_what_is_charged_is_exact():
    episodes = run(lookahead.one_step_prior(planner()), costs=COSTS)
    assert (episodes.levels == episodes.simulations).all()
    # A simulation and its level cost 1.5 prices, a decision's root 2 and the fee.
    expected = 0.25 * (1.5 * episodes.simulations + 2 * episodes.length) + 0.5 * episodes.length
    np.testing.assert_array_equal(episodes.cost, expected)
    np.testing.assert_array_equal(episodes.timed_return, episodes.untimed_return - expected)
    assert not episodes.looks.any()


@pytest.mark.parametrize("num_lanes", [1, 7, 64])
def test_the_number_of_lanes_changes_nothing(num_lanes):
    built = lookahead.one_step_prior(planner())
    for one, other in zip(run(built), run(built, num_lanes=num_lanes), strict=True):
        if one is not None:
            np.testing.assert_array_equal(one, other)


def test_it_meets_the_episodes_that_others_meet():
    """Where nothing but the first reward differs, a plain rollout finds the same first state."""
    ids = np.array([5, 2, 30, 8, 1, 13, 0])
    dead = TABLE._replace(
        terminal=jnp.asarray(np.ones(TABLE.terminal.shape, bool)),
        invalid=jnp.asarray(np.tile([True, False, True], (tabular.NUM_STATES, 1))),
    )
    tried = run(lookahead.one_step_prior(planner(dead)), ids)
    plain = rrplan.rollout(
        ENVIRONMENT, dead, PriorPolicy(tabular.table_network), dead, key=KEY, episodes=ids
    )
    np.testing.assert_array_equal(tried.untimed_return, plain.untimed_return)
    assert tried.simulations.tolist() == [1] * 7


class Lottery:
    """One decision; what each action pays is drawn from the step's key."""

    num_actions = 3

    def reset(self, key, params):
        return jnp.int32(0), jnp.zeros(1)

    def step(self, key, state, action, params):
        reward = jax.random.uniform(jax.random.fold_in(key, action))
        return rrplan.Transition(state + 1, jnp.zeros(1), reward, jnp.bool_(True), jnp.bool_(False))

    def invalid_actions(self, state, params):
        return jnp.zeros(3, bool)


def worthless(params, observation):
    nothing = jnp.zeros(observation.shape[0])
    return rrplan.Evaluation(jnp.zeros((len(nothing), 3)), nothing, observation)


def test_a_child_keeps_a_sample_that_is_not_the_real_steps():
    built = lookahead.one_step(rrplan.Planner(Lottery(), (), worthless, ()))
    episodes = rrplan.rollout_searching(Lottery(), (), *built, key=KEY, episodes=256)

    @jax.jit
    def draw_by_hand():
        ids, none = jnp.arange(256), jnp.zeros(256, jnp.int32)

        def draw(domain, action, index):
            drawn = keys.draw(KEY, ids, domain, none, index)
            fold = jax.vmap(lambda key, a: jax.random.uniform(jax.random.fold_in(key, a)))
            return fold(drawn, action)

        imagined = jnp.stack([draw(keys.Domain.SEARCH, none + a, none + a) for a in range(3)], -1)
        return imagined, draw(keys.Domain.STEP, imagined.argmax(-1), none)

    imagined, expected = jax.device_get(draw_by_hand())
    np.testing.assert_array_equal(episodes.untimed_return, expected)
    assert float(imagined.max(-1).mean()) > 0.7 > 0.6 > float(expected.mean())


def test_children_hold_what_a_tree_would_hold():
    @jax.jit
    def try_all(table, invalid):
        model = TrueModel(ENVIRONMENT, table, tabular.table_network, 1.0)
        state = tabular.State(jnp.arange(4), jnp.zeros(4, jnp.int32))
        observation = jax.nn.one_hot(state.index, tabular.NUM_STATES)
        some_keys = jax.random.split(KEY, 4)
        return lookahead.try_all(model, table, some_keys, state, observation, invalid)

    invalid = np.asarray(TABLE.invalid)[:4]
    rows = jax.device_get(try_all(TABLE, invalid))
    np.testing.assert_array_equal(rows.visit_counts, ~invalid)
    np.testing.assert_array_equal(rows.qvalues[invalid], 0.0)
    returns = rows.raw_value + rows.qvalues.sum(-1)
    np.testing.assert_allclose(rows.node_value, returns / rows.node_visits, rtol=1e-6)


def test_a_learned_model_is_refused_in_one_line():
    learned = planner()._replace(network=rrplan.LearnedModel(None, tabular.recurrent_fn))
    for build in (lookahead.one_step, lookahead.one_step_prior):
        with pytest.raises(rrplan.InputError, match="has a LearnedModel: expected a network") as e:
            build(learned)
        assert "\n" not in str(e.value)
