"""Cells of a sweep as processes of their own: one that fails or dies leaves the others alone."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from experiments import cores
from experiments.cluster.grid import Cell

_POLL = 0.2  # seconds between looks at what runs
_TOLD = 2000  # characters of a log's end in which its last line is looked for
_COMPILED = "JAX_COMPILATION_CACHE_DIR"
_THREADS = "NPROC"  # of XLA on a CPU; all cores if it is not set
# A cell ends with its sweep, however that ends: its standard input is closed then.
_PROGRAM = """
import os, threading

def end_with_parent():
    os.read(0, 1)  # not by sys.stdin, whose lock would abort an exit of its own
    os._exit(130)

threading.Thread(target=end_with_parent, daemon=True).start()
from rrplan.imports import main

raise SystemExit(main())
"""


class Ended(NamedTuple):
    """A cell whose process has ended."""

    cell: Cell
    failure: str | None
    """Why it failed, in one line; None where it is done."""


def start(
    arguments: Sequence[str], directory: Path, log: Path, environment: Mapping[str, str]
) -> subprocess.Popen:
    """Start a cell: a run in a directory, which goes on where it was stopped.

    Args:
        arguments: of ``rrplan run``, without where it is kept.
        directory: of the run.
        log: takes what it prints.
        environment: variables of the process, beside those of this one.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", _PROGRAM, "run", *arguments, "--out", str(directory)]
    with open(log, "wb") as file:
        return subprocess.Popen(
            [*command, "--resume"],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )


def failure_of(status: int, log: Path) -> str | None:
    """Return in one line why a process failed; None where it did not.

    Args:
        status: its exit status; the negative number of a signal that ended it.
        log: what it printed.
    """
    if status == 0:
        return None
    if status < 0:
        return f"ended by signal {-status}"
    text = log.read_text(errors="replace")[-_TOLD:] if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1].removeprefix("rrplan: error: ") if lines else "it printed nothing"
    return last if lines else f"exit status {status}"


def compiled(out: Path) -> dict[str, str]:
    """Return where the cells of a sweep keep compiled programs, so that each is compiled once."""
    return {} if os.environ.get(_COMPILED) else {_COMPILED: str((out / "compiled").resolve())}


def shared(jobs: int) -> dict[str, str]:
    """Return how many threads each of ``jobs`` processes has, so that together they fill cores."""
    return {} if os.environ.get(_THREADS) else {_THREADS: str(max(1, cores.count() // jobs))}


def run_here(cells: Sequence[Cell], out: Path, jobs: int) -> Iterator[Ended]:
    """Run cells as processes on this machine, and yield each as it ends.

    Where this is left early, those that run are ended; they can be gone on with.

    Args:
        cells: in the order in which they are begun.
        out: directory of the sweep.
        jobs: processes at a time.
    """
    waiting = list(cells)
    environment = compiled(out) | shared(jobs)
    running: list[tuple[Cell, subprocess.Popen]] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                cell = waiting.pop(0)
                directory, log = cell.directory(out), cell.log(out)
                running.append((cell, start(cell.arguments, directory, log, environment)))
            ended = [one for one in running if one[1].poll() is not None]
            for cell, process in ended:
                running.remove((cell, process))
                yield Ended(cell, failure_of(end(process), cell.log(out)))
            if not ended:
                time.sleep(_POLL)
    finally:
        for _, process in running:
            end(process)


def end(process: subprocess.Popen) -> int:
    """End a process that :func:`start` has started, if it runs, and return its exit status."""
    with contextlib.suppress(OSError):
        process.terminate()
    status = process.wait()
    if process.stdin is not None:
        process.stdin.close()
    return status
