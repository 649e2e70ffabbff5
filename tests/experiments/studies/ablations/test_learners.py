"""The ablation of learners: curves over seeds by hand, and the figure; a tiny one is slow."""

import json
import warnings

import matplotlib as mpl
import numpy as np
import pytest

from agents.metapolicies.learners.registry import LEARNERS
from experiments.cli import main as cli
from experiments.report.figures import plotting
from experiments.report.figures.learning import draw_learning
from experiments.studies.ablations import learners
from experiments.studies.ablations.learners import Arm, Point, Trained


def test_every_learner_has_an_arm_and_ppo_is_the_first():
    kinds = [arm.learner["kind"] for arm in learners.learners() if isinstance(arm, Arm)]
    assert kinds == list(LEARNERS)
    assert kinds[0] == "ppo"


def test_a_curve_is_the_mean_of_the_seeds_and_the_time_of_the_fastest():
    one = [Point(0, 0.0, np.array([1.0, 3.0])), Point(100, 30.0, np.array([5.0, 5.0]))]
    two = [Point(0, 0.0, np.array([1.0, 1.0])), Point(140, 8.0, np.array([6.0, 8.0]))]
    row = learners.summarise([Trained((), one), Trained((), two)])
    assert [(point["looks"], point["seconds"]) for point in row["curve"]] == [(0, 0), (120, 8)]
    assert [point["timed"]["mean"] for point in row["curve"]] == [1.5, 6.0]
    assert row["curve"][1]["timed"]["low"] < 6 < row["curve"][1]["timed"]["high"]
    assert (row["learned_from"], row["cpu_seconds"]) == (120, 8)


def made_up():
    """Return a file with two curves, a point and a level."""

    def point(looks, seconds, mean):
        timed = {"mean": mean, "low": mean - 0.001, "high": mean + 0.001}
        return {"looks": looks, "seconds": seconds, "timed": timed}

    curves = {
        "PPO": [point(0, 0, 0.95), point(9000, 10, 0.971), point(18000, 20, 0.973)],
        "ReMax": [point(0, 0, 0.95), point(8000, 9, 0.972), point(16000, 18, 0.9731)],
        "self-aware rule": [point(120_000, 25, 0.970)],
        "fixed k = 4": [point(0, 0, 0.968)],
    }
    rows = [{"arm": arm, "curve": curve} for arm, curve in curves.items()]
    return {"settings": {"seeds": 2, "agent": "gate", "price": 3e-4}, "rows": rows}


def test_the_figure_names_every_arm_in_both_panels():
    with warnings.catch_warnings(), mpl.rc_context(dict(plotting.RC)):
        warnings.simplefilter("error")
        figure = draw_learning(made_up())
        figure.draw_without_rendering()
    for axes in figure.axes:
        texts = [text.get_text() for text in axes.texts if text.get_text()]
        assert sorted(texts) == ["PPO", "ReMax", "fixed k = 4", "self-aware rule"]
    assert "2 training seeds" in figure.get_supxlabel()


@pytest.mark.slow
def test_learners_are_compared_on_a_finished_runs_planner(tmp_path):
    run, out = tmp_path / "run", tmp_path / "learners.json"
    study = (
        "run knapsack --preset quick --env.num_items 4 --train.num-chunks 2 --k 0 2 4 --prices 1e-3"
        f" --sweep.episodes 32 --sweep.validation-episodes 32 --out {run} --control.agents gate"
        " --control.ppo.num-chunks 3 --control.ppo.value-chunks 1"
        " --control.ppo.looks-per-chunk 512 --control.gains.num-chunks 2"
        " --control.learner.episodes 64 --control.learner.instances 8"
        " --control.learner.imitation-chunks 1"
    )
    assert cli.main(study.split()) == 0
    ablation = (
        f"ablate learners --run {run} --price 1e-3 --seeds 1 --episodes 8 --evaluations 1"
        f" --out {out}"
    )
    assert cli.main(ablation.split()) == 0
    rows = json.loads(out.read_text())["rows"]
    assert [row["arm"] for row in rows][:6] == [arm.label for arm in learners.learners()]
    assert all(np.isfinite(row["timed"]["mean"]) for row in rows)
    assert rows[0]["difference"]["mean"] == 0
    assert (tmp_path / "figures" / "learners.png").exists()
