"""The table that splits the stopper's gain, and those that stand beside it."""

from collections.abc import Mapping
from typing import Any

import rich.box
import rich.table

from experiments.analysis import chains, entries
from experiments.report import bills
from experiments.report.formatting import (
    DASH,
    format_estimate,
    format_gain,
    format_gain_in_full,
    format_markdown,
    format_mean,
)

_ADDS = {
    "fixed": "",
    "schedule": "tuned amounts, no look",
    "yoked": "the stopper's amounts",
    "stopper-deaf": "knows the state",
    "stopper": "sees the search",
}


def markdown_tables(results: Mapping[str, Any]) -> list[str]:
    """Return the chain, and who stands beside it, as Markdown; none where there is no chain."""
    found = [
        format_markdown(
            ["c", "agent", "adds", "timed", "step"],
            _steps(results, 2, format_gain_in_full),
            _caption(results),
            left=["agent", "adds"],
        )
        if any(chain["steps"] for chain in _chains(results))
        else "",
        format_markdown(
            ["c", "agent", "timed", "less k = 0", "less best fixed k", "stopper less it"],
            _beside(results, 2, format_gain_in_full),
            _caption_beside(results),
            left=["agent"],
        )
        if any(chain["beside"] for chain in _chains(results))
        else "",
    ]
    return [table for table in found if table]


def terminal_tables(results: Mapping[str, Any]) -> list[rich.table.Table]:
    """Return the same for :mod:`rich`, at most 80 columns wide."""
    found = []
    if any(chain["steps"] for chain in _chains(results)):
        rows = _steps(results, 1, lambda estimate: format_gain(estimate, 1))
        header = ("c", "", "adds", "timed", "step")
        title = "Where the stopper's gain comes from"
        found.append(_for_terminal(title, header, rows, _caption(results)))
    if any(chain["beside"] for chain in _chains(results)):
        rows = _beside(results, 1, lambda estimate: format_gain(estimate, 1))
        header = ("c", "", "timed", "less k = 0", "less fixed", "stopper less it")
        title = "Other policies and planners"
        found.append(_for_terminal(title, header, rows, _caption_beside(results)))
    return found


def _for_terminal(title, header, rows, caption) -> rich.table.Table:
    table = rich.table.Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=rich.box.SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    for name in header:
        table.add_column(name, justify="left" if name in ("", "adds") else "right", overflow="fold")
    for row in rows:
        table.add_row(*(f" {cell}" for cell in row))
    return table


def _chains(results: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return results.get("chains", [])


def _steps(results: Mapping[str, Any], digits: int, gain) -> list[list[str]]:
    rows = []
    for chain in _chains(results):
        if not chain["steps"]:
            continue
        price, best = chain["price"], entries.best_fixed(results, chain["price"])
        if best is not None:
            timed = format_estimate(best["timed"], digits)
            rows.append([f"{price:g}", entries.name(best), "", timed, ""])
        for step in chain["steps"]:
            name = step["agent"]
            timed = _timed(results, name, price, digits)
            adds = _ADDS[name]
            if name == chains.LAST and step["after"] != "stopper-deaf":
                adds = f"{_ADDS['stopper-deaf']}, {adds}"
            rows.append([f"{price:g}", name, adds, timed, gain(step["difference"])])
        rows.append([f"{price:g}", "in all", "", "", gain(chain["total"])])
    return rows


def _beside(results: Mapping[str, Any], digits: int, gain) -> list[list[str]]:
    return [
        [
            f"{chain['price']:g}",
            one["agent"],
            _timed(results, one["agent"], chain["price"], digits),
            *(gain(one[name]) for name in ("to_reactive", "to_best_fixed", "stopper")),
        ]
        for chain in _chains(results)
        for one in chain["beside"]
    ]


def _timed(results: Mapping[str, Any], name: str, price: float, digits: int) -> str:
    entry = entries.find(results, name, price)
    return DASH if entry is None else format_estimate(entry["timed"], digits)


def _caption(results: Mapping[str, Any]) -> str:
    notes = [_note(chain) for chain in _chains(results) if chain["yoked"]]
    return " ".join(
        [
            f"Step: timed return ({bills.short(results)}) less that of the row above, paired by"
            " training seed and episode; the steps add up to the last row.",
            *notes,
        ]
    )


def _note(chain: Mapping[str, Any]) -> str:
    """Return how the yoked agent's amounts stand to those that it should have."""
    compared = chain["yoked"]
    own, thought = map(format_mean, compared["simulations"])
    text = f"c = {chain['price']:g}: yoked runs {own} simulations an episode, the stopper {thought}"
    apart = compared["apart"]
    if apart is not None and apart <= chains.TOLERATED:
        return f"{text}."
    return (
        f"{text}, more than {chains.TOLERATED:.0%} apart; so {-compared['bill']:+.2g} of the step"
        " to yoked is the difference of their bills."
    )


def _caption_beside(results: Mapping[str, Any]) -> str:
    return (
        "direct and ranks choose actions by a network of their own. direct never searches. ranks"
        " takes the prior's actions by rank, and is charged for simulations that tell it nothing."
        " longer and larger are planners of their own, at their best k or at k = 0. They pay for"
        f" their own operations. Timed: {bills.short(results)}."
    )
