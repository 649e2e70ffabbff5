"""The table of controls that are planners of their own: how large, how long trained, their k."""

from collections.abc import Mapping
from typing import Any

import rich.box
import rich.table

from experiments.report import bills
from experiments.report.formatting import format_markdown, format_mean, format_seconds

_HEADER = ("training", "weights", "chunks", "learning rate", "operations", "best k")


def markdown_table(results: Mapping[str, Any]) -> str:
    """Return the table as Markdown, with its caption below; an empty text if there is nobody."""
    rows = _rows(results)
    if not rows:
        return ""
    return format_markdown(_HEADER, rows, _caption(results), left=["training"])


def terminal_table(results: Mapping[str, Any]) -> rich.table.Table | None:
    """Return the same for :mod:`rich`; None if there is nobody."""
    rows = _rows(results)
    if not rows:
        return None
    table = rich.table.Table(
        title="Planners that are trained alone",
        caption=_caption(results),
        title_justify="left",
        caption_justify="left",
        box=rich.box.SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    for name in _HEADER:
        justify = "left" if name == "training" else "right"
        table.add_column(name, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(f" {cell}" for cell in row))
    return table


def _rows(results: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            planner["training"],
            f"{planner['weights']:,}",
            f"{planner['chunks']:,}",
            f"{planner['learning_rate']:g}",
            format_mean(planner["simulation"]),
            ", ".join(str(best["k"]) for best in planner["best"]),
        ]
        for planner in results.get("planners", ())
    ]


def _caption(results: Mapping[str, Any]) -> str:
    first = results["planners"][0]
    own = results["config"]["train"]
    prices = ", ".join(f"{best['price']:g}" for best in first["best"])
    return (
        f"The study's planner has {own['num_chunks']:,} chunks at a learning rate of "
        f"{own['learning_rate']:g}; it and {first['to']} took {format_seconds(first['seconds'])} "
        f"and {first['operations']:.2g} operations together, compilation aside. Learning rates are "
        "chosen of three by the return at k = 0 on validation episodes. Operations: of one "
        f"simulation. Best k: at c = {prices} ({bills.short(results)})."
    )
