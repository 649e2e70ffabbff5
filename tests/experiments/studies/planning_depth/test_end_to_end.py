"""A real study, tiny, some of its agents a user's: killed on the way with signal 9, and resumed."""

import json
import os
import shlex
import subprocess
import sys

import jax
import numpy as np
import polars as pl
import pytest

import rrplan
from experiments import load, roster
from experiments.cli import main as cli
from experiments.report import figures
from rrplan import InputError
from tests.experiments.html.pages import Page
from tests.experiments.own_agents import OWN

TINY = shlex.split(
    "run knapsack --env.num_items 4 --k 0 4 --prices 1e-3 --network.size tiny "
    "--train.num-chunks 2 --train.checkpoint-every 1 --train.num-lanes 8 --train.batch-size 16 "
    "--train.num-simulations 4 --train.updates-per-chunk 2 --train.evaluation-episodes 8 "
    "--sweep.episodes 16 --sweep.validation-episodes 16 --sweep.num-lanes 8 "
    "--search.acting visits --control.agents stopper schedule yoked oracle "
    "--control.oracle-episodes 8 "
    "--control.ppo.num-lanes 8 --control.ppo.looks-per-chunk 32 --control.ppo.minibatches 2 "
    "--control.ppo.num-chunks 2 --control.ppo.value-chunks 1 "
    "--control.ppo.evaluation-episodes 8 --control.width 4"
)

MODULE = "my_agents_of_end_to_end"
_PLACE = TINY.index("stopper")
RUN = [*TINY[:_PLACE], f"{MODULE}:EARLY", f"{MODULE}:NARROW", *TINY[_PLACE:]]

# The process kills itself in the middle of writing its third evaluation.
KILLED = """
import os, signal, sys
from experiments import runs
from experiments.cli import main as cli

save_arrays = runs.save_arrays

def save_or_die(path, arrays):
    if len(list(path.parent.glob("*.npz"))) == 2:
        path.with_name(f".{path.name}.tmp").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    save_arrays(path, arrays)

runs.save_arrays = save_or_die
cli.main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A cache of compiled programs, so that the process to be killed need not compile again."""
    path = str(tmp_path_factory.mktemp("compiled"))
    settings = {"jax_compilation_cache_dir": path, "jax_persistent_cache_min_compile_time_secs": 0}
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    yield {name.upper(): str(value) for name, value in settings.items()}
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder from which modules are imported, with a user's file."""
    path = tmp_path_factory.mktemp("own")
    (path / f"{MODULE}.py").write_text(OWN)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path)
        yield path
    sys.modules.pop(MODULE, None)
    roster.find.cache_clear()


@pytest.fixture(scope="module")
def directory(tmp_path_factory, compiled, folder):
    """A finished run."""
    path = tmp_path_factory.mktemp("runs") / "whole"
    assert cli.main([*RUN, "--out", str(path)]) == 0
    return path


def numbers(directory):
    return (directory / "results.json").read_bytes()


def test_a_real_study_adds_up(directory):
    results = json.loads(numbers(directory))
    frame = pl.read_parquet(directory / "episodes.parquet")
    # Fixed 0 and 4, reactive, two of one step, random, greedy, schedule, stopper, yoked; and the
    # oracle. A user's rule and gate.
    assert len(frame) == 12 * 16 + 8
    assert (
        frame.filter(agent="reactive")
        .drop("agent")
        .equals(frame.filter(agent="fixed", k=0).drop("agent"))
    )
    searched = frame.filter(agent="fixed", k=4)
    assert (searched["simulations"] % 4 == 0).all()
    last = searched["length"] - searched["simulations"] // 4  # packed without a choice
    assert last.is_between(0, 1).all()
    assert frame["untimed_return"].is_between(0.0, 1.0 + 1e-6).all()
    assert len(results["agents"]) == 13
    tried = frame.filter(pl.col("agent").str.starts_with("one-step"))
    assert (tried["levels"] == tried["simulations"]).all()
    assert (tried["simulations"] >= tried["length"]).all()
    assert (tried["looks"] == 0).all()
    assert len((directory / "metrics.jsonl").read_text().splitlines()) == 2
    stopper = directory / "control" / "stopper-0.001"
    assert len((stopper / "metrics.jsonl").read_text().splitlines()) == 2


def test_the_stoppers_gain_is_split_and_yoked_pays_its_looks(directory):
    results = json.loads(numbers(directory))
    (chain,) = results["chains"]
    assert [step["agent"] for step in chain["steps"]] == ["schedule", "yoked", "stopper"]
    told = {entry["agent"]: entry for entry in results["agents"]}
    total = sum(step["difference"]["mean"] for step in chain["steps"])
    assert total == pytest.approx(told["stopper"]["difference"]["mean"], abs=1e-9)
    assert told["yoked"]["rates"] == told["stopper"]["rates"]
    assert told["yoked"]["rates"]["operations"]["look"] > 0
    assert told["yoked"]["looks"]["mean"] > 0
    donors = np.load(directory / "evaluations" / "donors-visits-seed0-yoked-0.001.npz")
    assert donors["looks"].max() >= 1
    table = (directory / "table.md").read_text()
    assert "| 0.001 | in all |" in table
    assert "yoked runs" in table
    # A finished run is loaded with the donors of its own.
    policy = load(directory).meta_policies["yoked-0.001"]
    assert policy[1].simulations.tolist() == donors["simulations"].tolist()


def test_nobody_beats_the_oracle_on_any_instance(directory):
    frame = pl.read_parquet(directory / "episodes.parquet").filter(pl.col("episode") < 8)
    timed = frame.with_columns(timed=pl.col("untimed_return") - 1e-3 * pl.col("simulations"))
    ceiling = timed.filter(agent="oracle").sort("episode")["timed"].to_numpy()
    for (name, k), rows in timed.group_by("agent", "k"):
        if name in ("greedy", "one-step", "one-step-prior"):
            continue  # they are no choice of k: they act by other rules than the planner
        assert (rows.sort("episode")["timed"].to_numpy() <= ceiling + 1e-5).all(), (name, k)


def test_a_story_is_told_of_a_learned_agent(directory):
    results = json.loads(numbers(directory))
    (story,) = [story for story in results["stories"] if story["agent"] == "stopper"]
    # Of the agent itself: so short a training may have failed, and a fixed k stand in.
    own = np.load(directory / "evaluations" / "held-out-visits-seed0-stopper-0.001.npz")
    assert len(story["decisions"]) == own["length"][story["episode"]]
    thought = sum(decision["simulations"] for decision in story["decisions"])
    assert thought == own["simulations"][story["episode"]]
    groups = {(group["agent"], group["by"]) for group in results["thinking"]}
    assert ("oracle", "decision") in groups
    assert ("stopper", "legal_actions") in groups


def by_itself(entry):
    """Return an agent's own entry: so short a training may have failed, and a fixed k stand in."""
    return entry.get("replaced", {}).get("own", entry)


def test_a_users_own_agents_stand_beside_the_others(directory):
    results = json.loads((directory / "results.json").read_text())
    named = [entry["agent"] for entry in results["agents"] if entry["k"] is None]
    assert set(named[4:]) == {"schedule", "early", "stopper", "narrow", "yoked", "oracle"}
    assert named.index("schedule") < named.index("early") < named.index("stopper")  # by family
    early = next(entry for entry in results["agents"] if entry["agent"] == "early")
    assert early["evaluation"].startswith("early-first")
    # Tuned on validation episodes, evaluated with its difference to the best fixed k, and paired.
    assert early["difference"] is not None
    paired = [(pair["agent"], pair["other"]) for pair in results["pairs"]]
    assert ("early", "schedule") in paired
    narrow = by_itself(next(e for e in results["agents"] if e["agent"] == "narrow"))
    assert 0 < narrow["looks"]["mean"] <= narrow["length"]["mean"]
    assert "| early |" in (directory / "table.md").read_text()
    assert "early" in (directory / "figures" / "front.svg").read_text()
    assert (directory / "control" / "narrow-0.001" / "checkpoints").exists()


def test_figures_of_a_users_own_agents_need_their_file_no_more(
    directory, folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(folder)])
    monkeypatch.delitem(sys.modules, MODULE)
    roster.find.cache_clear()
    assert figures.draw(directory)
    assert MODULE not in sys.modules
    with pytest.raises(InputError, match="cannot import it"):
        roster.find(f"{MODULE}:EARLY")


def test_a_finished_run_is_loaded_and_plays_as_it_did(directory):
    loaded = load(directory)
    assert set(loaded.meta_policies) == {
        "fixed-0.001",
        "schedule-0.001",
        "stopper-0.001",
        "yoked-0.001",
        "early-0.001",
        "narrow-0.001",
    }
    results = json.loads((directory / "results.json").read_text())
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), 2), 0)  # of held-out episodes
    for name in ("schedule", "early", "narrow"):
        episodes = rrplan.evaluate(
            loaded.planner,
            *loaded.meta_policies[f"{name}-0.001"],
            key=key,
            episodes=16,
            num_lanes=8,
            costs=rrplan.Costs(price=1e-3),
        )
        entry = by_itself(next(e for e in results["agents"] if e["agent"] == name))
        assert float(episodes.untimed_return.mean()) == pytest.approx(entry["untimed"]["mean"])
        assert float(episodes.simulations.mean()) == entry["simulations"]["mean"]


def test_the_report_tells_the_story_with_its_trees(directory):
    (run,) = Page((directory / "report.html").read_text()).data["runs"]
    assert run["story_note"] == ""
    assert {story["agent"] for story in run["stories"]} == {"stopper", "narrow"}
    for decision in (decision for story in run["stories"] for decision in story["decisions"]):
        assert sum(node["n"] for node in decision["tree"]) == decision["simulations"]
        assert len(decision["tree"]) == decision["legal_actions"]
        assert decision["state"].startswith("room for")


def test_trained_alone_then_killed_then_resumed_gives_the_same_numbers(
    directory, folder, compiled, tmp_path
):
    arguments = [*RUN[1:], "--out", str(tmp_path / "parts")]
    assert cli.main(["train", *arguments]) == 0
    assert not (tmp_path / "parts" / "results.json").exists()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, "run", *arguments, "--resume"],
        env=os.environ | compiled | {"PYTHONPATH": str(folder)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -9, killed.stderr.decode()
    assert len(list((tmp_path / "parts" / "evaluations").glob("*.npz"))) == 2
    assert cli.main(["run", *arguments, "--resume"]) == 0
    assert numbers(tmp_path / "parts") == numbers(directory)


def test_a_trained_run_is_evaluated_at_other_budgets(directory, capsys):
    before = sorted(path for path in directory.rglob("*"))
    arguments = ["evaluate", str(directory), "--k", "0", "2", "--prices", "0.01", "--json"]
    assert cli.main(arguments) == 0
    again = json.loads(capsys.readouterr().out)["agents"]
    assert [(entry["agent"], entry["k"], entry["price"]) for entry in again] == [
        ("fixed", 0, 0.01),
        ("fixed", 2, 0.01),
    ]
    # The same planner on the same held-out episodes.
    first = json.loads(numbers(directory))["agents"][0]
    assert again[0]["untimed"] == first["untimed"]
    assert sorted(path for path in directory.rglob("*")) == before


def test_settings_are_compared_on_a_finished_runs_planner(directory, tmp_path, capsys):
    out = tmp_path / "start.json"
    options = "--price 1e-3 --seeds 1 --episodes 8 --only preference"
    arguments = ["ablate", "start", "--run", str(directory), "--out", str(out), *options.split()]
    assert cli.main(arguments) == 0
    rows = json.loads(out.read_text())["rows"]
    best = json.loads(numbers(directory))["best_fixed"][0]["k"]
    arms = ["a weaker preference for it", "no preference", f"fixed k = {best}"]
    assert [row["arm"] for row in rows] == arms
    assert rows[0]["difference"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert all(np.isfinite(row["timed"]["mean"]) for row in rows)
    capsys.readouterr()
    for wrong, complaint in (
        (arguments, f"{out} exists already"),
        ([*arguments[:4], "--only", "no such arm"], "'no such arm'"),
        ([*arguments[:4], "--price", "0.5"], "price is 0.5: expected one of 0.001"),
        (["ablate", "start", "--run", str(tmp_path / "nowhere")], "nowhere"),
    ):
        assert cli.main(wrong) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert complaint in line


def test_an_untrained_run_is_not_evaluated(tmp_path, capsys, directory):
    (tmp_path / "config.json").write_bytes((directory / "config.json").read_bytes())
    assert cli.main(["evaluate", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no checkpoint" in line
