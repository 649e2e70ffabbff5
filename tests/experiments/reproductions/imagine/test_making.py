"""The reproduction on trees of hidden rewards: scores by the exact optimum, table and figure."""

import dataclasses
import json
import warnings

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest

from agents.thinker.config import ThinkerConfig
from experiments.report.figures import plotting
from experiments.reproductions.imagine import making, table
from experiments.reproductions.imagine.figure import draw_values
from experiments.reproductions.imagine.options import ImagineOptions
from rrplan import keys
from rrplan.errors import InputError

OPTIONS = ImagineOptions(thinker=ThinkerConfig(k_max=6, depth=2, num_chunks=9), k=(1, 4))
EPISODES = 40


def columns(untimed, calls):
    """Return the table ``[1, E]`` of an agent."""
    count = np.full((1, EPISODES), 2)
    untimed = np.broadcast_to(np.asarray(untimed, np.float32), (1, EPISODES))
    whole = np.broadcast_to(np.asarray(calls), (1, EPISODES))
    return {"untimed_return": untimed, "length": count, "levels": 2 * whole} | {
        "simulations": whole,
        "looks": whole,
    }


@pytest.fixture(scope="module")
def results():
    """The optimum itself as Dynamic Thinker, and a search that earns 0.5 less each time."""
    rewards = np.random.default_rng(0).choice([-1, 1], size=(EPISODES, 6))
    optimum = making.solve(OPTIONS, 0.1)
    best = np.array([optimum.play(tree.tolist()) for tree in rewards])
    searched = {k: columns(best - 0.5 + 0.1 * k, k) for k in OPTIONS.k}
    found = making.summarize({0.1: optimum}, {0.1: columns(best, 0)}, searched, rewards)
    curve = [{"price": p, "optimum": 1 - p, "search": 0.5 - p} for p in (0.0, 0.5)]
    return found | {"curve": curve}


def test_luck_is_in_no_score(results):
    at = results["prices"][0]
    exact, dynamic, first, second = at["agents"]
    assert dynamic["score"]["mean"] == pytest.approx(1.0, abs=1e-6)
    assert dynamic["value"] == pytest.approx(exact["value"], abs=1e-6)
    # As each simulation costs what it earns here, both lose 0.5.
    for one in (first, second):
        assert one["value"] == pytest.approx(exact["value"] - 0.5, abs=1e-6)
        low, high = one["score"]["ci95"]
        assert high - low < 1e-6
    assert second["calls"] == 2.0
    assert second["imagined"] == 4.0


def test_the_table_and_the_figure(results):
    text = table.markdown(results)
    assert "| optimum | 0.1 |" in text
    assert "| search (PUCT), k = 4 | 0.1 |" in text
    with mpl.rc_context(dict(plotting.RC)), warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_values(results).canvas.draw()


def test_the_trees_are_those_that_are_played():
    planner = making.build(OPTIONS)
    drawn = making.draw_trees(planner, 8)
    key = jax.random.key(making._HELD_OUT)
    states, _ = keys.first_states(planner.environment, planner.env_params, key, jnp.arange(8))
    rewards = [leaf for leaf in jax.tree.leaves(states) if leaf.shape == (8, 6)]
    np.testing.assert_array_equal(drawn, rewards[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prices": ()}, "prices must be at least one number"),
        ({"k": (0,)}, "k must be at least 1, got 0"),
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
    ],
)
def test_bad_options_get_one_clear_line(changes, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(OPTIONS, **changes)


def test_what_is_too_large_is_refused_before_anything_is_written(tmp_path):
    options = dataclasses.replace(OPTIONS, depth=4, out=tmp_path / "out")
    with pytest.raises(InputError, match="for an exact solution"):
        making.reproduce(options, lambda line: None)
    assert not (tmp_path / "out").exists()


def test_a_tree_has_decisions():
    with pytest.raises(InputError, match="depth must be at least 1, got 0"):
        ImagineOptions(depth=0)


@pytest.mark.slow
def test_dynamic_thinker_earns_95_percent_of_the_optimum(tmp_path):
    """At two prices, each of three seeds."""
    options = ImagineOptions(k=(1,), out=tmp_path)
    making.reproduce(options, lambda line: None)
    found = json.loads((tmp_path / "results.json").read_text())
    for at in found["prices"]:
        scores = next(one["seeds"] for one in at["agents"] if one["agent"] == "dynamic")
        assert len(scores) == 3
        assert min(scores) >= 0.95
