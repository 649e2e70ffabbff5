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
from agents.metapolicies import learned
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
N = 96


class Noisy(Doors):
    """Doors whose rewards are drawn."""

    def step(self, key, state, action, params):
        transition = super().step(key, state, action, params)
        return transition._replace(reward=transition.reward + 0.3 * jax.random.normal(key))


@functools.cache
def parts(kind="remax", **changes):
    """Return the halves of a training on noisy doors."""
    config = dataclasses.replace(PPO, **changes)
    own = planner()._replace(environment=Noisy())
    meta = meta_networks.build(META, own)
    runs = {"remax": (2, 1), "leave-one-out": (4, 0)}[kind]
    config = from_ppo(GroupConfig, config, runs=runs[0], greedy_runs=runs[1], episodes=N * runs[0])
    return meta_train.divide(own, meta, config, 1, rrplan.Costs(rates=rrplan.Rates(look=0.3)))


def played(manner, runs, strength=None):
    """Play ``N`` episodes of noisy doors ``runs`` times."""
    spec, known = parts()
    params = meta_train.prefer(known, spec.meta_network.init(jax.random.key(0)))
    if strength is not None:
        params = {**params, "strength": jnp.float32(strength)}
    return _play(manner, runs, params)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _play(manner, runs, params):
    spec, known = parts()
    engine = meta_train.engine_of(spec, known, running(spec.meta_network, manner))
    told = meta_train.settings_of(known, jax.random.key(7), params)
    return play(engine, told, jnp.arange(N), jnp.full(N, PRICE), runs)


def returns(found, runs):
    every = groups.returns_of(found.looks, found.marks.place, runs * N, 1.0)
    return np.asarray(every).reshape(runs, N)


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
    reward, acts = (jnp.array(rows, kind).T for rows, kind in ((column, float), (acts, int)))
    place = jnp.array([[2, 2, 0, 0, 0], [1, 1, 0, 0, 0]]).T
    looks = Looks((), reward, acts, acts > 5, jnp.array([4, 2]))
    found = groups.returns_of(looks, place, 3, 0.5)
    np.testing.assert_array_equal(found, [2 + 4, 8 + 0.25 * 16, 1 + 0.5 * 10])


def test_returns_are_those_of_the_bill():
    found = played(Manner(), 2)
    _, known = parts()
    costs = known.costs._replace(price=PRICE)
    expected = rrplan.costs.timed_return(
        found.episodes.untimed_return, costs, rrplan.costs.counts_of(found.episodes)
    )
    # Both decisions have a choice, so that nothing comes before the first look.
    np.testing.assert_allclose(returns(found, 2).ravel(), expected, rtol=1e-5)
    assert (found.episodes.length == 2).all()


def test_the_greedy_run_twice_earns_the_same_to_the_last_bit():
    found = returns(played(Manner(greedy_runs=2), 2), 2)
    np.testing.assert_array_equal(found[0], found[1])
    assert found[0].std() > 0.2  # of other episodes
    drawn = returns(played(Manner(), 2), 2)
    assert (drawn[0] != drawn[1]).mean() > 0.3  # runs of one episode answer otherwise


def test_a_policy_that_is_greedy_already_has_no_advantage():
    """With a preference of 60 logits every drawn answer is the likeliest."""
    found = played(Manner(greedy_runs=1), 2, strength=60.0)
    spec, _ = parts()
    batch = groups.to_batch(found, spec.config, groups.against_greedy)
    assert float(batch.weight.sum()) == 2 * N  # the drawn run's looks, two of each episode
    np.testing.assert_array_equal(batch.advantage, 0)


def test_groups_that_tie_have_no_gradient():
    spec, known = parts("leave-one-out")
    params = meta_train.prefer(known, spec.meta_network.init(jax.random.key(0)))
    batch = groups.to_batch(played(Manner(), 4), spec.config, groups.against_others)
    assert np.abs(batch.advantage).max() > 0
    learn = jax.jit(ppo.learn, static_argnums=(0, 1, 2))
    optimizer = make_optimizer(spec.config)
    start = (params, optimizer.init(params["weights"]))
    given = (ppo.shares(spec.config, jnp.int32(3)), jax.random.key(0), *start)
    args = (spec.meta_network, spec.config, optimizer, *given)
    assert float(learn(*args, batch)[2].grad_norm) > 0
    tied = batch._replace(advantage=jnp.zeros_like(batch.advantage))
    after, _, losses = learn(*args, tied)
    assert float(losses.grad_norm) == 0
    jax.tree.map(np.testing.assert_array_equal, after["weights"], params["weights"])


def test_an_episode_that_finds_no_room_is_left_out_with_all_its_runs():
    spec, _ = parts()
    found = played(Manner(greedy_runs=1), 2)
    lost = found.marks.lost.at[N + 5].set(True)  # the drawn run of episode 5
    unfinished = found.episodes.length.at[9].set(0)  # the greedy run of episode 9
    found = found._replace(
        marks=found.marks._replace(lost=lost), episodes=found.episodes._replace(length=unfinished)
    )
    batch = groups.to_batch(found, spec.config, groups.against_greedy)
    assert float(batch.weight.sum()) == 2 * (N - 2)
    narrow = dataclasses.replace(spec.config, looks_per_chunk=50, num_lanes=14)
    batch = groups.to_batch(found, narrow, groups.against_greedy)
    assert batch.weight.shape == (64,)
    assert float(batch.weight.sum()) == 64  # 32 whole episodes


def training(kind, **changes):
    """Return a training on doors by either learner."""
    own = planner()
    meta = meta_networks.build(META, own)
    ppo_config = dataclasses.replace(PPO, **changes)
    learner = LearnerConfig(kind, runs=4, episodes=512)
    return make_training(Task(own, meta, ppo_config, 1, rrplan.Costs(), learner))


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
    found = rrplan.evaluate(
        planner(), learned.greedy(made.network), params, key=jax.random.key(9), episodes=256,
        costs=rrplan.Costs(PRICE), num_lanes=64, trace=2,
    )  # fmt: skip
    # It thinks where the prior is wrong, as little as helps, and nowhere else.
    thought = np.asarray(found.trace.simulations)
    np.testing.assert_array_equal((thought > 0).mean(), (thought == thought.max()).mean())
    assert 0.4 < (thought > 0).mean() < 0.6
    np.testing.assert_allclose(found.untimed_return, 2.0)
