"""How long planners are trained alone and how large they are: by hand, and kept."""

import dataclasses
import json
import types

import jax
import pytest

from agents.networks import NetworkConfig, count_parameters
from experiments import roster
from experiments.evaluation import TrainedSeed, build_problem
from experiments.runs import Run
from experiments.studies.planning_depth.config import ControlConfig
from experiments.studies.planning_depth.planners import budgets, plans
from experiments.studies.presets import preset
from rrplan import InputError


@pytest.fixture(scope="module")
def problem():
    config = preset("knapsack", "quick")
    control = dataclasses.replace(config.control, agents=("stopper", "longer", "larger"))
    return build_problem(dataclasses.replace(config, control=control))


def weights(problem):
    return count_parameters(jax.eval_shape(problem.network.init, jax.random.key(0)))


def test_a_larger_planner_is_the_least_wide_with_so_many_weights(problem):
    own = weights(problem)
    assert plans.widen(problem, own) == (16, own)
    for wanted in (own + 1, 2 * own, 10 * own):
        width, count = plans.widen(problem, wanted)
        assert weights(plans.problem_of(problem, width)) == count >= wanted
        assert weights(plans.problem_of(problem, width - 1)) < wanted


def test_another_training_is_the_studys_own_but_for_length_and_rate(problem):
    other = plans.problem_of(problem, None, 70, 3.0)
    assert other.network == problem.network
    rate = 3.0 * problem.config.train.learning_rate
    expected = dataclasses.replace(problem.config.train, num_chunks=70, learning_rate=rate)
    assert other.config.train == expected
    assert plans.problem_of(problem, 20).network.width == 20
    # A wider planner pays more for each simulation.
    few, many = (plans.operations_of(plans.problem_of(problem, w)) for w in (16, 32))
    assert many.evaluation > 2 * few.evaluation
    assert many.step == few.step


def test_plans_come_to_what_planner_and_stopper_took_and_are_kept(problem, tmp_path, monkeypatch):
    run = Run(tmp_path, problem.config, {})
    planner, stopper = [2.0] * 50, [3.0] * 100
    write(tmp_path / "metrics.jsonl", [{"chunk": 1, "seconds": s} for s in planner])
    told = {"simulations": 10.0, "length": 5.0, "episodes": 100.0, "looks": 800.0}
    path = tmp_path / "control" / "stopper-0.0003" / "metrics.jsonl"
    write(path, [{"chunk": 1, "seconds": s, **told} for s in stopper])
    own = plans.operations_of(problem)

    bill = types.SimpleNamespace(planner=own, looks={"stopper-0.0003": 500.0})
    params = problem.network.init(jax.random.key(0))
    trained = [TrainedSeed(params, {"stopper-0.0003": (None, {"w": jax.numpy.zeros(2000)})})]

    def plan(name):
        return plans.make(problem, run, roster.find(name), trained, bill)

    longer = plan("longer")
    assert (longer.seconds, longer.chunks, longer.width) == (400.0, 200, None)
    chunk = budgets.operations_of_chunk(problem.config.train, own)
    in_all = 50 * chunk + budgets.operations_of_meta(
        [told] * 100, problem.config.control.ppo, own, 500.0
    )
    assert longer.operations == pytest.approx(in_all)
    by_operations = plan("longer-ops")
    assert (by_operations.chunks - 1) * chunk < in_all <= by_operations.chunks * chunk
    monkeypatch.setattr(budgets, "slower", lambda *arguments: 4.0)
    larger = plan("larger")
    assert larger.chunks == 50
    assert larger.weights >= weights(problem) + 2000
    # Seconds are others the next time; the plan is not.
    write(tmp_path / "metrics.jsonl", [{"chunk": 1, "seconds": 9.0}] * 50)
    assert plan("longer") == plan("longer-k0") == longer
    assert plan("larger-k0") == larger


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_what_they_need_takes_one_line():
    with pytest.raises(InputError, match="has longer without stopper, whose training it takes"):
        ControlConfig(agents=("longer",))
    config = preset("knapsack", "quick")
    control = dataclasses.replace(config.control, agents=("stopper", "larger-k0"))
    with pytest.raises(InputError, match=r"network.kind must be one of the suite's, as larger-k0"):
        dataclasses.replace(config, control=control, network=NetworkConfig("mine:Net"))


@pytest.mark.parametrize("field", ["width", "depth"])
def test_a_networks_width_and_depth_may_be_given(field):
    config = NetworkConfig("items", "tiny", **{field: 5})
    assert (config.units, config.layers) == ((5, 1) if field == "width" else (16, 5))
    with pytest.raises(InputError, match=f"network {field} must be at least 1, got 0"):
        NetworkConfig("items", "tiny", **{field: 0})
