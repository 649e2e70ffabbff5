"""Tables of a study, made from its results: for the terminal, and as Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import rich.box
import rich.table

from experiments.analysis.entries import Entry, prices
from experiments.analysis.timings import seconds_an_episode
from experiments.report import (
    bills,
    chain_tables,
    claim_tables,
    control_tables,
    planner_tables,
    replacements,
)
from experiments.report.formatting import RULES, format_estimate, format_markdown


class Cell(NamedTuple):
    """A text, whether it is the best fixed k at a price, and whether a fixed k stands in for it."""

    text: str
    best: bool = False
    replaced: bool = False

    @property
    def mark(self) -> str:
        """What follows the text where a fixed k stands in for the agent."""
        return replacements.MARK if self.replaced else ""


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
    agent, *others = _header(results)
    table.add_column(agent, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    earning = len(prices(results))  # columns, one a price; the others tell who plays and how
    # One digit of the interval instead of two keeps the table within 80 columns.
    for row in _rows(results, digits=1):
        played, earned = row[:-earning], row[-earning:]
        marked = (
            f"[bold]{cell.text}*[/]" if cell.best else f"{cell.text}{cell.mark or ' '}"
            for cell in earned
        )
        table.add_row(*(cell.text for cell in played), *marked)
    return table


def terminal_tables(
    results: Mapping[str, Any], seconds: Mapping[str, float] | None = None
) -> list[rich.table.Table]:
    """Return all tables: the main one, and those of agents that decide how long to think.

    Args:
        results: of a study.
        seconds: of an episode of each evaluation, see :mod:`experiments.analysis.timings`.
    """
    control = control_tables.terminal_table(results, seconds)
    more = [] if control is None else [control]
    planners = planner_tables.terminal_table(results)
    chains = chain_tables.terminal_tables(results)
    return [terminal_table(results), *more, *chains, *([] if planners is None else [planners])]


def terminal_tables_of(
    results: Mapping[str, Any], directory: Path | None
) -> list[rich.table.Table]:
    """Return all tables; where the run's directory is known, with its seconds by the clock."""
    seconds = directory and seconds_an_episode(directory / "timings.jsonl", results["acting"])
    return terminal_tables(results, seconds or None)


def markdown_table(results: Mapping[str, Any], seconds: Mapping[str, float] | None = None) -> str:
    """Return the results as Markdown tables, each with its caption below, and warnings at the end.

    Args:
        results: of a study.
        seconds: of an episode of each evaluation, see :mod:`experiments.analysis.timings`.
    """
    rows = (
        [f"**{cell.text}**" if cell.best else f"{cell.text}{cell.mark}" for cell in row]
        for row in _rows(results, digits=2)
    )
    main = format_markdown(_header(results), rows, _caption(results), left=["agent"])
    control = control_tables.markdown_table(results, seconds)
    warnings = "".join(f"- {line}\n" for line in results.get("warnings", ()))
    told = f"Warnings:\n\n{warnings}" if warnings else ""
    chains, planners = chain_tables.markdown_tables(results), planner_tables.markdown_table(results)
    claims = claim_tables.markdown_table(results)
    parts = (main, control, claims, *chains, planners, told)
    return "\n".join(part for part in parts if part)


def _title(results: Mapping[str, Any]) -> str:
    first = results["agents"][0]
    seeds = "" if first["seeds"] == 1 else f" x {first['seeds']} training seeds"
    model = " (learned model)" if is_learned(results) else ""
    return f"{results['config']['env']}{model}: {first['episodes']:,} held-out episodes{seeds}"


def is_learned(results: Mapping[str, Any]) -> bool:
    """Return whether planners searched in a learned model; older results know none."""
    return results["config"].get("model") == "learned"


def _caption(results: Mapping[str, Any]) -> str:
    rule = RULES[results["acting"]]
    marked = " Marked: best k on validation episodes." if results.get("best_fixed") else ""
    learned = " Search in a learned model." if is_learned(results) else ""
    caption = f"{bills.caption(results)}{learned} Acting by {rule}."
    caption += f" ± half of the 95% interval.{marked}"
    return " ".join([caption, *replacements.footnotes(results)])


def _header(results: Mapping[str, Any]) -> list[str]:
    limit = ["depth"] if _has_depths(results) else []
    played = ["agent", "k", *limit, "simulations", "untimed"]
    return [*played, *(f"c = {price:g}" for price in prices(results))]


def _has_depths(results: Mapping[str, Any]) -> bool:
    """Return whether fixed agents were run with limits of depth."""
    return any(entry.get("depth") is not None for entry in results["agents"])


def _rows(results: Mapping[str, Any], digits: int) -> list[list[Cell]]:
    best = {(choice["price"], choice["k"]) for choice in results.get("best_fixed", ())}
    rows = []
    for entries in _by_play(results["agents"]):
        first = entries[0]
        timed = {
            entry["price"]: Cell(
                format_estimate(entry["timed"], digits),
                entry["agent"] == "fixed"
                and entry.get("depth") is None
                and (entry["price"], entry["k"]) in best,
                replacements.is_replaced(entry),
            )
            for entry in entries
        }
        rows.append(
            [
                Cell(first["agent"]),
                Cell("" if first["k"] is None else str(first["k"])),
                *([Cell(_depth(first))] if _has_depths(results) else []),
                Cell(format_estimate(first["simulations"], digits)),
                Cell(format_estimate(first["untimed"], digits)),
                *(timed.get(price, Cell("")) for price in prices(results)),
            ]
        )
    return rows


def _depth(entry: Entry) -> str:
    """Return a fixed agent's limit of depth; nothing where it has none."""
    depth = entry.get("depth")
    return "" if depth is None else str(depth)


def _by_play(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Group entries of one agent and k that played alike, and so differ in price only."""
    groups: list[list[Entry]] = []
    for entry in entries:
        same = (group for group in groups if _plays_alike(group[0], entry))
        group = next(same, None)
        if group is None:
            groups.append([entry])
        else:
            group.append(entry)
    return groups


def _plays_alike(first: Entry, second: Entry) -> bool:
    fields = ("agent", "k", "depth", "simulations", "untimed")
    return all(first.get(field) == second.get(field) for field in fields)
