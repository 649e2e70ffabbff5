"""The story of an agent: trees as plain values and as pictures, and where it imagines."""

import types
import warnings

import jax
import matplotlib as mpl
import numpy as np
import pytest

import envs
import rrplan
from agents import networks
from agents.thinker.inspect import steps
from experiments.html import replaying
from experiments.report.figures import plotting
from experiments.story import telling, trees, where
from experiments.story.tree_figure import MOST_NODES, Branch, Tree, Walk, draw_tree
from experiments.story.where_figure import draw_imagining
from rrplan.errors import InputError
from rrplan.statistics import mean_ci
from tests.agents.thinker.test_player import KEY, make_player


def draw(make, *given):
    with mpl.rc_context(dict(plotting.RC)), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = make(*given)
        figure.canvas.draw()
    return figure


def check(tree):
    """What holds of every tree: parents come first, and walks lead to nodes of it."""
    ways = {-1: ()}
    for place, branch in enumerate(tree.branches):
        assert branch.parent < place
        ways[place] = (*ways[branch.parent], branch.action)
    assert len(set(ways.values())) == len(ways)
    for walk in tree.walks:
        assert tuple(walk.actions) in ways.values()
    if tree.walks:
        best = max(walk.result for walk in tree.walks)
        assert tree.walks[tree.plan].result == best


def test_walks_of_a_thinker():
    planner, player, params = make_player(chosen=True)
    acted = steps.replay(planner, player, params, key=KEY, episode=5, price=0.01)
    for one in acted:
        tree = trees.of_imagined(one, "a title")
        stage_steps = one.steps.new.sum()
        ended = {place for place, branch in enumerate(tree.branches) if branch.ended}
        assert not any(branch.parent in ended for branch in tree.branches)
        orders = sorted(b.order for b in tree.branches if b.order is not None)
        assert len(orders) <= stage_steps
        assert tree.action == int(one.steps.action[-1])
    longest = max(acted, key=lambda one: len(one.steps.real))
    draw(draw_tree, trees.of_imagined(longest, "a title"))


def test_simulations_of_a_search():
    env, env_params = envs.make("imagine")
    environment = envs.adapt(env)
    config = networks.NetworkConfig(size="tiny")
    network, params = networks.build(config, environment, env_params, jax.random.key(0))
    search = rrplan.Search(acting="completed_q")
    planner = rrplan.Planner(environment, env_params, network, params, search, max_simulations=8)
    searched, found = replaying.replay(planner, jax.random.key(7), 3, [5, 2])
    tree = trees.of_search(searched[0], "a title", int(found["action"][0]))
    check(tree)
    assert sorted(b.order for b in tree.branches) == list(range(1, len(tree.branches) + 1))
    # A walk to a leaf has no value at its end: its return is what its two edges pay.
    rewards = set()
    for walk in tree.walks:
        if len(walk.actions) == 2:
            rewards.add(walk.result)
    assert rewards <= {-2.0, 0.0, 2.0}
    draw(draw_tree, tree)


def test_a_large_tree_is_cut_and_says_so():
    branches = [Branch(-1, a, a + 1, 0.1 * a) for a in range(MOST_NODES + 5)]
    walks = [Walk([a], 0.1 * a) for a in range(MOST_NODES + 5)]
    figure = draw(draw_tree, Tree("a title", branches, walks, 0, 3))
    assert "5 nodes are left out" in figure.get_supxlabel().replace("\n", " ")
    draw(draw_tree, Tree("nothing imagined", [], [], None, 0))


def told(seed):
    draw = np.random.default_rng(seed)
    episode, decision = np.repeat(np.arange(40), 3), np.tile(np.arange(3), 40)
    columns = {name: draw.random(120) for name in telling.stages.COLUMNS}
    columns["whole"] = np.where(decision == 2, np.nan, columns["whole"])
    return {"episode": episode, "decision": decision, **columns}


def test_where_it_imagines_over_seeds_and_over_episodes():
    one = where.summarize([told(0)])
    several = where.summarize([told(0), told(1), told(2)])
    assert [row["decision"] for row in several] == [1, 2, 3, None]
    assert several[0]["stages"] == 120
    assert several[2]["whole"] is None
    first = [told(s)["imagined"][told(s)["decision"] == 0] for s in range(3)]
    assert several[0]["imagined"]["mean"] == pytest.approx(np.mean(first))
    # Over episodes alone, as the suite's other intervals are.
    own, interval = one[0]["imagined"]["ci95"], mean_ci(first[0])
    np.testing.assert_allclose(own, interval[1:], atol=0.01)
    low, high = several[0]["imagined"]["ci95"]
    np.testing.assert_allclose((low, high), mean_ci(np.array(first))[1:], atol=0.01)
    results = telling.make_results("dynamic-thinker-0.1", 0.1, 40, [told(0), told(1)])
    assert "| all | 240 |" in where.markdown(results)
    assert len(draw(draw_imagining, results).axes) == 3


@pytest.mark.parametrize(("name", "value"), [("decision", 0), ("episode", -1), ("episodes", 0)])
def test_bad_options_get_one_clear_line(name, value, tmp_path):
    with pytest.raises(InputError, match=f"{name} must be at least"):
        telling.StoryOptions(directory=tmp_path, **{name: value})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"episode": 64}, "episode is 64: expected at most 63, as the run has 64 held-out"),
        ({"episodes": 65}, "episodes is 65: expected at most 64, as the run has 64 held-out"),
    ],
)
def test_episodes_that_a_run_does_not_have_are_refused(config, monkeypatch, given, message):
    loaded = types.SimpleNamespace(config=config)
    monkeypatch.setattr(telling.loading, "load", lambda directory, seed: loaded)
    with pytest.raises(InputError, match=message):
        telling.tell(telling.StoryOptions(directory="anywhere", **given))
