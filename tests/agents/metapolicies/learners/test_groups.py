"""Baselines by hand, common random numbers, and that both learners learn when to think."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import rrplan
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned import train as meta_train
from agents.metapolicies.learned.config import MetaConfig, PPOConfig
from agents.metapolicies.learners import groups
from agents.metapolicies.learners.config import GroupConfig, LearnerConfig, from_ppo
from agents.metapolicies.learners.making import Task, make_training
from agents.metapolicies.learners.playing import Manner, play, running
from agents.ppo import learner as ppo
from agents.ppo.optimizer import make_optimizer
from agents.training.fit import fit
from rrplan.engine.meta_steps import Looks
from tests.agents.metapolicies.doors import Doors, planner

PRICE = 0.1
PPO = PPOConfig(
    num_lanes=64, looks_per_chunk=1024, num_chunks=20, minibatches=4, learning_rate=1e-2,
    entropy_weight=0.0, initial_strength=1.0, evaluation_episodes=256, evaluate_every=20,
    checkpoint_every=5, lowest_price=PRICE, highest_price=PRICE,
)  # fmt: skip
META = MetaConfig("gate", menu=(0, 1, 2, 4), inputs=("prior", "progress", "observation"), width=8)
N = 48
RUNS = 4  # of each episode; the first two greedy


class Noisy(Doors):
    """Doors whose rewards are drawn."""

    def step(self, key, state, action, params):
        transition = super().step(key, state, action, params)
        return transition._replace(reward=transition.reward + 0.3 * jax.random.normal(key))


@functools.cache
def parts():
    """Return the halves of a training on noisy doors."""
    own = planner()._replace(environment=Noisy())
    meta = meta_networks.build(META, own)
    config = from_ppo(GroupConfig, PPO, runs=RUNS, episodes=N * RUNS)
    return meta_train.divide(own, meta, config, 1, rrplan.Costs(rates=rrplan.Rates(look=0.3)))


def first_params(strength=1.0):
    spec, known = parts()
    params = meta_train.prefer(known, spec.meta_network.init(jax.random.key(0)))
    return {**params, "strength": jnp.float32(strength)}


@functools.lru_cache
def played(strength=1.0):
    """Play ``N`` episodes of noisy doors ``RUNS`` times."""
    return _play(first_params(strength))


@jax.jit
def _play(params):
    spec, known = parts()
    engine = meta_train.engine_of(spec, known, running(spec.meta_network, Manner(greedy_runs=2)))
    told = meta_train.settings_of(known, jax.random.key(7), params)
    return play(engine, told, jnp.arange(N), jnp.full(N, PRICE), RUNS)


RETURNS = jax.jit(groups.returns_of, static_argnums=(2, 3))
TO_BATCH = jax.jit(groups.to_batch, static_argnums=(1, 2))


def returns(found):
    every = RETURNS(found.looks, found.marks.place, RUNS * N, 1.0)
    return np.asarray(every).reshape(RUNS, N)


def batch_of(found, advantages, **changes):
    config = dataclasses.replace(parts()[0].config, **changes)
    return TO_BATCH(found, config, advantages)


def test_advantages_by_hand():
    runs = jnp.array([[1.0, 2.0], [3.0, 2.0], [5.0, -1.0]])
    np.testing.assert_array_equal(groups.against_greedy(runs), [[0, 0], [2, 0], [4, -3]])
    expected = [[1 - 4, 2 - 0.5], [3 - 3, 2 - 0.5], [5 - 2, -1 - 2]]
    np.testing.assert_array_equal(groups.against_others(runs), expected)


@settings(max_examples=25)
@given(
    hnp.arrays(np.float32, (3, 4), elements=st.floats(-8, 8, width=16)),
    st.floats(-4, 4, width=16),
)
def test_advantages_of_a_group_sum_to_nothing_and_know_no_level(runs, level):
    found = np.asarray(groups.against_others(jnp.asarray(runs)))
    np.testing.assert_allclose(found.sum(axis=0), 0, atol=1e-4)
    moved = groups.against_others(jnp.asarray(runs) + level)
    np.testing.assert_allclose(moved, found, atol=1e-4)
    tied = groups.against_others(jnp.broadcast_to(jnp.asarray(runs[:1]), runs.shape))
    np.testing.assert_array_equal(tied, 0)


def test_returns_of_a_record_by_hand():
    """Two lanes: one plays episodes 2 and 0, the other 1. γ = 0.5; the last row is not in use."""
    column = [[1, 10, 2, 4, 99], [8, 16, 99, 99, 99]]
    acts = [[1, 1, 0, 2, 7], [2, 1, 7, 7, 7]]
    reward, acts = np.array(column, np.float32).T, np.array(acts, np.int32).T
    place = np.array([[2, 2, 0, 0, 0], [1, 1, 0, 0, 0]], np.int32).T
    looks = Looks((), reward, acts, acts > 5, np.array([4, 2], np.int32))
    found = RETURNS(looks, place, 3, 0.5)
    np.testing.assert_array_equal(found, [2 + 4, 8 + 0.25 * 16, 1 + 0.5 * 10])


def test_returns_are_those_of_the_bill():
    found = played()
    costs = parts()[1].costs._replace(price=PRICE)
    counts = rrplan.costs.counts_of(found.episodes)
    expected = rrplan.costs.timed_return(found.episodes.untimed_return, costs, counts)
    # Both decisions have a choice, so that nothing comes before the first look.
    np.testing.assert_allclose(returns(found).ravel(), expected, rtol=1e-5)
    assert (found.episodes.length == 2).all()


def test_the_greedy_run_twice_earns_the_same_to_the_last_bit():
    first, second, *drawn = returns(played())
    np.testing.assert_array_equal(first, second)
    assert first.std() > 0.2  # of other episodes
    assert (drawn[0] != drawn[1]).mean() > 0.3  # runs of one episode answer otherwise


def test_a_policy_that_is_greedy_already_has_no_advantage():
    """With a preference of 60 logits every drawn answer is the likeliest."""
    for advantages in (groups.against_greedy, groups.against_others):
        batch = batch_of(played(60.0), advantages, greedy_runs=1)
        assert float(batch.weight.sum()) == 3 * 2 * N  # two looks of each run but the first
        np.testing.assert_array_equal(batch.advantage, 0)


def test_groups_that_tie_have_no_gradient():
    spec, _ = parts()
    params = first_params()
    batch = batch_of(played(), groups.against_others)
    assert np.abs(batch.advantage).max() > 0
    optimizer = make_optimizer(spec.config)
    shares = ppo.shares(spec.config, jnp.int32(3))
    start = (params, optimizer.init(params["weights"]))

    @jax.jit
    def learn(batch):
        args = (spec.meta_network, spec.config, optimizer, shares, jax.random.key(0), *start)
        return ppo.learn(*args, batch)

    assert float(learn(batch)[2].grad_norm) > 0
    after, _, losses = learn(batch._replace(advantage=jnp.zeros_like(batch.advantage)))
    assert float(losses.grad_norm) == 0
    jax.tree.map(np.testing.assert_array_equal, after["weights"], params["weights"])


def test_an_episode_that_finds_no_room_is_left_out_with_all_its_runs():
    found = played()
    lost = found.marks.lost.at[2 * N + 5].set(True)  # a drawn run of episode 5
    unfinished = found.episodes.length.at[9].set(0)  # a greedy run of episode 9
    found = found._replace(
        marks=found.marks._replace(lost=lost), episodes=found.episodes._replace(length=unfinished)
    )
    batch = batch_of(found, groups.against_greedy, greedy_runs=2)
    assert float(batch.weight.sum()) == 2 * 2 * (N - 2)
    narrow = {"looks_per_chunk": 50, "num_lanes": 15, "greedy_runs": 2}
    batch = batch_of(found, groups.against_greedy, **narrow)
    assert batch.weight.shape == (68,)
    assert float(batch.weight.sum()) == 68  # 17 whole episodes of 4 looks


def training(kind, **changes):
    """Return a training on doors by either learner."""
    own = planner()
    meta = meta_networks.build(META, own)
    ppo_config = dataclasses.replace(PPO, **changes)
    learner = LearnerConfig(kind, runs=4, episodes=512)
    return make_training(Task(own, meta, ppo_config, 1, rrplan.Costs(), learner))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["remax", "leave-one-out"])
def test_it_learns_when_to_think_and_resumes_bit_for_bit(kind, tmp_path):
    class Killed(Exception):  # noqa: N818 - not an error: it stands for a signal
        pass

    def kill(record):
        if record["chunk"] == 8:
            raise Killed

    made = training(kind)
    params = fit(made, jax.random.key(1), tmp_path / "whole", report=lambda record: None)
    with pytest.raises(Killed):
        fit(made, jax.random.key(1), tmp_path / "killed", report=kill)
    resumed = fit(made, jax.random.key(1), tmp_path / "killed", resume=True, report=lambda r: None)
    jax.tree.map(np.testing.assert_array_equal, params, resumed)
    # It thinks where the prior is wrong, as little as helps, and nowhere else.
    spent = set(np.round((2 - np.asarray(made.evaluate(params))) / PRICE, 3).tolist())
    assert spent in ({0.0, k, 2.0 * k} for k in META.menu[1:])
