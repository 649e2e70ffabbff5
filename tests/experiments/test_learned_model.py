"""A study whose planners search in a learned model: trained, charged, tabled, and gone on with."""

import dataclasses
import json
import shlex

import pytest

import experiments
from agents.model_learning.network import ModelNetwork
from experiments import runs
from experiments.cli import main as cli
from experiments.evaluation import build_problem, list_agents
from experiments.report.tables import markdown_table
from experiments.runs.codec import from_dict, to_dict
from experiments.studies.planning_depth.config import ControlConfig, StudyConfig
from experiments.studies.presets import preset
from rrplan import operations
from tests.experiments import made_up

TINY = shlex.split(
    "run knapsack --model learned --env.num_items 4 --k 0 2 --prices 1e-3 --network.size tiny "
    "--train.num-chunks 2 --train.num-lanes 8 --train.batch-size 16 --train.num-simulations 4 "
    "--train.updates-per-chunk 2 --train.evaluation-episodes 8 --sweep.episodes 16 "
    "--sweep.validation-episodes 16 --sweep.num-lanes 8 --search.acting visits "
    "--learned.width 8 --learned.num-lanes 8 --learned.num-chunks 2 --learned.num-simulations 2 "
    "--learned.batch-size 8 --learned.updates-per-chunk 2 --learned.evaluation-episodes 8 "
    "--control.oracle-episodes 4 --control.ppo.num-lanes 8 --control.ppo.looks-per-chunk 64 "
    "--control.ppo.num-chunks 2 "
    "--control.ppo.value-chunks 1 --control.ppo.minibatches 2 --control.ppo.evaluation-episodes 8 "
    "--no-report"
)


@pytest.mark.slow
def test_a_model_is_trained_and_searched_in_by_all_agents(tmp_path, capsys):
    out = tmp_path / "run"
    names = ("entropy", "gate", "self-aware", "oracle")
    arguments = [*TINY, "--control.agents", *names, "--out", str(out)]
    assert cli.main(arguments) == 0
    told = capsys.readouterr().err
    assert "no self-aware: its training needs the true model" in told
    config = json.loads((out / "config.json").read_text())["config"]
    assert config["model"] == "learned"
    assert config["control"]["agents"] == ["entropy", "gate", "oracle"]
    results = json.loads((out / "results.json").read_text())
    played = {entry["agent"] for entry in results["agents"]}
    assert {"fixed", "entropy", "gate", "oracle", "random", "greedy"} <= played
    assert not {"one-step", "one-step-prior", "self-aware"} & played
    assert "Search in a learned model." in (out / "table.md").read_text()
    before = (out / "results.json").read_bytes()
    assert cli.main([*arguments, "--resume"]) == 0
    assert (out / "results.json").read_bytes() == before
    loaded = experiments.load(out)
    assert loaded.planner.network.kind == "items"
    counted = operations.of_planner(loaded.planner)
    assert results["bill"]["operations"]["step"] == counted.step  # of the model, not the problem
    assert results["bill"]["operations"]["reference"] != counted.simulation
    assert cli.main(["evaluate", str(out), "--k", "1", "--json"]) == 0


def test_a_study_of_a_learned_model_leaves_out_what_needs_the_true_one():
    chosen = ("vet", "longer", "gate", "stopper", "self-aware", "oracle")
    config = dataclasses.replace(
        preset("knapsack", "quick"), model="learned", control=ControlConfig(agents=chosen)
    )
    assert config.left_out == ("longer", "self-aware")
    problem = build_problem(config)
    assert problem.config.control.agents == ("vet", "gate", "stopper", "oracle")
    assert isinstance(problem.model, ModelNetwork)
    assert not [agent for agent in list_agents(problem) if agent.family == "one-step"]
    true = build_problem(dataclasses.replace(config, model="true", control=ControlConfig()))
    assert true.model is None
    assert [agent for agent in list_agents(true) if agent.family == "one-step"]


def test_a_run_of_an_older_version_searched_in_the_true_model():
    data = to_dict(StudyConfig(env="knapsack"))
    del data["model"], data["learned"]
    assert from_dict(data).model == "true"


def test_tables_say_that_the_model_is_learned():
    results = made_up.results()
    assert "learned model" not in markdown_table(results)
    results["config"]["model"] = "learned"
    assert "Search in a learned model." in markdown_table(results)


def test_another_model_is_another_run(tmp_path):
    config = StudyConfig(env="knapsack")
    with runs.open_run(tmp_path / "run", config, resume=False):
        pass
    other = dataclasses.replace(config, model="learned")
    message = "holds another run (model is"
    with (
        pytest.raises(runs.directory.InputError) as caught,
        runs.open_run(tmp_path / "run", other, resume=True),
    ):
        pass
    assert message in str(caught.value)


def test_a_model_that_is_neither_gets_one_line(capsys):
    assert cli.main(["run", "knapsack", "--model", "learnt"]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "learnt" in line
