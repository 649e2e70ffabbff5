"""The table of a sweep: a row for each setting, a column for each agent, at each price."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import rich.box
import rich.table

from experiments.analysis import cells
from experiments.cluster.grid import SEED, Grid
from experiments.report.formatting import DASH, format_estimate, format_markdown

_LEFT_OUT = ("fixed", "random")  # of fixed k's the best one is told


def markdown_table(grid: Grid, pooled: pl.DataFrame) -> str:
    """Return timed returns as Markdown, a table for each price, with its caption below.

    Args:
        grid: of the sweep.
        pooled: of :func:`experiments.analysis.cells.over_seeds`.
    """
    axes = _axes(grid)
    parts = []
    for price in _prices(pooled):
        header, rows = _at(grid, pooled, price, 2)
        caption = f"c = {price:g}. {_caption(pooled)}"
        parts.append(format_markdown(header, rows, caption, left=axes))
    return "\n".join(parts) or "No cell is done.\n"


def terminal_tables(grid: Grid, pooled: pl.DataFrame) -> list[rich.table.Table]:
    """Return the same for :mod:`rich`."""
    axes, tables = _axes(grid), []
    for price in _prices(pooled):
        header, rows = _at(grid, pooled, price, 1)
        table = rich.table.Table(
            title=f"Timed return at c = {price:g}",
            caption=_caption(pooled),
            title_justify="left",
            caption_justify="left",
            box=rich.box.SIMPLE_HEAD,
            show_edge=False,
        )
        for name in header:
            table.add_column(name, justify="left" if name in axes else "right", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        tables.append(table)
    return tables


def _axes(grid: Grid) -> list[str]:
    return [cells.column(axis.name) for axis in grid.axes if axis.name != SEED]


def _prices(pooled: pl.DataFrame) -> list[float]:
    return sorted(pooled["price"].unique().to_list())


def _at(
    grid: Grid, pooled: pl.DataFrame, price: float, digits: int
) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of the table at a price."""
    axes, there = _axes(grid), pooled.filter(price=price)
    agents = [name for name in there["agent"].unique(maintain_order=True) if name not in _LEFT_OUT]
    agents.sort(key=lambda name: name != cells.BEST)  # it comes first, the others as they are
    settings = there.select(axes).unique(maintain_order=True).rows() if axes else [()]
    rows = []
    for setting in settings:
        here = there.filter(**dict(zip(axes, setting, strict=True))) if axes else there
        found = {row["agent"]: row for row in here.iter_rows(named=True)}
        counts = str(max(row["cells"] for row in found.values()))
        best = found.get(cells.BEST)
        rows.append([*setting, counts, _k(best), *(_timed(found.get(a), digits) for a in agents)])
    return [*axes, "cells", "k", *agents], rows


def _k(best: Mapping[str, Any] | None) -> str:
    """Return the best fixed k; a dash where cells differ in it."""
    return DASH if best is None or best["k"] is None else str(best["k"])


def _timed(row: Mapping[str, Any] | None, digits: int) -> str:
    if row is None:
        return DASH
    ends = [row["timed_low"], row["timed_high"]]
    return format_estimate({"mean": row["timed"], "ci95": ends}, digits)


def _caption(pooled: pl.DataFrame) -> str:
    over, own = "Student's, over the seeds' means", "the run's own"
    alone = pooled["cells"] == 1
    if alone.all():
        over = own
    elif alone.any():
        over += f"; {own} where cells is 1"
    return f"Timed returns. ± half of the 95% interval, {over}. k: the best fixed one."
