"""The command line: what it passes on, and one clear line for what is wrong."""

import io
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from rich.console import Console

from experiments.cli import main as cli
from experiments.cli.options import RunOptions, parse_run, split_env_options
from experiments.runs.progress import Progress
from experiments.studies.planning_depth import searched
from experiments.studies.presets import preset
from rrplan import InputError

RUN = ["run", "knapsack", "--sweep.episodes", "64", "--sweep.validation-episodes", "64"]
QUIET = [*RUN, "--no-report"]


def fails(capsys, *arguments):
    """Run a command that must fail; return its one line."""
    assert cli.main(arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    return line.removeprefix("rrplan: error: ")


def test_a_reader_that_has_enough_gets_no_traceback():
    read, write = os.pipe()
    os.close(read)
    program = "from experiments.cli import main as cli; raise SystemExit(cli.main())"
    command = [sys.executable, "-c", program, "reproduce", "--help"]
    with os.fdopen(write, "w") as nobody:
        done = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "")


def status(arguments):
    try:
        return cli.main(arguments)
    except SystemExit as end:
        return end.code


@pytest.mark.parametrize("arguments", [["envs"], ["run", "--help"]])
def test_what_nobody_reads_is_no_error(monkeypatch, capsys, arguments):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        assert status(arguments) == 1
        nobody.flush()  # as Python does at exit
        monkeypatch.undo()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "",
            "expected a command: run, train, evaluate, figures, table, compare, story, report,"
            " optimum, envs, check, bench, ablate, sweep, reproduce (rrplan --help)",
        ),
        ("rnu", "unknown command 'rnu': did you mean 'run'?"),
        ("run", "missing ENV: see rrplan run --help"),
        ("run --foo", "missing ENV: see rrplan run --help"),
        ("run knapsack --seeds", "--seeds needs a value: --seeds=VALUE"),
        ("reproduce capacity --run --seeds", "--run needs a value: --run=VALUE"),
        (
            "reproduce capacity bernoulli",
            "environment must be one whose planners are trained, as knapsack, got bernoulli",
        ),
        ("run knapsak", "unknown environment 'knapsak': did you mean 'knapsack'?"),
        ("run knapsack more", "unexpected argument 'more'"),
        (
            "run knapsack --sweep.budget 3",
            "unknown option '--sweep.budget': did you mean '--sweep.budgets'?",
        ),
        (
            "run knapsack --preset quik",
            "invalid choice 'quik' for argument '--preset'. Expected one of ('quick', 'full')",
        ),
        ("run knapsack --k 0 -1", "sweep.budgets must be at least 0 simulations, got -1"),
        (
            "run knapsack --k 99999999999999999999",
            "sweep.budgets must be at most 1,000,000 simulations, got 99999999999999999999",
        ),
        (
            "run knapsack --sweep.episodes 99999999999999999999",
            "sweep.episodes must be at most 100,000,000, got 99999999999999999999",
        ),
        ("run knapsack --prices -0.1", "sweep.prices must be at least 0, got -0.1"),
        (
            "run knapsack --sweep.episodes 0",
            "sweep.episodes must be at least 2 (an interval needs two), got 0",
        ),
        ("run knapsack --seed x", "--seed: invalid literal for int() with base 10: 'x'"),
        ("run knapsack --env.num_items", "--env.num_items needs a value: --env.num_items VALUE"),
        ("evaluate", "missing DIR: see rrplan evaluate --help"),
        ("evaluate nowhere", "nowhere holds no run: config.json is missing"),
        ("figures nowhere", "nowhere holds no results: results.json is missing"),
        ("table nowhere", "nowhere holds no results: results.json is missing"),
        ("envs all", "unexpected argument 'all'"),
    ],
)
def test_what_is_wrong_takes_one_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert fails(capsys, *arguments.split()) == message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("run Pendulum-v1", "continuous"),
        ("run knapsack --env.nitems 3", "num_items"),
        ("run knapsack --train.num-lanes 0", "num_lanes must be at least 1, got 0"),
        ("run nowhere.at:All", "nowhere.at:All"),
        ("run knapsack --control.gate-menu 0 2147483648", "menu is (0, 2147483648): expected"),
        ("run knapsack --control.depths 2147483648", "control.depths must be at most 1,000,000"),
        # Found before anything is trained.
        (
            "run knapsack --k 0 2 --prices --control.agents thinker",
            "agent thinker: 9 imaginary steps of a decision: expected at most 2",
        ),
        (
            "run knapsack --control.agents stopper-priced --control.learner.kind regression",
            "agent stopper-priced: learner regression got prices from",
        ),
    ],
)
def test_what_others_find_wrong_takes_one_line_too(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in fails(capsys, *arguments.split())
    assert list(tmp_path.iterdir()) == []


def test_presets_give_defaults_and_options_override_them():
    options = parse_run(["Catch-bsuite", "--preset", "full", "--k", "3", "1"], "rrplan run")
    expected = preset("Catch-bsuite", "full")
    assert options.study.train == expected.train
    assert options.study.sweep.budgets == (1, 3)
    assert options.study.sweep.episodes == 8192
    assert options.study.seeds == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["--env.is_slippery", "False", "--env.size=5"],
        ["--env.is-slippery=False", "--env.size", "5"],
    ],
)
def test_options_of_the_environment_are_passed_on(arguments):
    options = parse_run(["FrozenLake-misc", *arguments, "--seed", "3"], "rrplan run")
    assert options.study.env_kwargs == {"is_slippery": False, "size": 5}
    assert options.study.seed == 3


def test_the_environment_may_stand_anywhere():
    rest, kwargs = split_env_options(["--seed", "1", "--env.x", "-1", "knapsack"])
    assert (rest, kwargs) == (["--seed", "1", "knapsack"], {"x": -1})
    assert parse_run(["--seed", "1", "knapsack"], "rrplan run").study.env == "knapsack"


@pytest.mark.parametrize(
    ("study", "out", "expected"),
    [
        (preset("knapsack", "quick"), None, "runs/knapsack-full-seed0"),
        (preset("my.games:Hex", "quick"), None, "runs/my.games-Hex-full-seed0"),
        (preset("knapsack", "quick"), Path("here"), "here"),
    ],
)
def test_where_a_run_is_kept(study, out, expected):
    assert RunOptions(study=study, preset="full", out=out).directory == Path(expected)


def test_version_and_help(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == "rrplan 0.2.0.dev0\n"
    assert cli.main(["--help"]) == 0
    output = capsys.readouterr().out
    assert all(f"  {name} " in output for name in cli.COMMANDS)
    assert "JAX_COMPILATION_CACHE_DIR" in output


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help(capsys, command):
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert not stop.value.code
    assert f"rrplan {command}" in capsys.readouterr().out


def test_help_shows_the_defaults_of_the_preset(capsys):
    with pytest.raises(SystemExit):
        cli.main(["run", "knapsack", "--preset", "full", "--help"])
    assert "8192" in capsys.readouterr().out


def test_every_option_has_help(capsys):
    with pytest.raises(SystemExit):
        cli.main(["run", "knapsack", "--help"])
    output = capsys.readouterr().out
    for chunk in output.split("│ --")[1:]:
        described = chunk.split("(default")[0].split("│")[1:]
        assert any(character.isalpha() for character in "".join(described)), chunk


@pytest.fixture
def without_searches(monkeypatch):
    """Rules that search by themselves need a real environment, and have tests of their own."""
    monkeypatch.setattr(searched, "find_all", lambda *arguments: {})


@pytest.mark.usefixtures("without_searches")
def test_a_run_ends_with_the_table_and_the_figures(capsys, tmp_path, fake_work):
    out = tmp_path / "run"
    assert cli.main([*RUN, "--out", str(out), "--k", "0", "8"]) == 0
    output = capsys.readouterr().out
    assert "64 held-out episodes" in output
    for name in ("results.json", "returns.png", "front.svg", "report.html"):
        (path,) = (line.split()[-1] for line in output.splitlines() if line.endswith(name))
        assert Path(path).exists()


@pytest.mark.usefixtures("without_searches")
def test_a_run_that_is_there_is_refused(capsys, tmp_path, fake_work):
    out = str(tmp_path)
    assert cli.main([*QUIET, "--out", out, "--k", "0"]) == 0
    capsys.readouterr()
    assert "--resume" in fails(capsys, *QUIET, "--out", out, "--k", "0")
    assert "holds another run" in fails(capsys, *QUIET, "--out", out, "--k", "1")
    assert cli.main([*QUIET, "--out", out, "--k", "0", "--resume"]) == 0


@pytest.mark.usefixtures("without_searches")
def test_an_interrupted_run_says_how_to_go_on(capsys, tmp_path, fake_work):
    fake_work.interrupt_after = 1
    assert cli.main([*QUIET, "--out", str(tmp_path), "--k", "0"]) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    command = f"rrplan {' '.join(QUIET)} --out {tmp_path} --k 0 --resume"
    assert last == f"rrplan: interrupted; go on with: {command}"
    fake_work.interrupt_after = None
    assert cli.main(command.split()[1:]) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ablate networks --out rows.json", " --resume"),
        ("ablate networks --out=rows.json --resume", ""),
        ("ablate networks", None),  # nothing is kept
        ("reproduce imagine --seeds 3", " --resume"),
    ],
)
def test_what_else_is_interrupted_says_how_to_go_on(capsys, monkeypatch, words, told):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.COMMANDS, words.split()[0], interrupt)
    assert cli.main(words.split()) == 130
    expected = "" if told is None else f"; go on with: rrplan {words}{told}"
    assert capsys.readouterr().err == f"\nrrplan: interrupted{expected}\n"


def test_words_for_another_command_stay_behind_the_others(capsys, monkeypatch):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.COMMANDS, "reproduce", interrupt)
    assert cli.main(["reproduce", "capacity", "knapsack", "--", "--seed", "1"]) == 130
    command = "rrplan reproduce capacity knapsack --resume -- --seed 1"
    assert capsys.readouterr().err == f"\nrrplan: interrupted; go on with: {command}\n"


def test_tables_and_figures_come_from_files(capsys, finished):
    assert cli.main(["table", str(finished)]) == 0
    assert "reactive" in capsys.readouterr().out
    assert cli.main(["figures", str(finished)]) == 0
    assert str(finished / "figures" / "front.png") in capsys.readouterr().out.splitlines()
    assert (finished / "figures" / "front.png").stat().st_size > 5_000


def test_warnings_take_one_line(capsys, monkeypatch):
    import warnings

    def warn(arguments):
        warnings.warn("a checkpoint was skipped", stacklevel=1)

    monkeypatch.setattr(cli, "COMMANDS", {"warn": warn})
    assert cli.main(["warn"]) == 0
    assert capsys.readouterr().err == "rrplan: warning: a checkpoint was skipped\n"


def test_without_a_terminal_lines_tell_of_progress(monkeypatch):
    seconds = iter(range(0, 1000, 10))
    clock = types.SimpleNamespace(perf_counter=lambda: next(seconds))
    monkeypatch.setattr("experiments.runs.progress.time", clock)
    written = io.StringIO()
    with Progress(Console(file=written, width=200)) as progress:
        with progress.training(0, 1, 100) as report:
            for chunk in range(1, 6):
                report({"chunk": chunk, "evaluation_return": 0.5 if chunk == 2 else None})
        with progress.evaluations("held-out", 2) as bar:
            for name in ("fixed-0", "fixed-1"):
                bar.begin(name)
                bar.report(16, 32, 320)
                bar.finish()
    assert written.getvalue().splitlines() == [
        "training: begins, 100 chunks",
        "training: 3 of 100 chunks after 30 s; return 0.500 at k = 0",
        "training: done in 60 s",
        "held-out: begins, 2 evaluations",
        "held-out: 0 of 2 evaluations after 40 s; fixed-0: 16 of 32 episodes, 16 simulations/s",
        "held-out: 1 of 2 evaluations after 70 s; fixed-1",
        "held-out: done in 110 s",
    ]


def test_environment_values_must_be_given():
    with pytest.raises(InputError, match="needs a value"):
        split_env_options(["--env.a", "--seed", "1"])


def test_results_on_disk_are_plain_json(finished):
    assert json.loads((finished / "results.json").read_text())["study"] == "planning depth"
