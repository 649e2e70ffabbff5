"""Makes the reproduction: runs the grid, works out what it says, writes and draws it."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from experiments import runs
from experiments.analysis.comparisons import as_json
from experiments.cli.options import parse_run
from experiments.cluster import sweeping
from experiments.reproductions import keeping
from experiments.reproductions.capacity import plateaus, reading, splits, tables, worth
from experiments.reproductions.capacity.figures import FIGURES
from experiments.reproductions.capacity.options import CapacityOptions
from experiments.reproductions.capacity.reading import Planner
from rrplan.statistics import mean_ci

_TIE = 1e-6  # returns that differ by less are alike


def reproduce(options: CapacityOptions, say: Callable[[str], None]) -> list[str]:
    """Run the grid, and write results, table and figures; return lines for the terminal.

    Args:
        options: of the command.
        say: takes a line of progress.

    Raises:
        InputError: a cell failed, or the directory is of no use.
    """
    out, grid = options.directory, options.grid
    for cell in grid.samples():
        parse_run(cell.arguments, "rrplan reproduce capacity")
    begun, done = time.perf_counter(), sum(cell.is_done(out) for cell in grid.cells)
    failed = sweeping.run_grid(
        grid, out, resume=options.resume, jobs=options.jobs, on=options.on, say=say
    )
    for line in sweeping.tell_failed(grid, out, failed):
        say(line)
    sweeping.refuse_failed(grid, failed)
    took = time.perf_counter() - begun
    say(f"{len(grid.cells) - done} cells took {took:,.0f} s, {options.jobs} at a time")
    planners = [reading.read(cell, out) for cell in grid.cells]
    config = runs.load_run(grid.cells[0].directory(out)).config
    results = summarize(planners, options.search, reading.random_return(config))
    results |= {"env": options.env, "return_label": config.return_label}
    results |= {"grid": grid.to_dict(), "versions": runs.versions()}
    return keeping.write(out, results, tables.markdown(results), FIGURES)


def summarize(planners: Sequence[Planner], search: int, random: float) -> dict[str, Any]:
    """Return what ``results.json`` holds: plain values, the same whenever it is made.

    Args:
        planners: all of the grid.
        search: the k that is held against k = 0.
        random: mean return of random legal actions.
    """
    best = max(one.mean(k) for one in planners for k in one.returns)
    longest = max(one.chunks for one in planners)
    trained = sorted((one for one in planners if one.chunks == longest), key=lambda p: p.width)
    by_weights = worth.worths(trained, search)
    by_operations = worth.worths(trained, search, worth.operations)
    ordered = sorted(trained, key=lambda one: one.weights)
    in_operations = sorted(trained, key=lambda one: one.operations(0))
    return {
        "reproduction": "capacity",
        "search": search,
        "range": {"random": random, "best": best},
        "planners": [_tell(one, search) for one in planners],
        "plateaus": [
            plateaus.judge(one, plateaus.half_of(planners, one), best - random) for one in trained
        ],
        "splits": splits.best_splits(planners, (random, best)),
        "worth": {
            "weights": _by_width(ordered, by_weights),
            "operations": _by_width(in_operations, by_operations),
        },
    }


def _by_width(
    planners: Sequence[Planner], found: Sequence[worth.Worth]
) -> list[Mapping[str, float | None]]:
    pairs = zip(planners, found, strict=True)
    return [{"width": one.width, "weights": one.weights, **own._asdict()} for one, own in pairs]


def _tell(planner: Planner, search: int) -> dict[str, Any]:
    """Return what the planners of one width and length did."""
    won = planner.returns[search] - planner.returns[0]
    outcomes = {"wins": won > _TIE, "ties": np.abs(won) <= _TIE, "losses": won < -_TIE}
    return {
        "width": planner.width,
        "chunks": planner.chunks,
        "steps": planner.steps,
        "weights": planner.weights,
        "by_k": [
            {
                "k": k,
                "operations": planner.operations(k),
                "untimed": as_json(mean_ci(planner.returns[k])),
                "seeds": planner.returns[k].mean(axis=1).tolist(),
            }
            for k in sorted(planner.returns)
        ],
        "outcomes": {name: as_json(mean_ci(values)) for name, values in outcomes.items()},
        "curve": {
            "steps": planner.curve_steps.tolist(),
            "mean": planner.curve.mean(axis=0).tolist(),
            "seeds": planner.curve.tolist(),
        },
    }
