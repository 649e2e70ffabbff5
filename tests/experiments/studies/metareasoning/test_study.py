"""Studies of metareasoning problems: scores by hand, runs that resume, and what is refused."""

import json

import numpy as np
import pytest

import envs
from envs.metareasoning import exact
from experiments import runs, studies
from experiments.cli import main as cli
from experiments.cli import options
from experiments.report.figures import scores as figures_scores
from experiments.studies.metareasoning import scores
from experiments.studies.metareasoning import tables as metalevel_tables
from experiments.studies.metareasoning.config import MetalevelConfig, preset
from experiments.studies.metareasoning.scores import Bounds, Row
from rrplan import InputError

BOXES = ["pandora", "--env.values", "(0, 1)", "--env.costs", "(0.2, 0.3)", "--costs", "1", "0.5"]
SMALL = ["--curve-points", "3", "--train.num-chunks", "3", "--train.value-chunks", "1"]
SMALL += ["--train.num-lanes", "8", "--network.size", "tiny", "--seeds", "2"]


def fails(capsys, *arguments):
    """Run a command that must fail; return its one line."""
    assert cli.main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    return line.removeprefix("rrplan: error: ")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("metalevel") / "run"
    assert cli.main(["run", *BOXES, *SMALL, "--out", str(path)]) == 0
    return path


def entry(results, agent, price):
    return next(e for e in results["agents"] if (e["agent"], e["price"]) == (agent, price))


def test_scores_by_hand():
    bounds = Bounds(nothing=0.5, optimum=0.75)
    assert bounds.score(0.5) == 0.0
    assert bounds.score(0.75) == 1.0
    assert bounds.score(0.625) == pytest.approx(0.5)
    assert bounds.score(0.25) == pytest.approx(-1.0)
    assert Bounds(0.5, 0.5).score(0.4) is None


def test_a_box_by_hand():
    # One box, worth 1 with probability 1/2, at a cost of 0.3: opening it earns 0.2.
    env, _ = envs.make("pandora", values=(0, 1), costs=(0.3,))
    table = exact.tabulate(env)
    found = scores.answer(env, table, 1.0)
    assert found.bounds == pytest.approx((0.0, 0.2))
    values = {row.policy: found.values(row)[0] for row in found.rows}
    assert values == pytest.approx(
        {"optimum": 0.2, "weitzman": 0.2, "myopic": 0.2, "fixed": 0.2, "stop at once": 0.0}
    )
    assert found.rows[0].policy == "optimum"
    assert found.rows[-1].policy == "stop at once"
    dear = scores.answer(env, table, 2.0)
    assert all(dear.scores(row) is None for row in dear.rows)


def test_rows_stand_in_order_of_what_they_earn():
    env, _ = envs.make("mouselab")
    found = scores.answer(env, exact.tabulate(env), 0.1)
    values = [found.values(row)[0] for row in found.rows]
    assert (np.diff(values) <= 1e-12).all()


def test_intervals_are_over_seeds():
    env, _ = envs.make("pandora")
    table = exact.tabulate(env)
    plays = tuple(exact.play(table, np.full(len(table.payoffs), 3)) for _ in range(2))
    better = exact.play(table, exact.solve(table, 1.0).policy)
    (found,) = [scores.answer(env, table, 1.0, [Row("ppo", (*plays, better), {})])]
    ppo = entry({"agents": metalevel_tables.entries([found])}, "ppo", 1.0)
    assert ppo["scores"] == pytest.approx([0.0, 0.0, 1.0])
    assert ppo["score"]["mean"] == pytest.approx(1 / 3)
    # Student's, with two degrees of freedom: the standard error is a third as well.
    half = 4.302652729911275 / 3
    assert ppo["score"]["ci95"] == pytest.approx([1 / 3 - half, 1 / 3 + half])


def test_a_run_leaves_what_a_run_leaves(run):
    results = json.loads((run / "results.json").read_text())
    assert results["study"] == "metareasoning"
    ppo = entry(results, "ppo", 1.0)
    assert ppo["seeds"] == 2
    assert len(ppo["scores"]) == 2
    assert max(ppo["scores"]) <= 1 + 1e-9
    # Both boxes are worth opening alone: 1/2 - 0.2, and then 1/2 (1/2 - 0.3) more.
    assert entry(results, "optimum", 1.0)["timed"]["mean"] == pytest.approx(0.4)
    curve = sorted({e["price"] for e in results["curve"]})
    np.testing.assert_allclose(curve, [0.05, 0.05 * 200**0.5, 10.0])
    for name in (
        "config.json",
        "table.md",
        "figures/scores.png",
        "figures/scores.svg",
        "report.html",
    ):
        assert (run / name).exists()
    for seed in range(2):
        for cost in ("1", "0.5"):
            lines = (run / "seeds" / str(seed) / "control" / f"ppo-{cost}" / "metrics.jsonl").open()
            assert len(list(lines)) == 3


def test_a_finished_run_resumes_to_the_same_results(run, capsys):
    before = (run / "results.json").read_bytes()
    assert "holds this run already" in fails(capsys, "run", *BOXES, *SMALL, "--out", str(run))
    (run / "results.json").unlink()
    assert cli.main(["run", *BOXES, *SMALL, "--out", str(run), "--resume"]) == 0
    assert (run / "results.json").read_bytes() == before
    capsys.readouterr()
    other = [*BOXES, *SMALL, "--seed", "5", "--out", str(run), "--resume"]
    assert "holds another run (seed is 0 there, 5 here)" in fails(capsys, "run", *other)


def test_commands_read_it(run, capsys):
    for command in ("table", "compare"):
        assert cli.main([command, str(run)]) == 0
        text = capsys.readouterr().out
        assert "ppo" in text
        assert "weitzman" in text
    assert cli.main(["figures", str(run)]) == 0
    assert "scores.png" in capsys.readouterr().out


def test_commands_for_planners_refuse_it(run, capsys):
    line = fails(capsys, "evaluate", str(run), "--k", "1")
    assert line.endswith("it is a study of metareasoning, expected one of planning depth")
    line = fails(capsys, "train", "pandora")
    assert line == "pandora has no base planner to train: use rrplan run"


def test_optimum_scores_a_trained_agent(run, capsys):
    assert cli.main(["optimum", "pandora", "--agent", str(run), "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    results = json.loads((run / "results.json").read_text())
    assert [answer["cost"] for answer in answers] == [0.5, 1.0]
    for answer in answers:
        (ppo,) = [row for row in answer["policies"] if row["policy"] == "ppo"]
        assert ppo["scores"] == entry(results, "ppo", answer["cost"])["scores"]
    line = fails(capsys, "optimum", "pandora", "--agent", str(run), "--cost", "3")
    assert line == f"{run} has no metareasoning policy for cost 3: expected 0.5, 1"
    line = fails(capsys, "optimum", "pandora", "--costs", "(1,)", "--agent", str(run))
    assert line.startswith(f"{run} is a run on Pandora(")


def test_optimum_prints_references(capsys):
    arguments = "optimum bernoulli --arms 1 --horizon 30 --alternative 0.5 --cost 0.01 0.5"
    assert cli.main(arguments.split()) == 0
    text = capsys.readouterr().out
    assert "0.5767619048" in text
    assert "0.5733333333" in text
    assert "-" in text.split("c = 0.5")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("optimum", "missing ENV: see rrplan optimum --help"),
        ("optimum bernouli", "unknown environment 'bernouli': did you mean 'bernoulli'?"),
        ("optimum bernoulli --arm 3", "unknown option of bernoulli 'arm': did you mean 'arms'?"),
        ("optimum bernoulli --arms", "--env.arms needs a value: --env.arms VALUE"),
        ("optimum bernoulli --cost", "--cost needs a value: --cost COST [COST ...]"),
        ("optimum bernoulli --cost -1", "cost is -1.0: expected a number, at least 0"),
        ("optimum bernoulli --agent nowhere", "nowhere holds no run: config.json is missing"),
        (
            "optimum knapsack",
            "knapsack is no metareasoning problem: expected bernoulli, mouselab, pandora, or a "
            "subclass of envs.MetalevelEnv",
        ),
        ("run mouselab --costs -1", "costs holds -1.0: expected numbers from 0 on"),
        ("run mouselab --seeds 0", "seeds is 0: expected at least 1"),
        (
            "run mouselab --train.num-chunk 3",
            "unknown option '--train.num-chunk': did you mean '--train.num-chunks'?",
        ),
    ],
)
def test_what_is_wrong_takes_one_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert fails(capsys, *arguments.split()) == message


def test_a_problem_too_large_for_a_table_is_refused_before_anything_is_trained(capsys, tmp_path):
    arguments = ["run", "bernoulli", "--env.arms", "9", "--out", str(tmp_path / "run")]
    assert "beliefs" in fails(capsys, *arguments)
    assert not (tmp_path / "run").exists()


def test_presets_and_options():
    assert preset("pandora", "full").seeds == 5
    given = options.parse_run(["pandora", "--costs", "2", "1", "--preset", "full"], "rrplan run")
    assert given.study.costs == (1.0, 2.0)
    assert given.study.seeds == 5
    assert given.directory.name == "pandora-full-seed0"
    with pytest.raises(InputError, match="did you mean 'full'"):
        preset("pandora", "fulll")


def test_a_configuration_survives_its_file(tmp_path):
    config = MetalevelConfig("pandora", {"costs": [0.1, 0.2]}, costs=(2.0, 1.0), seeds=3)
    with runs.open_run(tmp_path / "run", config, resume=False):
        assert runs.load_run(tmp_path / "run", studies.METAREASONING).config == config


def test_the_figure_leaves_out_what_cannot_be_scored(run):
    results = json.loads((run / "results.json").read_text())
    figure = figures_scores.draw_scores(results)
    left, right = figure.axes
    optimum = next(line for line in left.lines if line.get_marker() == "*")
    # At the dearest cost nothing is worth computing.
    np.testing.assert_allclose(optimum.get_xdata().astype(float), [0.05, 0.05 * 200**0.5])
    assert left.get_xlabel() == right.get_xlabel()
    assert "multiples of its own" in left.get_xlabel()
    assert figures_scores.draw_scores({**results, "curve": []}) is None
