"""Steps of episodes, looked at from outside: the same that the agent plays, and what they say."""

import jax
import numpy as np
import pytest

from agents.thinker.inspect import stages, steps
from agents.thinker.inspect.steps import Steps
from rrplan.costs import Costs
from tests.agents.thinker.test_player import KEY, make_player

EPISODES = 12


@pytest.fixture(scope="module")
def played():
    """An untrained Dynamic Thinker: how it plays by itself, and its steps."""
    planner, player, params = make_player(chosen=True)
    given = {"key": KEY, "episodes": EPISODES, "costs": Costs(0.01), "num_lanes": 4, "trace": 6}
    found = steps.record(planner, player, params, key=KEY, ids=np.arange(EPISODES), price=0.01)
    return planner, player, params, player.evaluate(planner, params, **given), found


def test_they_are_the_steps_that_it_plays(played):
    *_, episodes, found = played
    thought = found.valid & ~found.real
    np.testing.assert_array_equal((found.valid & found.real).sum(0), episodes.length)
    np.testing.assert_array_equal(thought.sum(0), episodes.levels)
    earned = np.where(found.real, found.reward, 0.0).sum(0)
    np.testing.assert_allclose(earned, episodes.untimed_return, rtol=1e-5, atol=1e-6)
    for one in stages.split(found):
        assert episodes.trace.action[one.episode, one.decision] == one.action
        assert episodes.trace.levels[one.episode, one.decision] == one.imagined
        assert sum(map(len, one.walks)) == one.imagined


def test_one_episode_with_its_trees(played):
    planner, player, params, _, found = played
    acted = steps.replay(planner, player, params, key=KEY, episode=5, price=0.01)
    own = [one for one in stages.split(found) if one.episode == 5]
    assert [int(one.steps.action[-1]) for one in acted] == [stage.action for stage in own]
    for one in acted:
        new = one.steps.slot[one.steps.new]
        assert len(set(new.tolist())) == len(new)
        # The tree holds every node that was visited, below the one that the step started from.
        for slot, parent, action in zip(
            one.steps.slot[:-1], one.steps.parent[:-1], one.steps.action[:-1], strict=True
        ):
            assert one.tree.children[parent, action] == slot


def made_up(*rows):
    """Return steps of one episode: ``(real, action, new, restarts, result)`` each."""
    real, action, new, restarts, result = (
        np.array(column)[:, None] for column in zip(*rows, strict=True)
    )
    none = np.zeros(real.shape, int)
    valid = np.ones(real.shape, bool)
    return Steps(valid, real, action, none, new, none, none, none, restarts, result)


def test_walks_plans_and_what_comes_of_them_by_hand():
    walk = made_up(
        (False, 1, True, False, 0.5),
        (False, 0, True, True, 0.9),  # the plan: 1, then 0
        (False, 1, False, True, 0.5),
        (True, 1, False, False, 0.0),
        (False, 2, True, True, 0.1),  # a plan of one action, which is not taken
        (True, 0, False, False, 0.0),
        (True, 2, False, False, 0.0),  # nothing imagined
    )
    found = stages.split(walk)
    assert [one.walks for one in found] == [[[1, 0], [1]], [[2]], []]
    assert [one.plan for one in found] == [[1, 0], [2], []]
    told = stages.tell(found)
    np.testing.assert_array_equal(told["imagined"], [3, 1, 0])
    np.testing.assert_array_equal(told["calls"], [2, 1, 0])
    np.testing.assert_array_equal(told["walks"], [2, 1, 0])
    np.testing.assert_array_equal(told["depth"], [2, 1, 0])
    np.testing.assert_array_equal(told["first"], [1, 0, np.nan])
    np.testing.assert_array_equal(told["share"], [1, 0, np.nan])
    np.testing.assert_array_equal(told["whole"], [1, np.nan, np.nan])


def test_a_plan_counts_up_to_the_end_of_the_episode():
    walk = made_up((False, 1, True, False, 0.5), (False, 0, True, True, 0.9), (True, 1, 0, 0, 0.0))
    told = stages.tell(stages.split(walk))
    assert told["share"].tolist() == [1.0]
    assert np.isnan(told["whole"]).all()  # one action of the plan was left to take
    assert jax.tree.leaves(told)
