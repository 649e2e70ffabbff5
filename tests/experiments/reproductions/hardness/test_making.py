"""The reproduction: what it says of runs that are made up, and of the states of a knapsack."""

import json
import warnings

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest

import envs
from envs.puzzles.knapsack import KnapsackState
from envs.puzzles.sliding_tiles import SlidingTilesState
from experiments.cli import main as cli
from experiments.report.figures import plotting
from experiments.reproductions.hardness import making, tables, where
from experiments.reproductions.hardness.figures import FIGURES
from experiments.reproductions.hardness.making import Planners
from experiments.reproductions.hardness.where import Decisions
from rrplan import InputError


def planners(name="one", seeds=2, worse=0.0):
    """Return planners to whom instance i is as hard as i, on a grid of 0, 1, 2."""
    ks = np.arange(3)[:, None]
    enough = (ks >= np.arange(4)[None]).astype(float)  # the last is never solved
    returns = {k: np.broadcast_to(0.5 + 0.5 * enough[k] - worse, (seeds, 4)) for k in range(3)}
    return Planners(name, returns, np.ones(4))


def results():
    told = making.summarize([planners(), planners("other", 1, 0.1)])
    rng = np.random.default_rng(0)
    place = np.stack([rng.integers(1, 5, 400), rng.random(400)], axis=1)
    decisions = Decisions(place, rng.integers(0, 9, 400), rng.random(400) < 0.3)
    one, other = where._knapsack(4), where._tiles(3)
    told["maps"] = [
        {"run": "one", "price": 1e-3, **where.tell(decisions, one)},
        {
            "run": "other",
            "price": 1e-3,
            **where.tell(decisions._replace(place=place[:, :1]), other),
        },
    ]
    return {**told, "env": "knapsack", "agent": "stopper"}


def test_hardness_is_told_of_each_run_and_of_pairs_of_planners():
    told = making.summarize([planners(), planners("other", 1, 0.1)])
    assert told["planners"][0]["shares"] == {"0": 0.25, "1": 0.25, "2": 0.25, "inf": 0.25}
    assert told["planners"][1]["shares"]["inf"] == 1.0  # a tenth is missing everywhere
    same, alone, between = told["agreement"]
    assert (same["pairs"], alone["pairs"], between["pairs"]) == (1, 0, 2)
    assert same["correlation"]["mean"] == pytest.approx(1.0)
    assert alone["correlation"] is None
    assert between["correlation"] is None  # to the other, all are equally hard
    text = tables.markdown(results())
    assert "| one | 2 | 25.0% | 25.0% | 25.0% | 25.0% |" in text
    assert "| one | its other seeds | 1 |" in text


def test_figures_are_drawn_without_a_warning():
    with mpl.rc_context(dict(plotting.RC)), warnings.catch_warnings():
        warnings.simplefilter("error")
        for draw in FIGURES.values():
            draw(results()).draw_without_rendering()
    assert FIGURES["where"]({"maps": []}) is None


def test_on_the_knapsack_an_action_loses_where_the_optimum_that_is_left_falls():
    def state(packed, remaining):
        weights, values = jnp.array([2, 3, 4]), jnp.array([3, 4, 6])
        told = jnp.array(packed), jnp.int32(remaining), jnp.int32(5), jnp.int32(7)
        return KnapsackState(0, weights, values, *told)

    measure = where._knapsack(3)
    first = state([False] * 3, 5)  # the best is items 0 and 1, worth 7
    assert not measure.loses(first, state([True, False, False], 3))
    assert not measure.loses(first, state([False, True, False], 2))
    assert measure.loses(first, state([False, False, True], 1))
    np.testing.assert_allclose(measure.place(first), [3, 5 / 9], rtol=1e-6)
    np.testing.assert_allclose(measure.place(state([True, False, False], 3)), [2, 3 / 7], rtol=1e-6)


def test_on_the_tiles_a_move_that_comes_no_nearer_loses():
    def state(cells):
        return SlidingTilesState(0, jnp.array(cells, jnp.uint8), jnp.int32(cells.index(0)))

    measure = where._tiles(3)
    near, far = state([1, 2, 3, 4, 5, 6, 7, 0, 8]), state([1, 2, 3, 4, 5, 6, 0, 7, 8])
    assert measure.place(near).tolist() == [1.0]
    assert measure.place(far).tolist() == [2.0]
    assert not measure.loses(far, near)
    assert measure.loses(near, far)


def test_small_groups_are_left_out_of_the_map():
    place = np.array([[2.0, 0.15]] * 30 + [[3.0, 0.15]] * 5)
    errs = np.array([True] * 10 + [False] * 25)
    told = where.tell(Decisions(place, np.where(errs, 8, 2), errs), where._knapsack(4))
    (cell,) = told["cells"]
    assert cell == {
        "cell": [1, 1],
        "decisions": 30,
        "simulations": pytest.approx(4.0),
        "errs": pytest.approx(1 / 3),
    }
    assert told["decisions"] == 35
    assert (told["simulations_where_it_errs"], told["simulations_elsewhere"]) == (8.0, 2.0)


def test_environments_of_which_nothing_is_known_have_no_map():
    for name, known in (("knapsack", True), ("tardiness", False)):
        env, env_params = envs.make(name)
        assert (where.measure_of(envs.adapt(env), env_params) is not None) == known


def test_what_is_wrong_takes_one_line(tmp_path, capsys):
    assert cli.main(["reproduce", "hardness", str(tmp_path)]) == 2
    assert "holds no run" in capsys.readouterr().err
    with pytest.raises(InputError, match="RUN must be at least one directory"):
        making.HardnessOptions(runs=())


@pytest.mark.slow
def test_a_tiny_one_is_made_from_end_to_end_and_only_where_nothing_is(tiny_run, tmp_path, capsys):
    words = ["reproduce", "hardness", str(tiny_run), "--out", str(tmp_path / "made")]
    assert cli.main([*words, "--episodes", "16"]) == 0, capsys.readouterr().err
    told = json.loads((tmp_path / "made" / "results.json").read_bytes())
    assert told["agreement"][0]["pairs"] == 1
    assert sum(told["planners"][0]["shares"].values()) == pytest.approx(1.0)
    assert told["maps"][0]["decisions"] > 16
    assert cli.main([*words, "--episodes", "16"]) == 2
    assert "--resume" in capsys.readouterr().err
    assert cli.main([*words, "--episodes", "16", "--resume"]) == 0
    assert json.loads((tmp_path / "made" / "results.json").read_bytes()) == told
