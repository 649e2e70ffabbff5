"""The reproduction: its options, what its results say, and what is drawn of them."""

import json
import warnings

import matplotlib as mpl
import numpy as np
import pytest

from experiments.cli import main as cli
from experiments.report.figures import plotting
from experiments.reproductions.fair import making, tables
from experiments.reproductions.fair.making import FIGURES, Found
from experiments.reproductions.fair.options import FairOptions
from rrplan import InputError

FIT = "--instances 8 --validation 8 --bounded 8 --width 4 --fit.rounds 2 --fit.steps 64"


def made_up(price=3e-4, episodes=40, met=20):
    """Return timed returns whose steps are known: 0.01, 0.002, 0.003 and 0.015."""
    instance = np.random.default_rng(0).normal(0.9, 0.02, (2, episodes))
    above = np.cumsum([0.0, 0.01, 0.002, 0.003])
    return Found(price, *(instance + step for step in above), (instance + 0.03)[:, :met])


def results(*found):
    fit = {"price": 3e-4, "seed": 0, "width": 16, "look_operations": 8867.0, "kept": 1}
    fit |= {"rounds": [[0.97, 0.969, 0.5], [0.98, 0.971, 0.4]], "simulations": 16.2, "looks": 11.0}
    fits = [{"kind": kind, **fit} for kind in ("charged", "free")]
    return {**making.summarize(found), "fits": fits, "env": "knapsack"}


def test_the_steps_add_up_to_the_gap_on_the_oracles_episodes():
    told = making.summarize([made_up()])["prices"][0]
    steps = [step["difference"]["mean"] for step in told["split"]]
    np.testing.assert_allclose(steps, [0.01, 0.002, 0.003, 0.015], atol=1e-9)
    assert sum(steps) == pytest.approx(told["gap"]["mean"])
    assert (told["episodes"], told["bounded_episodes"]) == (40, 20)
    assert told["against_stopper"]["charged"]["mean"] == pytest.approx(0.002)
    assert told["against_stopper"]["free"]["mean"] == pytest.approx(0.005)
    assert len(told["seeds"]["stopper"]) == 2


def test_the_table_tells_each_step_and_calls_the_rule_a_lower_bound():
    text = tables.markdown(results(made_up()))
    assert "| 0.0003 | stopper → best fair rule found, looks charged | what the stopper" in text
    assert "lower bound" in text
    assert "| 0.0003 | best fair rule found, looks free | 0 | 16 | 8,867 |" in text
    assert "0.98000 | 0.97100 |" in text


def test_the_figure_is_drawn_without_a_warning():
    for found in ([made_up()], [made_up(), made_up(1e-3)]):
        with mpl.rc_context(dict(plotting.RC)), warnings.catch_warnings():
            warnings.simplefilter("error")
            FIGURES["split"](results(*found)).draw_without_rendering()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prices": (0.0,)}, "prices must be above 0, got 0.0"),
        ({"instances": 1}, "instances must be at least 2, got 1"),
        ({"width": 0}, "width must be at least 1, got 0"),
    ],
)
def test_options_that_are_wrong_take_one_line(changes, message, tmp_path):
    with pytest.raises(InputError, match=message):
        FairOptions(run=tmp_path, **changes)


def test_what_is_no_run_takes_one_line(tmp_path, capsys):
    assert cli.main(["reproduce", "fair", str(tmp_path / "none")]) == 2
    assert "holds no run" in capsys.readouterr().err


@pytest.mark.slow
def test_a_tiny_one_is_made_from_end_to_end_and_gone_on_with(tiny_run, tmp_path, capsys):
    run, out = str(tiny_run), tmp_path / "made"
    words = ["reproduce", "fair", run, "--out", str(out), *FIT.split()]
    assert cli.main([*words, "--prices", "0.5"]) == 2
    assert "expected prices of the run's stopper: 0.001" in capsys.readouterr().err
    assert cli.main(words) == 0, capsys.readouterr().err
    first = (out / "results.json").read_bytes()
    told = json.loads(first)["prices"][0]
    assert sum(s["difference"]["mean"] for s in told["split"]) == pytest.approx(told["gap"]["mean"])
    assert (out / "figures" / "split.png").exists()
    assert cli.main(words) == 2
    assert "--resume" in capsys.readouterr().err
    # Killed before a rule was played: it is read, and played again to the same numbers.
    (out / "rules" / "seed1-free-0.001-held-out.npz").unlink()
    (out / "rules" / "seed0-charged-0.001-rule.npz").unlink()
    assert cli.main([*words, "--resume"]) == 0
    assert (out / "results.json").read_bytes() == first
