"""Planners trained alone in a study: their rows, what they pay, and that a study resumes.

What trains and evaluates is made up; everything around it is real.
"""

import dataclasses

import pytest

from experiments import roster
from experiments.analysis import entries
from experiments.report import planner_tables, tables
from experiments.report.figures.front import draw_front
from experiments.report.figures.returns import draw_returns
from experiments.studies.planning_depth import study
from experiments.studies.planning_depth.config import ControlConfig
from experiments.studies.planning_depth.planners import alone
from experiments.studies.planning_depth.planners.plans import Plan
from rrplan.operations import Operations

NAMES = ("longer", "longer-k0", "longer-ops", "larger")


@pytest.fixture
def made_up(monkeypatch, fake_work):
    """Trainings that return their name, and a list of them."""
    trained = []

    def plan(problem, run, declared, trained, bill):
        width = 40 if declared.larger else None
        return Plan(120 if width is None else 30, width, 1000, 12.0, 1e9)

    def other(problem, width, chunks, rate):
        train = dataclasses.replace(
            problem.config.train, num_chunks=chunks, learning_rate=rate * 1e-3
        )
        return problem._replace(config=dataclasses.replace(problem.config, train=train))

    def train(own, run, declared, label, seeds, progress):
        names = [f"{label} {seed}" for seed in range(min(seeds, own.config.seeds))]
        trained.extend(name for name in names if name not in trained)
        return [study.TrainedSeed(name) for name in names]

    monkeypatch.setattr(alone.plans, "make", plan)
    monkeypatch.setattr(alone.plans, "problem_of", other)
    monkeypatch.setattr(alone.plans, "operations_of", lambda own: Operations(20.0, 180.0))
    monkeypatch.setattr(alone, "_train", train)
    return trained


@pytest.fixture
def controls(config):
    control = ControlConfig(agents=("stopper", *NAMES), num_prices=2)
    return dataclasses.replace(config, control=control, seeds=3)


def test_they_stand_beside_the_others_and_pay_for_themselves(
    controls, made_up, fake_work, tmp_path
):
    results = study.run_study(controls, tmp_path / "run")
    # Of each of three trainings, three learning rates with two seeds, and the one that was chosen
    # with the third; agents that differ in k share one.
    assert len(made_up) == len(set(made_up)) == 3 * (3 * 2 + 1)
    third = {name.removesuffix(" 2") for name in made_up if name.endswith(" 2")}
    assert third == {f"{one['training']}-lr{one['learning_rate']:g}" for one in results["planners"]}
    for price in controls.sweep.prices:
        longer, reactive, larger = (
            entries.find(results, name, price) for name in ("longer", "longer-k0", "larger")
        )
        assert reactive["simulations"]["mean"] == 0
        assert longer["simulations"]["mean"] > 0
        # Another planner: the ceiling of the study's own is none for it.
        assert longer["gap_closed"] is None
        assert longer["difference"] is not None
        # A price of c for 100 operations, as many as a simulation of the study's planner takes.
        assert longer["rates"]["operations"]["simulation"] == pytest.approx(1.0)
        assert larger["rates"]["operations"]["simulation"] == pytest.approx(2.0)
        assert larger["rates"]["operations"]["decision"] == pytest.approx(1.8)
        assert larger["rates"]["simulations"]["simulation"] == 1.0
        counts = 2.0 * larger["simulations"]["mean"] + 1.8 * larger["length"]["mean"]
        paid = larger["untimed"]["mean"] - larger["timed"]["mean"]
        assert paid == pytest.approx(price * counts)
        others = {pair["other"] for pair in results["pairs"] if pair["agent"] == "stopper"}
        assert set(NAMES) <= others
        claimed = {claim["other"] for claim in results["claims"] if claim["price"] == price}
        assert {"longer", "longer-ops", "larger"} <= claimed
        assert "longer-k0" not in claimed  # longer's k was chosen of 0 and others
        (chain,) = (chain for chain in results["chains"] if chain["price"] == price)
        assert [one["agent"] for one in chain["beside"]] == list(NAMES)
    told = {one["training"]: one for one in results["planners"]}
    assert set(told) == {"longer-seconds", "longer-operations", "larger-seconds"}
    assert len(told["larger-seconds"]["validated"]) == 3
    chosen = max(told["larger-seconds"]["validated"], key=lambda one: one["mean"])
    assert told["larger-seconds"]["learning_rate"] == chosen["learning_rate"]
    # The dearer planner thinks no longer than the cheaper one.
    best = {name: [b["k"] for b in told[name]["best"]] for name in told}
    assert best["larger-seconds"] <= best["longer-seconds"]
    assert {front["agent"] for front in results["fronts"]} == {"stopper"}


def test_tables_and_figures_show_them(controls, made_up, tmp_path):
    results = study.run_study(controls, tmp_path / "run")
    text = tables.markdown_table(results)
    assert "| longer-seconds | 1,000 | 120 |" in text
    assert "| 0.0003 | longer-k0 |" in text
    assert "less larger" in text
    assert planner_tables.terminal_table(results).row_count == 3
    assert planner_tables.markdown_table({**results, "planners": []}) == ""
    for draw in (draw_returns, draw_front):
        figure = draw(results)
        written = {text.get_text() for axes in figure.axes for text in axes.texts}
        assert any("longer" in one for one in written)
    assert not any("-k0" in text.get_text() for text in draw_returns(results).axes[1].texts)


def test_what_is_evaluated_is_not_evaluated_again(controls, made_up, fake_work, tmp_path):
    first = study.run_study(controls, tmp_path / "run")
    fake_work.evaluated.clear()
    assert study.run_study(controls, tmp_path / "run", resume=True) == first
    assert fake_work.evaluated == []
    # A run that was finished without them is gone on with by adding them.
    plain = dataclasses.replace(controls, control=ControlConfig(agents=("stopper",), num_prices=2))
    study.run_study(plain, tmp_path / "other")
    assert study.run_study(controls, tmp_path / "other", resume=True)["agents"] == first["agents"]


def test_the_roster_describes_them():
    for name in ("longer", "longer-ops", "larger", "larger-ops"):
        best, reactive = roster.find(name), roster.find(f"{name}-k0")
        assert best.family == reactive.family == "planner"
        assert best.training == reactive.training
        assert (best.k, reactive.k) == (None, 0)
        assert {name, f"{name}-k0"} <= set(roster.choosable())
    assert len({roster.find(n).training for n in ("longer", "longer-ops", "larger-ops")}) == 3
