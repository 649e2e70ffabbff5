"""Planners trained alone in a real study, tiny: interrupted and gone on with."""

import json

import polars as pl
import pytest

from experiments.cli import main as cli
from experiments.studies.planning_depth.planners import alone
from tests.experiments.studies.planning_depth.test_end_to_end import TINY

AGENTS = ("stopper", "longer", "longer-k0", "longer-ops", "larger")
WITHOUT = [word for word in TINY if word not in ("schedule", "yoked", "oracle", "stopper")]
PLACE = WITHOUT.index("--control.agents") + 1
RUN = [*WITHOUT[:PLACE], *AGENTS, *WITHOUT[PLACE:]]


@pytest.mark.slow
def test_real_planners_are_trained_alone_and_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setattr(alone, "RATES", (1.0,))  # each is compiled by itself
    out = tmp_path / "run"
    evaluate = alone.evaluate_all

    def interrupted(*arguments, **options):
        if "larger" in arguments[-1]:
            raise KeyboardInterrupt
        return evaluate(*arguments, **options)

    monkeypatch.setattr(alone, "evaluate_all", interrupted)
    assert cli.main([*RUN, "--out", str(out)]) == 130
    plan = (out / "control" / "longer-seconds.json").read_bytes()
    monkeypatch.setattr(alone, "evaluate_all", evaluate)
    assert cli.main([*RUN, "--out", str(out), "--resume"]) == 0
    assert (out / "control" / "longer-seconds.json").read_bytes() == plan
    results = json.loads((out / "results.json").read_text())
    told = {one["training"]: one for one in results["planners"]}
    assert told["longer-seconds"]["chunks"] > 2
    assert told["larger-seconds"]["weights"] > told["longer-seconds"]["weights"]
    for name, one in told.items():
        lines = (out / "control" / f"{name}-lr0.003" / "metrics.jsonl").read_text().splitlines()
        assert len(lines) == one["chunks"]
    frame = pl.read_parquet(out / "episodes.parquet")
    assert (frame.filter(agent="longer-k0")["simulations"] == 0).all()
    assert frame.filter(agent="larger")["untimed_return"].is_between(0.0, 1.0 + 1e-6).all()
    before = (out / "results.json").read_bytes()
    assert cli.main([*RUN, "--out", str(out), "--resume"]) == 0
    assert (out / "results.json").read_bytes() == before
