"""The page of a metareasoning problem: the numbers of its results, and the command that made it."""

import json
import shlex

import numpy as np
import pytest

import envs
from envs.metareasoning import exact
from experiments import runs
from experiments.cli import main as cli
from experiments.cli.options import parse_run
from experiments.html import document, making, scores
from experiments.html import page as pages
from experiments.runs.codec import to_dict
from experiments.studies.metareasoning import scores as scoring
from experiments.studies.metareasoning import tables
from experiments.studies.metareasoning.config import MetalevelConfig, preset
from rrplan import InputError
from tests.experiments.html.pages import Page

HOSTILE = "</script><script>alert('1')</script><img src=x onerror=\"alert(2)\">${1}" + "e" * 2_000
BOXES = {"values": [0, 1], "costs": [0.2, 0.3]}


def make_run(directory, costs=(0.5, 1.0), curve=(0.05, 0.5, 5.0), title="two boxes"):
    """Write a run whose trained policies of two seeds stop at once, and do what is best."""
    env, _ = envs.make("pandora", **BOXES)
    table = exact.tabulate(env)
    stop = exact.play(table, np.full(len(table.payoffs), env.num_computations))

    def answer(cost, trained):
        best = exact.play(table, exact.solve(table, cost).policy)
        rows = [scoring.Row("ppo", (stop, best), {})] if trained else []
        return scoring.answer(env, table, cost, rows)

    config = MetalevelConfig("pandora", BOXES, costs=costs, seeds=2)
    with runs.open_run(directory, config, resume=False):
        runs.write_json(
            directory / "results.json",
            {
                "study": "metareasoning",
                "config": to_dict(config),
                "acting": "likeliest action",
                "title": title,
                "cost_unit": "multiples of its own",
                "agents": tables.entries([answer(cost, True) for cost in costs]),
                "curve": tables.entries([answer(cost, False) for cost in curve]),
            },
        )
    return directory


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run")


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(pages, "_bundle", lambda: "window.vegaEmbed = null;")


@pytest.mark.usefixtures("quick")
def test_the_page_holds_the_numbers_of_the_results(run):
    path = document.write_report([run])
    assert path == run / "report.html"
    page = Page(path.read_text())
    assert page.tags.count("script") == 3
    assert set(page.data["figures"]) == {"score", "value", "computations"}
    assert page.data == json.loads(
        json.dumps({**scores.collect([run]), "figures": page.data["figures"]})
    )
    results = runs.load_results(run)
    told = {(e["agent"], e["price"]): e for e in [*results["curve"], *results["agents"]]}
    rows = {(row["agent"], row["price"]): row for row in page.data["rows"]}
    assert len(rows) == len(page.data["rows"])  # the cost 0.5 stands in both, and here once
    assert rows.keys() == told.keys()
    for key, row in rows.items():
        for name in ("timed", "untimed", "simulations", "score", "scores", "k"):
            assert row[name] == told[key][name]


def test_scores_by_hand(run):
    rows = {(row["agent"], row["price"]): row for row in scores.collect([run])["rows"]}
    # Opening the first box earns 1/2 - 0.2; if it is empty, the second earns 1/2 - 0.3 more.
    assert rows["optimum", 1.0]["timed"]["mean"] == pytest.approx(0.3 + 0.5 * 0.2)
    assert rows["stop at once", 1.0]["timed"]["mean"] == 0
    assert rows["ppo", 1.0]["scores"] == pytest.approx([0, 1])
    assert rows["ppo", 1.0]["score"]["mean"] == pytest.approx(0.5)
    # At five times the cost no box is worth opening: there is nothing to be scored by.
    assert rows["optimum", 5.0]["score"] is None
    assert {row["agent"] for row in rows.values() if row["trained"]} == {"ppo"}
    assert {row["agent"]: row["rank"] for row in rows.values() if row["rank"]} == {
        "optimum": "optimum",
        "stop at once": "nothing",
        "fixed": "fixed",
    }
    assert all(row["help"] for row in rows.values())


@pytest.mark.usefixtures("quick")
def test_runs_stand_side_by_side_and_other_problems_are_refused(tmp_path, monkeypatch, capsys):
    first, second = make_run(tmp_path / "a"), make_run(tmp_path / "b", costs=(0.25,))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["report", str(first), str(second)]) == 0
    data = Page((tmp_path / "report.html").read_text()).data
    assert [(run["name"], run["prices"]) for run in data["runs"]] == [
        ("a", [0.5, 1.0]),
        ("b", [0.25]),
    ]
    results = runs.load_results(second)
    results["config"]["env"] = "mouselab"
    runs.write_json(second / "results.json", results)
    capsys.readouterr()
    assert cli.main(["report", str(first), str(second)]) == 2
    assert "only runs of one environment can be compared" in capsys.readouterr().err


@pytest.mark.usefixtures("quick")
def test_names_of_any_kind_do_no_harm(tmp_path):
    run = make_run(tmp_path / "run", title=HOSTILE)
    config = runs.read_json(run / "config.json", missing="")
    config["config"]["env_kwargs"] = {HOSTILE: HOSTILE}
    runs.write_json(run / "config.json", config)
    page = Page(document.write_report([run]).read_text())
    assert page.tags.count("script") == 3
    assert "img" not in page.tags
    assert page.data["runs"][0]["title"] == HOSTILE
    assert HOSTILE in page.data["runs"][0]["options"]


@pytest.mark.parametrize("name", ["results.json", "config.json"])
def test_what_is_missing_is_told(run, name):
    (run / name).unlink()
    with pytest.raises(InputError, match=rf"holds no (results|run): {name} is missing"):
        document.write_report([run])


@pytest.mark.parametrize(
    "config",
    [
        preset("bernoulli", "full"),
        MetalevelConfig("pandora", BOXES, costs=(0.5, 1.0), curve_points=3, seeds=2, seed=4),
        MetalevelConfig("mouselab", {"values": [[-1, 1], [-5, 5]], "branching": [2]}),
    ],
)
def test_the_command_is_read_as_the_same_configuration(config):
    words = shlex.split(making.run_again(config, priced=False))
    found = parse_run(words[2:], "rrplan run").study
    assert to_dict(found) == to_dict(config)
