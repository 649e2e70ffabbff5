"""Under which bill timed returns are told, in words."""

from collections.abc import Mapping
from typing import Any

from experiments.report.formatting import format_mean, format_seconds

_COUNTS = ("decision", "simulation", "level", "look")


def short(results: Mapping[str, Any]) -> str:
    """Return what results charge, in a word or two; older results charge simulations only."""
    bill = results.get("bill", {})
    if bill.get("kind", "simulations") != "simulations":
        return bill["kind"]
    return "simulations and levels" if bill.get("price_level") else "simulations only"


def caption(results: Mapping[str, Any]) -> str:
    """Return a sentence or two that say what results charge, and what a price is stated for."""
    bill = results.get("bill", {})
    return " ".join(
        [
            f"Bill: {short(results)}{_stated_for(bill)}.",
            *(_takes(bill) if bill.get("kind") == "seconds" else ()),
            *(_levels(bill) if bill.get("price_level") else ()),
        ]
    )


def _stated_for(bill: Mapping[str, Any]) -> str:
    kind = bill.get("kind", "simulations")
    if kind == "simulations":
        return ""
    if bill["price_per"] != "simulation":
        one = {"flop": "operation", "second": "second"}[bill["price_per"]]
        return f"; c is the price of one {one}"
    amount = f"{format_mean(bill['operations']['reference'])} operations"
    if kind == "seconds":
        reference = bill["seconds"]["reference"]
        whole = reference["simulation"] + reference["levels"] * reference["level"]
        amount = format_seconds(whole)
    return f"; c is the price of one simulation of the reference planner, {amount}"


def _takes(bill: Mapping[str, Any]) -> list[str]:
    own = bill["seconds"]["planner"]
    *others, last = (f"a {name} {format_seconds(own[name])}" for name in _COUNTS)
    return [f"By the clock {', '.join(others)} and {last} (error {own['error']:.0%})."]


def _levels(bill: Mapping[str, Any]) -> list[str]:
    return [f"A level costs {bill['price_level']:g} of a simulation more."]
