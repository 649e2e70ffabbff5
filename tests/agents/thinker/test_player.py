"""Agents as they play given episodes: what is counted, charged and traced."""

import dataclasses

import jax
import jax.numpy as jnp
import mctx
import numpy as np
import pytest

import rrplan
from agents import metapolicies
from agents.thinker import network as thinker_networks
from agents.thinker.config import ThinkerConfig
from agents.thinker.player import ThinkerPlayer, prepare
from rrplan.costs import Costs, Rates
from tests.agents.thinker.tabular import LIMIT, make_planner, network

KEY, EPISODES = jax.random.key(9), 48
CONFIG = ThinkerConfig(steps=3, k_max=3, depth=2, width=8, layers=1)
COSTS = Costs(price=0.01, rates=Rates(simulation=1.0, look=0.5, decision=0.25, level=0.125))


def make_player(chosen=False, planner=None, **changes):
    planner = planner or make_planner(3, 0.9)
    config = dataclasses.replace(CONFIG, **changes)
    stage = config.stage(chosen=chosen)
    network = thinker_networks.build(config, stage, *prepare(planner, stage, Costs()))
    return planner, ThinkerPlayer(network, stage), network.init(KEY)


def play(planner, player, params, **options):
    # All alike in shape, so that they share compiled programs.
    given = {"key": KEY, "episodes": EPISODES, "costs": COSTS, "num_lanes": 16, "trace": 6}
    given |= options
    return player.evaluate(planner, params, **given)


def test_untrained_and_without_imagination_it_is_the_planners_prior():
    """The same episodes as every agent meets, with the same actions and returns."""
    planner, player, params = make_player(steps=1)
    ours = play(planner, player, params)
    theirs = rrplan.evaluate(
        planner, metapolicies.fixed(), jnp.int32(0), key=KEY, episodes=EPISODES, num_lanes=16
    )
    np.testing.assert_allclose(ours.untimed_return, theirs.untimed_return, rtol=1e-6)
    np.testing.assert_array_equal(ours.length, theirs.length)
    assert not ours.simulations.any()


@pytest.mark.parametrize("chosen", [False, True])
def test_counts_and_the_bill(chosen):
    planner, player, params = make_player(chosen)
    works = []
    played = play(planner, player, params, on_work=works.append)
    trace = played.trace
    np.testing.assert_array_equal(trace.valid.sum(1), played.length)
    for name in ("simulations", "looks", "levels"):
        np.testing.assert_array_equal(getattr(trace, name).sum(1), getattr(played, name))
    np.testing.assert_allclose(trace.reward.sum(1), played.untimed_return, rtol=1e-5, atol=1e-6)
    alone = trace.valid & (trace.legal_actions == 1)
    assert alone.any()
    assert not trace.looks[alone].any()  # nothing could change what is done
    assert not trace.levels[alone].any()
    choices = trace.valid & (trace.legal_actions > 1)
    steps = (trace.levels + 1)[choices]
    np.testing.assert_array_equal(trace.looks[choices], steps)
    most = 4 if chosen else 3
    assert (steps <= most).all() if chosen else (steps == most).all()
    assert (trace.simulations <= trace.levels).all()
    assert played.simulations.sum() < played.levels.sum()  # some steps were revisits
    rates = COSTS.rates
    bill = 0.01 * (
        rates.simulation * played.simulations
        + rates.look * played.looks
        + rates.decision * played.length
        + rates.level * played.levels
    )
    np.testing.assert_allclose(played.cost, bill, rtol=1e-5)
    np.testing.assert_allclose(played.timed_return, played.untimed_return - bill, atol=1e-6)
    assert works[0].useful == (played.levels + played.length).sum()
    assert works[0].simulations == played.simulations.sum()


def test_an_episode_is_the_same_whoever_runs_beside_it():
    planner, player, params = make_player(True)
    whole = play(planner, player, params)
    ids = jax.random.permutation(KEY, EPISODES)
    others = play(planner, player, params, episodes=ids)
    for name in ("untimed_return", "simulations", "looks", "length", "levels"):
        np.testing.assert_array_equal(getattr(others, name), getattr(whole, name)[ids])


def test_what_is_not_finite_is_refused_with_its_episode():
    planner, player, params = make_player()
    reward = planner.env_params.reward.at[2].set(jnp.nan)
    planner = planner._replace(env_params=planner.env_params._replace(reward=reward))
    with pytest.raises(rrplan.InputError, match=r"episode \d+: an observation, a reward or a"):
        play(planner, player, params)


def test_operations_of_a_look_grow_with_the_network():
    planner, player, params = make_player()
    small = player.operations_of_look(planner, params)
    planner, player, params = make_player(width=32)
    large = player.operations_of_look(planner, params)
    inputs = 3 * player.network.actions_in + player.network.whole_in
    # Its layers are most of it: two operations a weight, at least.
    assert large - small >= 2 * (32 - 8) * inputs
    assert large < small + 3 * (32 - 8) * (inputs + 11) + 200


def test_a_network_of_nan_ends_too():
    planner, player, params = make_player(True)
    params = jax.tree.map(lambda leaf: jnp.full_like(leaf, jnp.nan), params)
    with pytest.raises(rrplan.InputError, match=r"a network's output is NaN or infinite"):
        play(planner, player, params)


def root_fn(params, key, observation):
    del key
    answer = network(params[1], observation)
    return mctx.RootFnOutput(
        prior_logits=answer.prior_logits,
        value=answer.value,
        embedding=observation.astype(jnp.int32),
    )


def recurrent_fn(params, key, action, embedding):
    del key
    table, words = params
    state, time = embedding.T
    after = jnp.stack([table.following[state, action], time + 1], axis=1)
    over = table.over[state, action] | (time + 1 >= LIMIT)
    answer = network(words, after.astype(jnp.float32))
    output = mctx.RecurrentFnOutput(
        reward=table.reward[state, action],
        discount=jnp.where(over, 0.0, 0.9),
        prior_logits=answer.prior_logits,
        value=answer.value,
    )
    return output, after


def test_with_a_learned_model_that_is_right_it_plays_alike():
    """An untrained agent draws what it imagines from the prior: the same, in both models."""
    planner = make_planner(7, 0.9, choice=True)
    true = play(*make_player(True, planner))
    model = rrplan.LearnedModel(root_fn, recurrent_fn)
    learned = planner._replace(network=model, params=(planner.env_params, planner.params))
    other = play(*make_player(True, learned))
    assert true.simulations.any()
    for name in ("untimed_return", "simulations", "looks", "length", "levels"):
        np.testing.assert_array_equal(getattr(other, name), getattr(true, name))
