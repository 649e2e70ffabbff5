"""The share of Sokoban's levels that is solved: every level once, what counts, table and figure."""

import dataclasses
import json
import warnings

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest

import envs
from experiments.evaluation import make_planner
from experiments.report.figures import plotting
from experiments.reproductions import planners
from experiments.reproductions.sokoban import making, table
from experiments.reproductions.sokoban.figure import draw_solved
from experiments.reproductions.sokoban.options import SokobanOptions
from rrplan import keys
from rrplan.errors import InputError

LEVELS = """; 0
#####
#@  #
# $.#
#   #
#####

; 1
#####
# . #
# $ #
# @ #
#####

; 2
#####
#@$.#
#   #
#   #
#####
"""
OTHER = "; 0\n######\n#@ $.#\n######\n"


@pytest.fixture
def options(tmp_path):
    levels = tmp_path / "three.txt"
    levels.write_text(LEVELS)
    return SokobanOptions(
        test=levels, train=levels, generated=8, limit=12, k=(0, 8), units=4, out=tmp_path / "out"
    )


def test_each_level_is_played_once(options):
    test, params = making.read_test(options)
    environment, key = envs.adapt(test), jax.random.key(3)
    ids = making.each_once(environment, params, key, 3)
    states, _ = keys.first_states(environment, params, key, jnp.asarray(ids))
    np.testing.assert_array_equal(states.level, [0, 1, 2])
    np.testing.assert_array_equal(making.each_once(environment, params, key, 2), ids[:2])


def test_solved_is_what_earns_more_than_its_boxes(options):
    test, params = making.read_test(options)
    returns = [1 + 10 - 0.12, 1 - 0.12, -0.12, 1 + 10 - 0.02]
    played = {"untimed_return": np.array(returns), "length": np.array([12, 12, 12, 2])}
    np.testing.assert_array_equal(making.solved(played, test, params), [True, False, False, True])


def test_a_share_of_one_seed_has_wilsons_interval():
    none = making._share(np.zeros((1, 1000), bool))
    assert none["mean"] == none["ci95"][0] == 0.0
    assert none["ci95"][1] == pytest.approx(0.00383, abs=1e-5)  # z² / (n + z²)


def test_a_search_solves_small_levels_and_no_search_does_not(options, monkeypatch):
    def untrained(problem, directory, seed, acting, report):
        params = problem.network.init(jax.random.key(seed))
        return make_planner(problem, params, acting)

    monkeypatch.setattr(planners, "train", untrained)
    lines: list[str] = []
    making.reproduce(dataclasses.replace(options, k=(0, 64)), lines.append)
    results = json.loads((options.directory / "results.json").read_text())
    assert results["levels"] == 3
    shares = {(row["training"], row["k"]): row["solved"]["mean"] for row in results["rows"]}
    assert set(shares) == {(name, k) for name in ("generated", "given") for k in (0, 64)}
    assert all(shares[name, 64] == 1.0 for name in ("generated", "given"))
    assert results["trainings"]["given"]["units"] == 4
    assert str(options.test.parent) not in (options.directory / "results.json").read_text()
    assert "| given levels | 64 | 100.0% [43.9, 100.0] |" in table.markdown(results)
    with mpl.rc_context(dict(plotting.RC)), warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_solved(results).canvas.draw()
    with pytest.raises(InputError, match="continue it with --resume"):
        making.reproduce(dataclasses.replace(options, k=(0, 64)), lines.append)
    options.test.write_text(LEVELS.replace("# $ #", "# $.#").replace("# . #", "#   #"))
    again = dataclasses.replace(options, k=(0, 64), resume=True)
    with pytest.raises(InputError, match="holds another reproduction"):
        making.reproduce(again, lines.append)


def test_levels_of_two_sizes_get_one_clear_line(options, tmp_path):
    (tmp_path / "other.txt").write_text(OTHER)
    changed = dataclasses.replace(options, train=tmp_path / "other.txt")
    with pytest.raises(InputError, match="rows"):
        making.reproduce(changed, lambda line: None)
    assert not options.directory.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"first": 4}, "first is 4: .* holds 3 levels"),
        ({"k": ()}, "k must be at least one number"),
        ({"limit": 0}, "limit must be at least 1, got 0"),
    ],
)
def test_bad_options_get_one_clear_line(options, changes, message):
    with pytest.raises(InputError, match=message):
        making.reproduce(dataclasses.replace(options, **changes), lambda line: None)
