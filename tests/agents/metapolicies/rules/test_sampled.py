"""Actions that are drawn: how often each, and that nothing else than the episode decides which."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents.metapolicies.rules import sampled
from agents.metapolicies.tuning import Candidate, Choice
from agents.networks import PlannerNetwork
from experiments.studies.planning_depth import training
from experiments.studies.planning_depth.config import ControlConfig, StudyConfig
from rrplan.search.final_action import Acting, choose_action, log_policy
from rrplan.search.trees import Rows
from tests.agents.metapolicies.rules.made_up import see
from tests.rrplan import tabular

DRAWS = 40_000
ENVIRONMENT = tabular.TabularEnvironment()
TABLE = tabular.make_table(3, ENVIRONMENT.num_actions)
PROBS, ILLEGAL = [0.5, 0.2, 0.2, 0.1], [False, False, False, True]


def frequencies(acting, seen, floor=0.5):
    """Return how often each action is drawn from one situation."""
    policy = sampled.sampled(acting, floor)
    chosen, extra = jax.device_get(draw(policy, seen))
    assert (extra == max(4 - int(seen.simulations[0]), 0)).all()
    return np.bincount(chosen, minlength=4) / DRAWS


@functools.partial(jax.jit, static_argnums=0)
def draw(policy, seen):
    """Return actions that are drawn, and the simulations that are ordered with them."""
    seen = jax.tree.map(lambda leaf: jnp.repeat(leaf, DRAWS, axis=0), seen)
    keys = jax.random.split(jax.random.key(0), DRAWS)
    control = policy.apply(jnp.int32(4), keys, policy.init(DRAWS), seen)
    chosen = policy.act(control.carry, jnp.zeros(DRAWS, jnp.int32), jnp.full(DRAWS, -1))
    return chosen, control.extra_simulations


@pytest.mark.parametrize("acting", ["visits", "completed_q"])
def test_without_simulations_actions_are_drawn_from_the_prior(acting):
    found = frequencies(acting, see([[0, 0, 0, 0]], probs=PROBS, illegal=ILLEGAL, raw=0.3))
    np.testing.assert_allclose(found, [5 / 9, 2 / 9, 2 / 9, 0], atol=0.01)


def test_by_visits_they_are_drawn_in_proportion():
    found = frequencies("visits", see([[1, 3, 0, 0]], probs=PROBS, illegal=ILLEGAL))
    np.testing.assert_allclose(found, [0.25, 0.75, 0, 0], atol=0.01)


def test_by_completed_q_they_are_drawn_from_the_improved_policy():
    """All are visited, so nothing is completed: (50 + 2) x 0.1 x (q - 0) / 4 on top of the log."""
    seen = see([[1, 2, 1, 0]], probs=PROBS, illegal=ILLEGAL, qvalues=[[0.0, 1.0, 0.5, 0.0]])
    weights = np.array([5 / 9, 2 / 9, 2 / 9]) * np.exp(5.2 * np.array([0, 1, 0.5]) / 4)
    found = frequencies("completed_q", seen, floor=4.0)
    np.testing.assert_allclose(found[:3], weights / weights.sum(), atol=0.01)
    assert found[3] == 0


@pytest.mark.parametrize("rule", ["visits", "completed_q"])
def test_the_likeliest_action_is_the_one_that_the_rule_takes(rule):
    rng = np.random.default_rng(0)
    visits = rng.integers(0, 5, (50, 4)).astype(np.int32)
    scores, values = rng.normal(size=(2, 50, 4)).astype(np.float32)
    invalid = rng.random((50, 4)) < 0.2
    invalid[:, 1] = False

    @jax.jit
    def ask():
        logits = jax.nn.log_softmax(jnp.asarray(scores))
        rows = Rows(
            values[:, 0], values[:, 0], visits.sum(1) + 1, logits, jnp.exp(logits), visits, values
        )
        policy = log_policy(rule, 0.1, rows, invalid)
        return policy, choose_action(Acting.by(rule, 0.1), rows, invalid)

    policy, chosen = jax.device_get(ask())
    highest = np.take_along_axis(policy, chosen[:, None], axis=1)[:, 0]
    np.testing.assert_array_equal(highest, policy.max(axis=1))


def test_the_floor_of_values_is_a_share_of_the_return_scale():
    network = PlannerNetwork("mlp", 4, 1, ENVIRONMENT.num_actions, (3,), return_scale=10.0)
    search = rrplan.Search(acting="completed_q", value_floor=0.5)
    planner = rrplan.Planner(ENVIRONMENT, TABLE, network, TABLE, search, max_simulations=3)
    first, _ = sampled.candidates(planner, [1, 2, 3])
    assert first.meta_policy is sampled.sampled("completed_q", 5.0)


def test_an_episode_draws_the_same_in_any_lane():
    search = rrplan.Search(acting="completed_q")
    planner = rrplan.Planner(
        ENVIRONMENT, TABLE, tabular.table_network, TABLE, search, max_simulations=3
    )
    (none, two) = sampled.candidates(planner, (0, 2, 3))
    assert (none.name, two.name) == ("sampled-k0", "sampled-k2")

    def play(episodes, lanes):
        return rrplan.evaluate(
            planner, two.meta_policy, jnp.int32(two.params), key=jax.random.key(1),
            episodes=episodes, num_lanes=lanes, trace=ENVIRONMENT.max_length,
        )  # fmt: skip

    all_ = play(np.arange(40), 8)
    some = play(np.arange(40)[::-1], 8)
    jax.tree.map(lambda one, other: np.testing.assert_array_equal(one, other[::-1]), all_, some)
    trace = all_.trace
    chosen = np.asarray(trace.valid & (trace.legal_actions > 1))
    assert (np.asarray(trace.simulations)[chosen] == 2).all()
    assert not all_.looks.any()


def test_the_oracle_does_not_bound_what_takes_other_actions():
    control = ControlConfig(agents=("sampled", "entropy"))
    config = StudyConfig(env="knapsack", control=control)
    candidate = Candidate("one", None, 0)
    tuned = {name: [Choice(1e-3, candidate, 0.0, 0.0)] for name in ("entropy", "sampled")}
    listed = {agent.name: agent.bounded for agent in training.list_agents(config, tuned)}
    assert listed == {"entropy": True, "sampled": False}
