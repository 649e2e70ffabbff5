"""The reproduction: its options, its results, and what is drawn of them."""

import json
import warnings

import matplotlib as mpl
import pytest

from experiments import runs
from experiments.cli import main as cli
from experiments.report.figures import plotting
from experiments.reproductions import REPRODUCTIONS
from experiments.reproductions.capacity import making, tables, worth
from experiments.reproductions.capacity.figures import FIGURES
from experiments.reproductions.capacity.options import CapacityOptions
from rrplan import InputError
from tests.experiments.reproductions.capacity import made_up

TINY = (
    "--env.num_items 4 --train.checkpoint-every 1 --train.num-lanes 8 --train.batch-size 16 "
    "--train.num-simulations 4 --train.updates-per-chunk 2 --train.evaluation-episodes 8 "
    "--sweep.validation-episodes 16 --sweep.num-lanes 8 --search.acting visits --prices 1e-3"
)


def results(**options):
    told = making.summarize(made_up.grid(**options), 16, 0.7)
    return {**told, "env": "knapsack", "return_label": "return (share of the optimum)"}


def test_results_tell_all_planners_and_who_wins():
    told = results(lengths=(2, 4), gained=0.02)
    assert len(told["planners"]) == 8
    first = told["planners"][0]
    assert [row["k"] for row in first["by_k"]] == [0, 4, 16]
    assert first["by_k"][2]["operations"] == 40 + 16 * 45
    assert first["outcomes"]["wins"]["mean"] == 1.0
    assert told["range"]["best"] == pytest.approx(0.8 + 0.05 + 0.002 + 0.02)
    assert [one["width"] for one in told["plateaus"]] == [4, 8, 16, 32]
    # Twice the length is better by 0.001, more than 0.002 of the range.
    assert [one["doubled"] for one in told["plateaus"]] == [False] * 4
    table = tables.markdown(told)
    assert "| 4 | 40 | 4 [4, 4] | 0.211 [0.211, 0.211] |" in table
    assert "| 4 | 40 | 2 | 0.821" in table


@pytest.mark.parametrize(("widths", "gained"), [((4, 8, 32), 0.2), ((8,), -0.01)])
def test_figures_are_drawn_without_a_warning(widths, gained, monkeypatch):
    monkeypatch.setattr(worth.worths, "__defaults__", (worth.weights, 50))
    told = results(widths=widths, gained=gained, noise=0.01)
    with mpl.rc_context(dict(plotting.RC)), warnings.catch_warnings():
        warnings.simplefilter("error")
        for make in FIGURES.values():
            figure = make(told)
            if figure is not None:
                figure.draw_without_rendering()


def test_the_grid_is_widths_times_lengths_of_the_quick_presets_training():
    options = CapacityOptions(widths=(8, 4), lengths=(0.5, 1), run="--train.num-simulations 8")
    assert options.chunks == (25, 50)
    cells = options.grid.cells
    assert [cell.name for cell in cells][:2] == [
        "network.width=4,train.num-chunks=25",
        "network.width=4,train.num-chunks=50",
    ]
    words = cells[0].arguments
    assert words[words.index("--control.agents") + 1].startswith("--")  # none
    assert words[words.index("--train.num-simulations") + 1] == "8"
    assert {cell.arguments[cell.arguments.index("--search.acting") + 1] for cell in cells} == {
        "completed_q"
    }
    assert str(options.directory) == "reproductions/capacity-knapsack"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"search": 3}, "search must be above 0 and among k = "),
        ({"k": (1, 16)}, "k must be 0 among them"),
        ({"widths": ()}, "widths must be at least one number"),
        ({"lengths": (0.0,)}, "lengths must be above 0, got 0.0"),
        ({"jobs": 0}, "--jobs is 0"),
    ],
)
def test_options_that_are_wrong_take_one_line(changes, message):
    with pytest.raises(InputError, match=message):
        CapacityOptions(**changes)


def test_every_reproduction_names_what_is_there(capsys):
    for reproduction in REPRODUCTIONS.values():
        assert reproduction.get("options").__doc__
        assert callable(reproduction.get("run"))
    with pytest.raises(SystemExit):
        cli.main(["reproduce", "--help"])
    assert "capacity" in capsys.readouterr().out
    assert cli.main(["reproduce", "capcity"]) == 2
    assert "did you mean 'capacity'?" in capsys.readouterr().err


def test_what_comes_after_two_dashes_is_handed_to_the_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["reproduce", "capacity", "--", "--train.num-lanez", "3"]) == 2
    assert "'--train.num-lanez': did you mean '--train.num-lanes'?" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_tiny_one_is_made_from_end_to_end_and_gone_on_with(tmp_path, capsys):
    words = ["--widths", "2", "4", "--lengths", "0.04", "0.08", "--seeds", "2", "--k", "0", "2"]
    words += ["--search", "2", "--episodes", "16", "--out", str(tmp_path / "made")]
    rest = ["--", *TINY.split()]
    assert cli.main(["reproduce", "capacity", "knapsack", *words, *rest]) == 0
    first = (tmp_path / "made" / "results.json").read_bytes()
    told = json.loads(first)
    assert [one["width"] for one in told["planners"]] == [2, 2, 4, 4]
    assert len(list((tmp_path / "made" / "figures").glob("*.png"))) == 4
    assert cli.main(["reproduce", "capacity", "knapsack", *words, *rest]) == 2
    assert "--resume" in capsys.readouterr().err
    assert cli.main(["reproduce", "capacity", "knapsack", *words, "--resume", *rest]) == 0
    assert (tmp_path / "made" / "results.json").read_bytes() == first
    assert runs.read_json(tmp_path / "made" / "sweep.json", missing="")["over"][0]["values"] == [
        "2",
        "4",
    ]
