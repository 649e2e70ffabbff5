"""Tables of a study, made from its results: for the terminal, and as Markdown."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import rich.box
import rich.table

_RULES = {"visits": "most visits", "completed_q": "completed Q"}


class Cell(NamedTuple):
    """A text, and whether it is the best fixed k at a price."""

    text: str
    best: bool = False


def terminal_table(results: Mapping[str, Any]) -> rich.table.Table:
    """Return the results as a table for :mod:`rich`."""
    table = rich.table.Table(
        title=_title(results),
        caption=_caption(results),
        title_justify="left",
        caption_justify="left",
        box=rich.box.SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    for rank, name in enumerate(_header(results)):
        table.add_column(name, justify="left" if rank == 0 else "right", no_wrap=True)
    # One digit of the interval instead of two keeps the table within 80 columns.
    for row in _rows(results, digits=1):
        table.add_row(*(f"[bold]{cell.text}*[/]" if cell.best else f"{cell.text} " for cell in row))
    return table


def markdown_table(results: Mapping[str, Any]) -> str:
    """Return the results as a Markdown table, with its caption below."""
    header = _header(results)
    lines = [
        "| " + " | ".join(header) + " |",
        "|" + "|".join([" --- "] + [" ---: "] * (len(header) - 1)) + "|",
    ]
    for row in _rows(results, digits=2):
        cells = (f"**{cell.text}**" if cell.best else cell.text for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _caption(results)]) + "\n"


def format_estimate(estimate: Mapping[str, Any], digits: int = 2) -> str:
    """Return mean ± half the width of its 95% interval, to so many digits of the latter."""
    mean, (low, high) = estimate["mean"], estimate["ci95"]
    half_width = (high - low) / 2
    if half_width <= 0:
        return f"{mean:.4g}"
    places = min(6, max(0, digits - 1 - math.floor(math.log10(half_width))))
    return f"{mean:.{places}f} ±{half_width:.{places}f}".replace("±0.", "±.")


def _title(results: Mapping[str, Any]) -> str:
    first = results["agents"][0]
    seeds = "" if first["seeds"] == 1 else f" x {first['seeds']} training seeds"
    return f"{results['config']['env']}: {first['episodes']:,} held-out episodes{seeds}"


def _caption(results: Mapping[str, Any]) -> str:
    rule = _RULES[results["acting"]]
    return f"Acting by {rule}. ± half of the 95% interval. Marked: best k on validation episodes."


def _header(results: Mapping[str, Any]) -> list[str]:
    return ["agent", "k", "simulations", "untimed", *(f"c = {p:g}" for p in _prices(results))]


def _rows(results: Mapping[str, Any], digits: int) -> list[list[Cell]]:
    best = {(choice["price"], choice["k"]) for choice in results.get("best_fixed", ())}
    rows = []
    for entries in _by_agent(results["agents"]):
        first = entries[0]
        row = [
            Cell(first["agent"]),
            Cell("" if first["k"] is None else str(first["k"])),
            Cell(format_estimate(first["simulations"], digits)),
            Cell(format_estimate(first["untimed"], digits)),
        ]
        for entry in entries:
            is_best = entry["agent"] == "fixed" and (entry["price"], entry["k"]) in best
            row.append(Cell(format_estimate(entry["timed"], digits), is_best))
        rows.append(row)
    return rows


def _by_agent(entries: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Group entries of one agent and k, which differ in price only."""
    groups: dict[tuple[str, int | None], list[Mapping[str, Any]]] = {}
    for entry in entries:
        groups.setdefault((entry["agent"], entry["k"]), []).append(entry)
    return list(groups.values())


def _prices(results: Mapping[str, Any]) -> list[float]:
    return sorted({entry["price"] for entry in results["agents"]})
