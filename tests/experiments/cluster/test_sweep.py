"""A sweep of real studies, tiny: killed at random moments, resumed, and on a Ray cluster."""

import os
import random
import subprocess
import sys
import time

import pytest

from experiments.cli import main as cli
from experiments.cluster.grid import load
from tests.experiments.studies.planning_depth.test_end_to_end import TINY

CELL = [word for word in TINY[1:] if word not in ("stopper", "yoked", "oracle")]
OVER = ["--over", "seed", "0", "1", "--over", "train.num-simulations", "2", "4"]
SWEEP = ["sweep", *CELL, *OVER]


def tables(out):
    return (out / "table.md").read_text(), (out / "cells.parquet").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A sweep that nothing has disturbed, one process at a time."""
    out = tmp_path_factory.mktemp("sweeps") / "whole"
    assert cli.main([*SWEEP, "--out", str(out)]) == 0
    return out


@pytest.fixture
def compiled(whole):
    """Where programs are compiled already."""
    return {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(whole / "compiled")}


@pytest.mark.slow
def test_a_cell_is_the_run_of_its_options(whole, tmp_path, monkeypatch):
    cell = load(whole).cells[-1]
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(whole / "compiled"))
    assert cli.main(["run", *cell.arguments, "--out", str(tmp_path / "run")]) == 0
    results = cell.directory(whole) / "results.json"
    assert (tmp_path / "run" / "results.json").read_bytes() == results.read_bytes()


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_it_gives_the_same_table(whole, compiled, tmp_path):
    out, draw = tmp_path / "parts", random.Random(0)
    code = "from experiments.cli import main as cli; raise SystemExit(cli.main())"
    command = [sys.executable, "-c", code, *SWEEP, "--jobs", "2", "--out", str(out), "--resume"]
    for _ in range(10):
        process = subprocess.Popen(command, env=compiled, stderr=subprocess.DEVNULL)
        time.sleep(draw.uniform(2, 14))
        process.kill()
        process.wait()
    done = subprocess.run(command, env=compiled, check=False)
    assert done.returncode == 0
    assert tables(out) == tables(whole)


@pytest.mark.slow
def test_a_cell_that_fails_is_told_in_one_line(whole, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(whole / "compiled"))
    out = tmp_path / "failed"
    over = ["--over", "train.learning-rate", "1e30", "0.003"]
    assert cli.main(["sweep", *CELL, *over, "--out", str(out)]) == 2
    printed = capsys.readouterr()
    (failed,) = [line for line in printed.out.splitlines() if line.startswith("failed: ")]
    assert "train.learning-rate=1e30: " in failed
    assert printed.err.splitlines()[-1].startswith("rrplan: error: 1 of 2 cells failed: ")
    assert (out / "train.learning-rate=0.003" / "results.json").exists()


@pytest.mark.slow
def test_on_a_ray_cluster_of_two_workers_it_gives_the_same_table(whole, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(whole / "compiled"))
    out = tmp_path / "ray"
    assert cli.main([*SWEEP, "--out", str(out), "--on", "ray", "--jobs", "2"]) == 0
    assert tables(out) == tables(whole)
