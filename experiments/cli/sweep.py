"""``rrplan sweep``: a study for each combination of some options' values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.cli import showing
from rrplan.errors import InputError

_PROG, _OVER = "rrplan sweep", "--over"
_OWN = ("out", "jobs", "on")
_HELP = f"""usage: {_PROG} ENV [options of rrplan run] {_OVER} NAME VALUE [VALUE ...] [options]

Run a study for each combination of values, each in a directory of its own, and print one table.

  {_OVER} NAME VALUE ...  an option of `rrplan run` without its dashes, and its values; may be
                        given several times. A value of several words stands in quotation
                        marks. {_OVER} env NAME ... sweeps the environment itself.
  --out DIR             directory of the sweep; sweeps/ENV-PRESET if not given
  --resume              go on with a sweep that was begun there: what is done is skipped, what
                        failed is tried again, and there may be more values than before
  --jobs N              processes at a time, or workers of a Ray cluster that is started here
                        (default: 1)
  --on WHERE            here (default), ray (a Ray cluster that is started on this machine) or
                        ray://HOST:PORT (another one); needs pip install 'rrplan[ray]'

All other options are those of `rrplan run` (see its --help) and hold in all cells.

  {_PROG} knapsack {_OVER} network.size tiny small {_OVER} seed 0 1 2 --jobs 2 --out sweeps/sizes
  {_PROG} traps {_OVER} k "0 8" "0 8 64" --control.agents gate stopper"""


class Options(NamedTuple):
    """What the command was told."""

    arguments: tuple[str, ...]
    """Of ``rrplan run``, the same in all cells."""
    over: tuple[tuple[str, tuple[str, ...]], ...]
    out: Path | None = None
    resume: bool = False
    jobs: int = 1
    on: str = "here"


def sweep(arguments: Sequence[str]) -> None:
    """Run a study for each combination of some options' values, and compare them.

    Raises:
        SystemExit: help was asked for, and printed.
        InputError: an option is wrong, or a cell failed.
    """
    if any(word in ("-h", "--help") for word in arguments):
        print(_HELP)
        raise SystemExit(0)  # as the commands whose help tyro prints
    options = split_options(arguments)
    from experiments.cluster import sweeping
    from experiments.cluster.grid import Axis, Grid

    grid = Grid(options.arguments, tuple(Axis(name, values) for name, values in options.over))
    sweeping.check(options.jobs, options.on)
    first = _check(grid)
    out = options.out or Path("sweeps") / first.directory.name.rpartition("-seed")[0]
    failed = sweeping.run_grid(
        grid, out, resume=options.resume, jobs=options.jobs, on=options.on, say=showing.say
    )
    showing.print_tables(tell(grid, out))
    print(f"table:   {out / 'table.md'}")
    print(f"cells:   {out / 'cells.parquet'}")
    for line in sweeping.tell_failed(grid, out, failed):
        print(line)
    sweeping.refuse_failed(grid, failed)


def split_options(arguments: Sequence[str]) -> Options:
    """Divide a command line into the sweep's own options and those of ``rrplan run``.

    Raises:
        InputError: one of its own has no value, or a wrong one.
    """
    rest, over, own, resume = [], [], {}, False
    pending = list(arguments)
    while pending:
        word = pending.pop(0)
        option, assigned, value = word.partition("=")
        if word == "--resume":
            resume = True
        elif option == _OVER:
            values = [value] if assigned else []
            while pending and not pending[0].startswith("--"):
                values.append(pending.pop(0))
            if not values:
                raise InputError(f"{_OVER} needs a name and values: {_OVER} NAME VALUE ...")
            over.append((values[0], tuple(values[1:])))
        elif option.removeprefix("--") in _OWN and option.startswith("--"):
            if not assigned:
                if not pending or pending[0].startswith("--"):
                    raise InputError(f"{option} needs a value: {option} VALUE")
                value = pending.pop(0)
            own[option.removeprefix("--")] = value
        else:
            rest.append(word)
    out = Path(own["out"]) if "out" in own else None
    jobs, on = own.get("jobs", "1"), own.get("on", "here")
    if not jobs.isdecimal():
        raise InputError(f"--jobs is {jobs!r}: expected a whole number from 1 on")
    return Options(tuple(rest), tuple(over), out, resume, int(jobs), on)


def tell(grid: Any, out: Path) -> list[Any]:
    """Write the tables of the cells that are done, and return them for the terminal.

    Args:
        grid: an :class:`experiments.cluster.grid.Grid`.
        out: directory of the sweep.
    """
    from experiments import runs
    from experiments.analysis import cells, columns
    from experiments.report import sweep_tables

    frame = cells.collect(grid, out)
    pooled = cells.over_seeds(frame, [axis.name for axis in grid.axes])
    columns.write_frame(out / "cells.parquet", frame)
    runs.write_text(out / "table.md", sweep_tables.markdown_table(grid, pooled))
    return sweep_tables.terminal_tables(grid, pooled)


def _check(grid: Any) -> Any:
    """Refuse options that are wrong before anything is run; return those of the first cell.

    Raises:
        InputError: one of them is wrong.
    """
    from experiments.cli.options import parse_run

    first, *_ = [parse_run(cell.arguments, _PROG) for cell in grid.samples()]
    return first
