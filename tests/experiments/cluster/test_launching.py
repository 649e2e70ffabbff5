"""Cells as processes: one that fails leaves the others alone, and all end with their sweep.

The program of a cell is replaced by one that takes milliseconds.
"""

import os
import signal
import subprocess
import sys
import time

import pytest

from experiments.cluster import launching, on_ray
from experiments.cluster.grid import Axis, Grid
from experiments.cluster.on_ray import Sent
from rrplan import InputError

# What it does is said by the value of --do.
PROGRAM = """
import os, pathlib, signal, sys, time

words = sys.argv[1:]
assert words[0] == "run" and words[-1] == "--resume"
out, do = (pathlib.Path(words[words.index(name) + 1]) for name in ("--out", "--do"))
out.mkdir(parents=True, exist_ok=True)
print("begun", flush=True)
if do.name == "raise":
    raise ValueError("no such thing")
if do.name == "refuse":
    print("rrplan: error: seeds must be at least 1, got 0", file=sys.stderr)
    raise SystemExit(2)
if do.name == "die":
    os.kill(os.getpid(), signal.SIGKILL)
if do.name == "sleep":
    time.sleep(60)
before = (out / "part").read_text() if (out / "part").exists() else ""
(out / "table.md").write_text(before + do.name)
"""


REAL = launching._PROGRAM.split("from rrplan")[0]  # up to where it would run a study


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(launching, "_PROGRAM", PROGRAM)


def grid(*does):
    return Grid(("knapsack",), (Axis("do", does),))


def test_a_cell_that_fails_leaves_the_others_alone_and_is_told_in_one_line(tmp_path):
    cells = grid("a", "raise", "refuse", "die", "b").cells
    ended = {e.cell.values["do"]: e.failure for e in launching.run_here(cells, tmp_path, 2)}
    assert ended == {
        "a": None,
        "raise": "ValueError: no such thing",
        "refuse": "seeds must be at least 1, got 0",
        "die": "ended by signal 9",
        "b": None,
    }
    assert [cell.values["do"] for cell in cells if cell.is_done(tmp_path)] == ["a", "b"]
    assert cells[0].log(tmp_path).read_text() == "begun\n"


def test_no_more_run_at_a_time_than_jobs(tmp_path, monkeypatch):
    monkeypatch.setattr(launching, "_POLL", 0.01)
    running, most = set(), []
    start, end = launching.start, launching.end

    def started(*arguments):
        process = start(*arguments)
        running.add(process)
        most.append(len(running))
        return process

    def ended(process):
        running.discard(process)
        return end(process)

    monkeypatch.setattr(launching, "start", started)
    monkeypatch.setattr(launching, "end", ended)
    assert len(list(launching.run_here(grid(*"abcde").cells, tmp_path, 3))) == 5
    assert max(most) == 3


def test_leaving_early_ends_what_runs(tmp_path):
    processes = []
    start = launching.start

    def started(*arguments):
        processes.append(start(*arguments))
        return processes[-1]

    launching.start, before = started, start
    try:
        ends = launching.run_here(grid("a", "sleep").cells, tmp_path, 2)
        assert next(ends).failure is None
        ends.close()
    finally:
        launching.start = before
    assert [process.poll() for process in processes] == [0, -signal.SIGTERM]


@pytest.mark.parametrize("status", [0, 2])
def test_a_cell_ends_by_itself_with_its_own_status(tmp_path, monkeypatch, status):
    monkeypatch.setattr(launching, "_PROGRAM", f"{REAL}\nraise SystemExit({status})")
    process = launching.start((), tmp_path / "cell", tmp_path / "log", {})
    assert process.wait() == status
    assert launching.end(process) == status


ORPHAN = """
import pathlib, sys
from experiments.cluster import launching

out = pathlib.Path(sys.argv[1])
launching._PROGRAM = launching._PROGRAM.split("from rrplan")[0] + "import time; time.sleep(60)"
process = launching.start((), out / "cell", out / "log", {})
print(process.pid, flush=True)
process.wait()
"""


def test_a_cell_ends_when_its_sweep_is_killed(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())
    os.kill(child, 0)  # it is there
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while _is_there(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_there(child)


def _is_there(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_run_travels_to_a_worker_without_the_sweeps_disk_and_back(tmp_path):
    (cell,) = grid("a").cells
    directory = cell.directory(tmp_path)
    directory.mkdir()
    (directory / "part").write_text("what there was, ")
    nowhere = tmp_path / "nowhere"
    sent = on_ray._send(cell, tmp_path, nowhere)
    assert isinstance(sent, Sent)
    returned = on_ray.work(sent)
    assert not cell.is_done(tmp_path)
    assert on_ray._receive(cell, tmp_path, returned).failure is None
    assert (directory / "table.md").read_text() == "what there was, a"
    assert cell.log(tmp_path).read_text() == "begun\n"
    # One who sees the disk writes in its place.
    (directory / "table.md").unlink()
    nowhere.touch()
    returned = on_ray.work(sent)
    assert returned == (None, None, b"")
    assert cell.is_done(tmp_path)


def test_without_ray_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'rrplan\[ray\]'"):
        next(on_ray.run_on_ray(grid("a").cells, tmp_path, 1, "ray"))


@pytest.mark.parametrize(("jobs", "threads"), [(1, "6"), (2, "3"), (4, "1"), (9, "1")])
def test_jobs_share_the_cores_unless_the_user_says_how(monkeypatch, jobs, threads):
    monkeypatch.setattr(launching.cores, "count", lambda: 6)
    monkeypatch.delenv("NPROC", raising=False)
    assert launching.shared(jobs) == {"NPROC": threads}
    monkeypatch.setenv("NPROC", "2")
    assert launching.shared(jobs) == {}
