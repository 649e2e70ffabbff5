"""Cells of a sweep on a Ray cluster: the same processes, started by Ray's workers.

Each machine needs rrplan. It needs no common disk: where a worker does not see the sweep's
directory, what there is of the run travels to it, and comes back when the run has ended.
"""

import contextlib
import importlib
import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.cluster import launching
from experiments.cluster.archives import pack, unpack
from experiments.cluster.grid import Cell
from experiments.cluster.launching import Ended
from rrplan.errors import InputError
from rrplan.imports import one_line

LOCAL, PREFIX = "ray", "ray://"
"""A cluster on this machine, and the address of another's."""


class Sent(NamedTuple):
    """What a worker is told of a cell."""

    arguments: tuple[str, ...]
    directory: Path
    log: Path
    mark: Path
    """A file of the sweep's directory: who sees it shares its disk."""
    packed: bytes
    """What there is of the run."""
    environment: dict[str, str]
    """Variables for workers that share the disk."""


class Returned(NamedTuple):
    """What a worker tells of a cell that has ended."""

    failure: str | None
    packed: bytes | None
    """The run, and None where it was written in its place."""
    printed: bytes


def run_on_ray(cells: Sequence[Cell], out: Path, jobs: int, address: str) -> Iterator[Ended]:
    """Run cells on a Ray cluster, and yield each as it ends.

    Args:
        cells: in the order in which they are handed over.
        out: directory of the sweep.
        jobs: workers, where the cluster is started here.
        address: ``ray`` starts a cluster on this machine, ``ray://HOST:PORT`` takes another.

    Raises:
        InputError: Ray is not installed, or the cluster cannot be reached.
    """
    out = out.resolve()
    mark = out / f".shared-{uuid.uuid4().hex}"
    with _connected(address, jobs) as ray:
        # Neither a dead worker nor a failed run is tried again: the sweep tells of both.
        remote = ray.remote(max_retries=0, num_cpus=1)(work)
        mark.touch()
        try:
            tasks = {remote.remote(_send(cell, out, mark)): cell for cell in cells}
            while tasks:
                (task,), _ = ray.wait(list(tasks), num_returns=1)
                cell = tasks.pop(task)
                try:
                    yield _receive(cell, out, ray.get(task))
                except ray.exceptions.RayError as error:
                    yield Ended(cell, one_line(error))
        finally:
            mark.unlink(missing_ok=True)


def work(sent: Sent) -> Returned:
    """Run a cell in its place, or where the sweep's disk is not seen, in a folder of its own."""
    if sent.mark.exists():
        failure = _run(sent, sent.directory, sent.log, sent.environment)
        return Returned(failure, None, b"")
    with tempfile.TemporaryDirectory(prefix="rrplan-") as name:
        directory, log = Path(name) / "run", Path(name) / "log"
        unpack(sent.packed, directory)
        failure = _run(sent, directory, log, {})
        return Returned(failure, pack(directory), log.read_bytes())


def _run(sent: Sent, directory: Path, log: Path, environment: dict[str, str]) -> str | None:
    process = launching.start(sent.arguments, directory, log, environment)
    try:
        return launching.failure_of(process.wait(), log)
    finally:
        launching.end(process)


def _send(cell: Cell, out: Path, mark: Path) -> Sent:
    directory = cell.directory(out)
    packed, environment = pack(directory), launching.compiled(out)
    return Sent(cell.arguments, directory, cell.log(out), mark, packed, environment)


def _receive(cell: Cell, out: Path, returned: Returned) -> Ended:
    if returned.packed is not None:
        unpack(returned.packed, cell.directory(out))
        cell.log(out).parent.mkdir(parents=True, exist_ok=True)
        cell.log(out).write_bytes(returned.printed)
    return Ended(cell, returned.failure)


@contextlib.contextmanager
def _connected(address: str, jobs: int) -> Iterator[Any]:
    """Yield the module ``ray``, connected to a cluster."""
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise InputError(
            "--on ray needs Ray, which is not installed: pip install 'rrplan[ray]'"
        ) from None
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    try:
        with warnings.catch_warnings():
            # JAX warns of forks; what is forked here only starts another program.
            warnings.simplefilter("ignore", RuntimeWarning)
            if address == LOCAL:
                os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers
                ray.init("local", num_cpus=jobs, include_dashboard=False, **quiet)
            else:
                ray.init(address, **quiet)
    except Exception as error:
        raise InputError(f"--on {address}: cannot reach the cluster ({one_line(error)})") from error
    try:
        yield ray
    finally:
        ray.shutdown()
