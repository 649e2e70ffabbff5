"""Seconds by the clock: known ones are found again, useless grids are refused."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.networks import NetworkConfig
from experiments import bill, calibration, evaluation, runs
from experiments.calibration import Calibration, Seconds, design, fit, in_turns
from experiments.studies.planning_depth import study
from experiments.studies.planning_depth.config import ControlConfig, StudyConfig, SweepConfig
from rrplan import InputError, Work
from rrplan.costs import Rates
from rrplan.engine.consult import NO_DEPTH_LIMIT

TRUE = np.array([3e-5, 2e-6, 4e-6, 5e-7, 9e-6])  # an episode, decision, simulation, level, look
POINTS = design(32)


def counts_of(points, lengths=(4.0, 5.0, 6.5), episodes=100):
    """Return what episodes come to whose length differs a little from point to point."""
    rows = []
    for place, point in enumerate(points):
        decisions = episodes * lengths[place % len(lengths)]
        depth = min(point.depth, 1.0 + 0.1 * point.k)  # on average
        looks = -(-point.k // point.chunk) + (point.k < 32)  # none where no more is possible
        simulations = decisions * point.k
        rows.append([episodes, decisions, simulations, simulations * depth, decisions * looks])
    return np.array(rows)


def test_known_seconds_are_found_again():
    counts = counts_of(POINTS)
    found = fit(counts, counts @ TRUE)
    np.testing.assert_allclose(found[:5], TRUE, rtol=1e-9)
    assert found.error < 1e-12
    assert 1.0 < found.condition <= calibration.MOST_CONDITION
    levels = counts[:, 3].sum() / counts[:, 2].sum()
    assert found.levels == pytest.approx(levels)
    assert found.whole_simulation == pytest.approx(4e-6 + levels * 5e-7)


def test_where_all_episodes_are_as_long_they_are_part_of_their_decisions():
    counts = counts_of(POINTS, lengths=(5.0,))
    found = fit(counts, counts @ TRUE)
    expected = [0.0, TRUE[1] + TRUE[0] / 5.0, *TRUE[2:]]
    np.testing.assert_allclose(found[:5], expected, rtol=1e-9)


def test_no_count_gives_time_back():
    counts = counts_of(POINTS)
    found = fit(counts, counts @ (TRUE * [1, 1, 1, 1, 0]) * (1 - 1e-3 * np.arange(len(POINTS))))
    assert min(found[:5]) >= 0.0
    assert 0.0 < found.error < 0.05


def test_the_error_is_that_of_points_held_out():
    counts = counts_of(POINTS)
    seconds = counts @ TRUE
    held_out = np.arange(len(seconds)) % 4 == 2
    found = fit(counts, np.where(held_out, 0.8 * seconds, seconds))
    np.testing.assert_allclose(found[:5], TRUE, rtol=1e-9)
    assert found.error == pytest.approx(0.25)


@pytest.mark.parametrize(
    "counts",
    [
        counts_of(design(1)),  # one simulation, and one look: as often as each other
        counts_of([point._replace(chunk=point.k) for point in POINTS if 0 < point.k < 32]),
        counts_of([point._replace(depth=1) for point in POINTS]),
    ],
)
def test_a_grid_that_does_not_tell_counts_apart_is_refused(counts):
    message = r"^the clock cannot tell .* apart: the condition number is .*, expected at most 100;"
    with pytest.raises(InputError, match=message) as refused:
        fit(counts, counts @ TRUE)
    assert "\n" not in str(refused.value)


def test_seconds_that_follow_no_counts_are_refused():
    counts = counts_of(POINTS)
    seconds = (counts @ TRUE) * np.where(np.arange(len(POINTS)) % 4 == 2, 0.5, 1.0)
    with pytest.raises(InputError, match=r"^the seconds .* an error of 100%, expected at most 50%"):
        fit(counts, seconds)


def test_a_design_varies_one_thing_at_a_time():
    assert POINTS[0] == (0, NO_DEPTH_LIMIT, 1)
    assert {point.k for point in POINTS} == {0, 4, 16, 32}
    assert {point.depth for point in POINTS} == {1, 2, NO_DEPTH_LIMIT}
    assert {point.chunk for point in POINTS if point.k == 32} == {1, 8, 32}
    assert len(set(POINTS)) == len(POINTS) == 1 + 3 * (2 + 3 + 3)


def test_rounds_go_both_ways():
    order = []
    contestants = [lambda name=name: order.append(name) or len(order) for name in "abc"]
    rounds = []
    found = in_turns(contestants, 3, rounds.append)
    assert "".join(order) == "abccbaabc"
    np.testing.assert_array_equal(found, [[1, 2, 3], [6, 5, 4], [7, 8, 9]])
    assert rounds == [1, 2, 3]


# The bill

OWN = Seconds(1e-4, 2e-6, 3e-6, 5e-7, 6e-6, levels=2.0, error=0.1, condition=9.0)
MEASURED = Calibration(OWN, OWN._replace(simulation=1e-6))  # a reference simulation takes 2e-6
COUNTED = bill.Bill(
    "seconds", "simulation", 0.1, 100.0, bill.Operations(50.0, 100.0), {}, seconds=MEASURED
)


def test_rates_in_seconds_by_hand():
    expected = Rates(simulation=1.5, look=3.0, decision=1.0, level=0.25 + 0.1)
    assert COUNTED.rates(77.0) == pytest.approx(expected)  # whatever the operations of a look are
    assert COUNTED.rates(plans=False).decision == 0.0
    per_second = COUNTED._replace(price_per="second", price_level=0.0)
    assert per_second.rates() == pytest.approx(Rates(3e-6, 6e-6, 2e-6, 5e-7))
    assert per_second.rates(kind="simulations") == pytest.approx(Rates(2e-6))
    # One simulation of the reference planner costs 2e-6 under every bill.
    assert per_second.rates(50.0, "operations") == pytest.approx(Rates(3e-6, 1e-6, 2e-6))


def test_each_bill_is_told_where_seconds_are_known():
    agent = evaluation.fixed_agent("fixed", 2)
    told = COUNTED.every_rate(agent)
    assert list(told) == ["simulations", "operations", "seconds"]
    assert told["seconds"] == COUNTED.rates()
    assert COUNTED._replace(kind="operations", seconds=None).every_rate(agent)["seconds"] is None
    assert calibration.from_dict(COUNTED.describe()["seconds"]) == MEASURED


# The study


@pytest.fixture
def measured(monkeypatch):
    """Let calibrations take no time; return the list of those that were asked for."""
    asked = []

    def calibrate(problem, report):
        asked.append(problem.config)
        return MEASURED

    monkeypatch.setattr(calibration, "calibrate", calibrate)
    return asked


def entry_of(results, agent):
    return next(entry for entry in results["agents"] if entry["agent"] == agent)


def test_a_study_charges_seconds_that_were_measured_before_anything_else(
    tmp_path, config, fake_work, measured, monkeypatch
):
    config = dataclasses.replace(config, bill="seconds", control=ControlConfig(agents=("margin",)))
    monkeypatch.setattr(study, "train_planners", functools.partial(_train_after, fake_work))
    results = study.run_study(config, tmp_path)
    assert len(measured) == 1
    assert results["bill"]["kind"] == "seconds"
    assert results["bill"]["seconds"] == MEASURED.to_dict() == runs.load_run(tmp_path).calibration
    margin = entry_of(results, "margin")
    assert margin["timed"] == margin["timed_by"]["seconds"] != margin["timed_by"]["operations"]
    study.run_study(config, tmp_path, resume=True)
    assert len(measured) == 1


def _train_after(fake_work, problem, run, progress):
    assert runs.load_run(run.path).calibration == MEASURED.to_dict()
    return fake_work.train(problem, run, progress)


def test_an_interrupted_study_keeps_its_seconds(tmp_path, config, fake_work, measured):
    config = dataclasses.replace(config, bill="seconds")
    fake_work.interrupt_after = 3
    with pytest.raises(KeyboardInterrupt):
        study.run_study(config, tmp_path)
    fake_work.interrupt_after = None
    study.run_study(config, tmp_path, resume=True)
    assert len(measured) == 1


def test_a_run_may_know_seconds_without_charging_them(finished, config, fake_work, measured):
    before = runs.load_results(finished)
    assert entry_of(before, "fixed")["timed_by"]["seconds"] is None
    calibrated = dataclasses.replace(config, calibrate=True)
    after = study.run_study(calibrated, finished, resume=True)
    assert len(measured) == 1
    assert after["bill"]["kind"] == "operations"
    for old, new in zip(before["agents"], after["agents"], strict=True):
        assert old["timed"] == new["timed"]
        # At 2e-6 s a simulation of the reference planner.
        units = 1.5 * new["simulations"]["mean"] + new["length"]["mean"]
        units += 3.0 * new["looks"]["mean"] + 0.25 * new["levels"]["mean"]
        expected = new["untimed"]["mean"] - new["price"] * units
        if new["agent"] != "greedy":
            assert new["timed_by"]["seconds"]["mean"] == pytest.approx(expected)
    with pytest.raises(InputError, match="calibrate is True there, False here"):
        study.run_study(config, finished, resume=True)


def test_seconds_cannot_be_charged_before_they_are_measured(config):
    problem = evaluation.StudyProblem(dataclasses.replace(config, bill="seconds"), None, None, None)
    with pytest.raises(InputError, match=r"^the run charges seconds, and config.json holds no"):
        bill.make(problem, {"step": 1.0, "evaluation": 1.0, "reference": 1.0, "looks": {}})


@pytest.mark.parametrize(
    ("charged", "per", "expected"),
    [
        ("simulations", "second", "simulation, as bill is simulations"),
        ("operations", "second", "simulation or flop, as bill is operations"),
        ("seconds", "flop", "simulation or second, as bill is seconds"),
    ],
)
def test_a_price_is_stated_for_what_is_charged(charged, per, expected):
    with pytest.raises(InputError, match=f"^price_per must be {expected}, got {per}$"):
        StudyConfig(env="knapsack", bill=charged, price_per=per)


# The measurement itself


def test_a_grid_is_played_as_it_is_designed(monkeypatch):
    """On a real planner: what is counted follows from the design, and the clock is asked."""
    config = StudyConfig(
        env="knapsack",
        env_kwargs={"num_items": 4},
        network=NetworkConfig("items", "tiny"),
        reference=NetworkConfig("items", "tiny"),
        sweep=SweepConfig(budgets=(0, 8), episodes=16, num_lanes=4),
        control=ControlConfig(width=4),
    )
    problem = evaluation.build_problem(config)
    clock, once = [], {}
    real = calibration.rrplan.evaluate

    def evaluate(planner, meta_policy, orders, *, on_work, **options):
        # What is asked for again, as it is in later rounds, is played once.
        asked = repr((*orders[1:], options))
        if asked not in once:
            once[asked] = real(planner, meta_policy, orders, **options)
        clock.append(float(len(clock) + 1))
        on_work(Work(seconds=clock[-1]))
        return once[asked]

    monkeypatch.setattr(calibration.rrplan, "evaluate", evaluate)
    points = design(8)
    played = []
    counts, seconds = calibration.measure(problem, config.network, played.append)
    assert len(clock) == len(played) == calibration.measurements(problem) == 1 + 3 * len(points)
    assert len(once) == len(points)
    # A warm-up, then rounds there, back and there again: the median is that of the way back.
    back = 1 + len(points) + np.arange(len(points), 0, -1)
    np.testing.assert_array_equal(seconds, back)
    episodes, decisions, simulations, levels, looks = counts.T
    assert (episodes == 16).all()
    ks = np.array([point.k for point in points])
    searched = simulations[ks > 0] / ks[ks > 0]
    np.testing.assert_array_equal(searched, searched[0])  # wherever there is a choice
    assert 16 <= searched[0] <= decisions.min()
    for point, row in zip(points, counts, strict=True):
        asked = -(-point.k // point.chunk) + (point.k < 8)
        assert row[4] == asked * searched[0]
        if point.depth == 1:
            assert row[3] == row[2]
    assert (levels <= simulations * 2)[[point.depth == 2 for point in points]].all()
    assert jnp.isfinite(jax.numpy.asarray(looks)).all()
