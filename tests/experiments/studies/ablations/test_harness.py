"""The harness of ablations: made-up arms, whose returns are known."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from agents.metapolicies.learned.config import is_deaf
from experiments import studies
from experiments.cli.ablate import MetapolicyOptions
from experiments.studies.ablations import harness, heads
from experiments.studies.ablations.harness import Bench, Column, Trial
from experiments.studies.ablations.record import open_record
from rrplan import InputError

SETTINGS = {"ablation": "made up", "seeds": 2}
COLUMNS = (Column("mean", "mean return", ".2f"), Column("difference", "to the first arm", "+.2f"))


class Arm(NamedTuple):
    label: str
    gain: float = 0.0
    instances: str = "here"


ARMS = [Arm("plain"), Arm("better", 0.5), Arm("elsewhere", 9.0, "there")]


def make_bench(arms, trained):
    """Return arms whose return is the episode's number, the seed and a gain."""

    def trial(arm):
        def train(seed):
            trained.append((arm.label, seed))
            return seed

        def evaluate(seed):
            return {"return": np.arange(4.0) + seed + arm.gain}

        return Trial(train, evaluate, arm.instances, {"gain": arm.gain})

    def describe(columns):
        return {"mean": {"mean": float(columns["return"].mean()), "low": 0.0, "high": 9.0}}

    return Bench(arms, trial, "return", describe, COLUMNS)


@pytest.fixture(autouse=True)
def cleared(monkeypatch):
    """Throw away no program that other tests share; list how often that was asked for."""
    asked = []
    monkeypatch.setattr(harness.jax, "clear_caches", lambda: asked.append(1))
    return asked


def test_arms_are_compared_with_the_first(cleared):
    trained, lines = [], []
    record = open_record(None, SETTINGS, resume=False)
    rows = harness.run(make_bench(ARMS, trained), record, 2, lines.append)
    assert trained == [(arm.label, seed) for arm in ARMS for seed in range(2)]
    plain, better, elsewhere = rows
    assert plain["difference"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert better["difference"] == {"mean": 0.5, "low": 0.5, "high": 0.5}
    assert elsewhere["difference"] is None  # other episodes: nothing to pair
    assert better["seeds"] == [2.0, 3.0]
    assert better["gain"] == 0.5
    assert len(better["seconds"]) == 2
    assert lines == [
        "| arm | mean return | to the first arm | seconds a seed |",
        "| --- | ---: | ---: | ---: |",
        "| plain | 2.00 [0.00, 9.00] | +0.00 [+0.00, +0.00] | 0 |",
        "| better | 2.50 [0.00, 9.00] | +0.50 [+0.50, +0.50] | 0 |",
        "| elsewhere | 11.00 [0.00, 9.00] | - | 0 |",
    ]
    assert len(cleared) == 1  # from "here" to "there"


def test_what_was_killed_goes_on_with_the_next_arm(tmp_path):
    out, trained = tmp_path / "made" / "rows.json", []
    whole = harness.run(make_bench(ARMS, trained), open_record(None, SETTINGS, resume=False), 2)
    bench = make_bench(ARMS, trained)

    def trial(arm):
        if arm.label == "elsewhere":
            raise KeyboardInterrupt
        return bench.trial(arm)

    with pytest.raises(KeyboardInterrupt):
        harness.run(bench._replace(trial=trial), open_record(out, SETTINGS, resume=False), 2)
    assert [row["arm"] for row in json.loads(out.read_text())["rows"]] == ["plain", "better"]
    # As if it had been killed before the second row was written.
    kept = json.loads(out.read_text())
    out.write_text(json.dumps({**kept, "rows": kept["rows"][:1]}))
    trained.clear()
    lines = []
    rows = harness.run(bench, open_record(out, SETTINGS, resume=True), 2, lines.append)
    assert [label for label, _ in trained] == ["better", "better", "elsewhere", "elsewhere"]
    assert [{**row, "seconds": 0} for row in rows] == [{**row, "seconds": 0} for row in whole]
    assert len(lines) == 2 + len(ARMS)
    trained.clear()
    assert harness.run(bench, open_record(out, SETTINGS, resume=True), 2) == rows
    assert trained == []


def test_what_is_there_is_not_overwritten(tmp_path):
    out = tmp_path / "rows.json"
    harness.run(make_bench(ARMS, []), open_record(out, SETTINGS, resume=False), 2)
    (tmp_path / "strange.json").write_text("[]")
    for path, settings, resume, message in (
        (out, SETTINGS, False, "exists already: go on with --resume"),
        (out, {**SETTINGS, "seeds": 3}, True, "holds another ablation (seeds is 2 there, 3 here)"),
        (tmp_path / "strange.json", SETTINGS, True, "holds no ablation"),
        (tmp_path, SETTINGS, True, "is not a file"),
        (None, SETTINGS, True, "--resume needs the file to go on with"),
    ):
        with pytest.raises(InputError) as error:
            open_record(path, settings, resume=resume)
        assert message in str(error.value)
        assert "\n" not in str(error.value)
    (tmp_path / "rows.json.first.npz").write_bytes(b"half")
    with pytest.raises(InputError, match=r"first\.npz is missing or damaged"):
        open_record(out, SETTINGS, resume=True)
    with pytest.raises(InputError, match=r"^cannot write .*rows\.json/more\.json"):
        harness.run(make_bench(ARMS, []), open_record(out / "more.json", {}, resume=False), 2)


def test_arms_are_chosen_by_their_labels():
    assert harness.choose("made up", ARMS, "e") == ARMS[1:]
    with pytest.raises(InputError, match=r"^no arm of made up has 'x' in its label: expected part"):
        harness.choose("made up", ARMS, "x")


@pytest.mark.parametrize("name", studies.ABLATIONS)
def test_every_ablation_can_be_prepared(name):
    ablation = studies.ABLATIONS[name]
    assert ablation.name == name
    assert ablation.help.endswith(".")
    labels = [arm.label for arm in ablation.get("arms")()]
    assert labels
    assert len(set(labels)) == len(labels)
    assert callable(ablation.get("prepare"))
    assert ablation.get("options").__doc__


@pytest.mark.parametrize("price", [-1.0, float("inf"), float("nan")])
def test_a_price_of_levels_that_means_nothing_gets_one_line(price):
    with pytest.raises(InputError, match=r"^price_level must be a finite number, at least 0, got"):
        MetapolicyOptions(run=Path("runs/demo"), price_level=price)


def test_what_a_smaller_gate_sees_is_there_before_a_search():
    """Each network comes without and with gains; only the full gate and the stopper hear."""
    arms = heads.heads()
    for plain, gains in zip(arms[::2], arms[1::2], strict=True):
        assert gains.meta == plain.meta | {"inputs": (*plain.meta["inputs"], "gains")}
        assert gains.label == f"{plain.label}, gains"
        assert is_deaf(plain.meta["inputs"]) == (plain.label not in ("gate", "stopper"))
