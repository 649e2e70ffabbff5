"""The cells of a sweep as one table: what each agent of each run earned, and means over seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from experiments import runs
from experiments.analysis import entries
from experiments.analysis.seeds import t_interval
from experiments.cluster.grid import SEED, Grid

BEST = "best fixed"
"""What the fixed k that a run found best at a price is called, beside the agents of its own name.
It may be another k in another cell."""
FIELDS = ("timed", "untimed", "simulations")
_PARTS = ("", "_low", "_high")
_WHOLE = {"k": pl.Int64, "depth": pl.Int64, "seeds": pl.Int64, "episodes": pl.Int64}
_NUMBERS = {f"{field}{part}": pl.Float64 for field in FIELDS for part in _PARTS}
_SCHEMA = {"agent": pl.String, **_WHOLE, "price": pl.Float64, **_NUMBERS}


def collect(grid: Grid, out: Path) -> pl.DataFrame:
    """Return a row for each agent and price of each cell that is done.

    Columns are the axes (as they were written on the command line; see :func:`column`), ``agent``,
    ``k``, ``depth``, ``price``, ``seeds`` and ``episodes``, and for each of ``timed``, ``untimed``
    and ``simulations`` the mean and the ends of its 95% interval, ``_low`` and ``_high``.

    Args:
        grid: of the sweep.
        out: its directory.

    Raises:
        InputError: the results of a cell are damaged.
    """
    rows = []
    for cell in grid.cells:
        if cell.is_done(out):
            results = runs.load_results(cell.directory(out))
            values = {column(name): value for name, value in cell.values.items()}
            rows += [{**values, **row} for row in _of_run(results)]
    axes = {column(axis.name): pl.String for axis in grid.axes}
    return pl.DataFrame(rows, schema={**axes, **_SCHEMA}, orient="row")


def over_seeds(cells: pl.DataFrame, axes: Sequence[str]) -> pl.DataFrame:
    """Return means over cells that differ in their seed alone, with 95% intervals.

    With two seeds or more the interval is Student's, over the means of the seeds. With one it is
    the run's own, over its episodes. ``cells`` counts the seeds, and ``k`` is null where it is not
    the same in all.

    Args:
        cells: of :func:`collect`.
        axes: names of the axes that are swept.
    """
    kept = [column(name) for name in axes if name != SEED]
    # Of the agents it is the fixed ones that differ in k and depth.
    told = pl.when(pl.col("agent") == "fixed").then(pl.col("k"))
    keyed = cells.with_columns(own_k=told)
    groups = keyed.group_by([*kept, "agent", "own_k", "depth", "price"], maintain_order=True)
    rows = [_pool(dict(zip(kept, key, strict=False)), group) for key, group in groups]
    schema = {**dict.fromkeys(kept, pl.String), **_SCHEMA, "cells": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def column(axis: str) -> str:
    """Return the column of an axis: its name, as an option where results have that column too."""
    return f"--{axis}" if axis in _SCHEMA else axis


def _of_run(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of one run: its agents, and once more the best fixed k of each price."""
    best = [(entries.best_fixed(results, price), BEST) for price in entries.prices(results)]
    told = [(entry, entry["agent"]) for entry in results["agents"]]
    return [_row(entry, name) for entry, name in (*told, *best) if entry is not None]


def _row(entry: Mapping[str, Any], agent: str) -> dict[str, Any]:
    row = {name: entry.get(name) for name in ("k", "depth", "price", "seeds", "episodes")}
    for field in FIELDS:
        estimate = entry[field]
        values = (estimate["mean"], *estimate["ci95"])
        row |= {f"{field}{part}": value for part, value in zip(_PARTS, values, strict=True)}
    return {"agent": agent, **row}


def _pool(key: Mapping[str, Any], group: pl.DataFrame) -> dict[str, Any]:
    """Return the one row that stands for cells of several seeds."""
    first = group.row(0, named=True)
    row = {**key, **{name: first[name] for name in ("agent", "depth", "price")}}
    row |= {"seeds": int(group["seeds"].sum()), "episodes": first["episodes"]}
    row |= {"k": first["k"] if group["k"].n_unique() == 1 else None, "cells": len(group)}
    for field in FIELDS:
        values = [first[f"{field}{part}"] for part in _PARTS]
        if len(group) > 1:
            values = t_interval(np.asarray(group[field], float))
        row |= {f"{field}{part}": value for part, value in zip(_PARTS, values, strict=True)}
    return row
