"""The table of agents that decide how long to think: what they gain at each price, and take."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import rich.box
import rich.table

from experiments.analysis import entries
from experiments.analysis.entries import Entry
from experiments.analysis.timings import evaluation_of
from experiments.report import bills, replacements
from experiments.report.formatting import (
    DASH,
    format_estimate,
    format_gain,
    format_gain_in_full,
    format_markdown,
    format_mean,
    format_seconds,
    format_share,
)

Seconds = Mapping[str, float] | None


class Group(NamedTuple):
    """Who is compared at a price: the best fixed k first, the oracle last."""

    price: float
    agents: list[Entry]


def groups(results: Mapping[str, Any]) -> list[Group]:
    """Return whom the table compares, for each price at which somebody controls itself."""
    found = []
    for price in entries.prices(results):
        controlled = entries.find_all(results, entries.compared(results), price)
        oracle = entries.find_all(results, ("oracle",), price)
        if controlled or oracle:
            best = entries.best_fixed(results, price)
            alike = (*entries.names(results, "one-step"), "random")
            others = entries.find_all(results, alike, price)
            found.append(Group(price, [*([best] if best else []), *controlled, *others, *oracle]))
    return found


def terminal_table(results: Mapping[str, Any], seconds: Seconds = None) -> rich.table.Table | None:
    """Return the table for :mod:`rich`, at most 80 columns wide; None if nobody is in it."""
    compared = groups(results)
    if not compared:
        return None
    table = rich.table.Table(
        title="Agents that decide how long to think",
        caption=_caption(results, seconds),
        title_justify="left",
        caption_justify="left",
        box=rich.box.SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    table.add_column("", overflow="fold")
    for name in ("timed", "gain", "gap closed", "sims", "looks", *(["time"] if seconds else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for group in compared:
        table.add_row(f"[bold]c = {group.price:g}[/]")
        for entry in group.agents:
            cells = [
                format_estimate(entry["timed"], 1),
                format_gain(entry.get("difference"), 1),
                format_share(entry.get("gap_closed")),
                format_mean(entry["simulations"]["mean"]),
                _looks(entry),
            ]
            if seconds:
                cells.append(format_seconds(seconds.get(evaluation_of(entry))))
            table.add_row(f" {_name(entry)}", *cells)
        table.add_section()
    return table


def markdown_table(results: Mapping[str, Any], seconds: Seconds = None) -> str:
    """Return the table as Markdown, with its caption below; an empty text if nobody is in it."""
    compared = groups(results)
    if not compared:
        return ""
    header = ["c", "agent", "timed", "gain", "gap closed", "simulations", "of a fixed k", "looks"]
    header += ["time"] if seconds else []
    rows = []
    for group in compared:
        for entry in group.agents:
            cells = [
                f"{group.price:g}",
                _name(entry),
                format_estimate(entry["timed"]),
                format_gain_in_full(entry.get("difference")),
                format_share(entry.get("gap_closed")),
                format_estimate(entry["simulations"]),
                _of_fixed(entry),
                _looks(entry),
            ]
            if seconds:
                cells.append(format_seconds(seconds.get(evaluation_of(entry))))
            rows.append(cells)
    needs = "Of a fixed k: the simulations an episode with which one earns as much untimed."
    caption = f"{_caption(results, seconds)} {needs}"
    gains = format_markdown(header, rows, caption, left=["agent"])
    paired = _markdown_pairs(results)
    return f"{gains}\n{paired}" if paired else gains


def _markdown_pairs(results: Mapping[str, Any]) -> str:
    """Return what learned agents earn more than others, two by two; an empty text if none is."""
    learned = entries.names(results, "learned")
    found = {
        (pair["price"], pair["agent"], pair["other"]): pair["difference"]
        for pair in results.get("pairs", ())
        if pair["agent"] in learned
    }
    if not found:
        return ""
    others = [name for name in entries.compared(results) if any(name == key[2] for key in found)]
    rows = []
    for price, agent in dict.fromkeys((price, agent) for price, agent, _ in found):
        differences = (found.get((price, agent, other)) for other in others)
        cells = ("" if d is None else format_gain_in_full(d) for d in differences)
        rows.append([f"{price:g}", agent, *cells])
    header = ["c", "agent", *(f"less {name}" for name in others)]
    caption = f"Difference of timed returns ({bills.short(results)}), paired by training seed and"
    caption += " episode."
    return format_markdown(header, rows, caption, left=["agent"])


def _name(entry: Entry) -> str:
    """Return what to call an agent, marked where a fixed k stands in for it."""
    return entries.name(entry) + (replacements.MARK if replacements.is_replaced(entry) else "")


def _of_fixed(entry: Entry) -> str:
    """Return the simulations with which a fixed k earns as much untimed; a dash if none does."""
    needed = entry.get("fixed_simulations")
    return DASH if needed is None else format_mean(needed)


def _looks(entry: Entry) -> str:
    if "looks" in entry:
        return format_mean(entry["looks"]["mean"])
    looks = entry.get("meta_evaluations")  # as older results call them
    return DASH if looks is None else format_mean(looks)


def _caption(results: Mapping[str, Any], seconds: Seconds) -> str:
    fewer = entries.episodes_of_oracle(results)
    where = f" on its own first {fewer:,} episodes" if fewer else ""
    parts = [
        f"Timed: {bills.short(results)}.",
        "Gain: timed return less that of the best fixed k, paired by episode.",
        f"Gap closed: its share of what the oracle, the exact ceiling, gains{where}.",
        "Looks: answers an episode, each computed, to how long to think.",
        "Time: of an episode by the clock, while others run beside it." if seconds else "",
        *replacements.footnotes(results),
    ]
    return " ".join(part for part in parts if part)
