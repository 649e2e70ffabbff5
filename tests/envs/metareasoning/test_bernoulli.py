"""Bernoulli selection: hand cases."""

import math

import jax
import numpy as np
import pytest

import envs
from envs import BernoulliSelection


def seen(env, counts):
    counts = np.array(counts, np.int32)
    return env.first_belief().replace(time=np.int32(counts.sum()), counts=counts)


@pytest.mark.parametrize(
    "kwargs",
    [{"arms": 3, "horizon": 6}, {"arms": 1, "horizon": 3, "alternative": 1, "cost": 0}],
    ids=["three arms", "whole numbers"],
)
def test_the_contract_is_kept(kwargs):
    report = envs.check(*envs.make("bernoulli", **kwargs), steps=64)
    assert report.ok, str(report)
    assert not any("what the observation hides" in note for note in report.notes)


def test_a_sample_is_a_one_with_the_posterior_probability():
    # Laplace's rule of succession, which is Beta(1 + ones, 1 + zeros).
    env = BernoulliSelection(arms=2, horizon=10)
    state = seen(env, [[3, 1], [0, 0]])
    np.testing.assert_allclose(env.news(state, 0, np), [4 / 6, 2 / 6])
    np.testing.assert_allclose(env.news(state, 1, np), [1 / 2, 1 / 2])
    one, zero = (env.learn(state, 0, outcome, np) for outcome in (0, 1))
    assert one.counts.tolist() == [[4, 1], [0, 0]]
    assert zero.counts.tolist() == [[3, 2], [0, 0]]
    assert one.time == zero.time == 5


def test_stopping_pays_the_best_mean_or_the_alternative():
    counts = [[3, 1], [0, 4]]
    for alternative, payoff in ((None, 2 / 3), (0.5, 2 / 3), (0.9, 0.9), (-1, 2 / 3), (7, 7)):
        env = BernoulliSelection(arms=2, horizon=8, alternative=alternative)
        assert env.payoff(seen(env, counts), np) == payoff
    # Without an alternative the first arm of two bad ones is still an arm.
    assert env.first_belief().counts.sum() == 0
    env = BernoulliSelection(arms=2, horizon=8)
    np.testing.assert_allclose(env.payoff(seen(env, [[0, 3], [0, 4]]), np), 1 / 5)


def test_observation_of_a_hand_case():
    env = BernoulliSelection(arms=2, horizon=8)
    look = jax.jit(lambda state: env.observe(jax.random.key(0), state, None, env.default_params))
    observation = look(seen(env, [[3, 1], [0, 2]]))
    deviations = math.sqrt(4 * 2 / (6**2 * 7)), math.sqrt(1 * 3 / (4**2 * 5))  # of beta posteriors
    expected = [
        [3 / 8, 1 / 8, 4 / 6, deviations[0], 0, 2 / 8],
        [0, 2 / 8, 1 / 4, deviations[1], 4 / 6 - 1 / 4, 2 / 8],
    ]
    np.testing.assert_allclose(observation, expected, rtol=1e-6)


@pytest.mark.parametrize(("arms", "horizon"), [(1, 1), (1, 7), (2, 5), (3, 3), (4, 2)])
def test_beliefs_are_all_counts_up_to_the_horizon(arms, horizon):
    env = BernoulliSelection(arms=arms, horizon=horizon)
    beliefs = env.beliefs()
    assert (beliefs.counts >= 0).all()
    assert (beliefs.counts.sum((1, 2)) == beliefs.time).all()
    assert (np.diff(beliefs.time) >= 0).all()
    assert len(np.unique(beliefs.counts, axis=0)) == env.num_beliefs
    # Those of s samples in k kinds are the ways to put s into k places.
    ways = [math.comb(s + 2 * arms - 1, s) for s in range(horizon + 1)]
    assert np.bincount(beliefs.time).tolist() == ways


def test_a_sample_tells_of_its_own_arm_only():
    np.testing.assert_array_equal(BernoulliSelection(arms=3).related, np.eye(3, dtype=bool))
