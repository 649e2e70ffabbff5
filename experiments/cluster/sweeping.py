"""Running a sweep: cells that are done are skipped, and those that fail are told of."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from experiments.cluster import launching, on_ray
from experiments.cluster.grid import Cell, Grid, open_sweep
from experiments.cluster.launching import Ended
from rrplan.errors import InputError

HERE = "here"


def run_grid(
    grid: Grid,
    out: Path,
    *,
    resume: bool = False,
    jobs: int = 1,
    on: str = HERE,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, str]:
    """Run the cells that are not done; return why others failed, by their names.

    Args:
        grid: of the sweep.
        out: its directory.
        resume: go on with a sweep that was begun there.
        jobs: processes at a time.
        on: ``here``, ``ray`` or ``ray://HOST:PORT``.
        say: takes a line of progress.

    Raises:
        InputError: the directory is of no use, or there is no such cluster.
    """
    failed, cells = {}, grid.cells
    with open_sweep(out, grid, resume=resume):
        waiting = [cell for cell in cells if not cell.is_done(out)]
        done = len(cells) - len(waiting)
        say(f"{len(cells)} cells, {done} done before")
        for ended in _run(waiting, out, jobs, on):
            done += 1
            state = "done" if ended.failure is None else f"failed: {ended.failure}"
            say(f"{done} of {len(cells)}: {ended.cell.name} {state}")
            if ended.failure is not None:
                failed[ended.cell.name] = ended.failure
    return failed


def check(jobs: int, on: str) -> None:
    """Refuse a number of processes, or a place to run at, that is none.

    Raises:
        InputError: one line that says what was expected.
    """
    if jobs < 1:
        raise InputError(f"--jobs is {jobs}: expected a whole number from 1 on")
    if on not in (HERE, on_ray.LOCAL) and not on.startswith(on_ray.PREFIX):
        raise InputError(f"--on is {on!r}: expected here, ray or ray://HOST:PORT")


def tell_failed(grid: Grid, out: Path, failed: dict[str, str]) -> list[str]:
    """Return a line for each cell that failed."""
    logs = {cell.name: cell.log(out) for cell in grid.cells}
    return [f"failed:  {name}: {why} ({logs[name]})" for name, why in failed.items()]


def refuse_failed(grid: Grid, failed: dict[str, str]) -> None:
    """End a command some of whose cells have failed.

    Raises:
        InputError: there is one.
    """
    if failed:
        count = f"{len(failed)} of {len(grid.cells)} cells failed"
        raise InputError(f"{count}: see above; try them again with --resume")


def _run(waiting: Sequence[Cell], out: Path, jobs: int, on: str) -> Iterator[Ended]:
    if on == HERE or not waiting:
        return launching.run_here(waiting, out, jobs)
    return on_ray.run_on_ray(waiting, out, jobs, on)
