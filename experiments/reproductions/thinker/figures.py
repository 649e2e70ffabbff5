"""The figure of the reproduction: returns over the number of imaginary steps of a decision."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.figures import plotting
from experiments.reproductions.thinker.tables import NAMES

_LINES = ("search", "bare", "thinker")
_BILLS = {"simulations": "simulations charged", "operations": "whole bill"}


def draw_returns(results: Mapping[str, Any]) -> Figure:
    """Draw untimed returns over k, and timed ones at each price under both bills.

    Dynamic Thinker is a point at its own mean number of imaginary steps.
    """
    prices = results["prices"]
    figure = Figure(figsize=(2.6 * (1 + len(prices)), 4.8), layout="constrained")
    panels = figure.subplots(2, 1 + len(prices), sharey="row")
    for row, (bill, told) in enumerate(_BILLS.items()):
        _panel(panels[row, 0], results, lambda entry: entry["untimed"], None)
        plotting.note(panels[row, 0], "untimed")
        panels[row, 0].set_ylabel(f"{results['return_label']}")
        for axes, price in zip(panels[row, 1:], prices, strict=True):
            _panel(axes, results, lambda entry, at=(price, bill): _timed(entry, *at), price)
            plotting.note(axes, f"c = {price:g}, {told}")
    for axes in panels[-1]:
        axes.set_xlabel("Imaginary steps a decision")
    panels[0, 0].legend(frameon=False, loc="best")
    plotting.caption(
        figure,
        "Bands and bars: 95% intervals over seeds and episodes. k is a number of simulations of"
        " the search, and of imaginary steps of Thinker, of which revisits call no model.",
    )
    return figure


def _timed(entry: Mapping[str, Any], price: float, bill: str) -> Mapping[str, Any] | None:
    return next((o for o in entry["timed"] if (o["price"], o["bill"]) == (price, bill)), None)


def _panel(axes: Axes, results: Mapping[str, Any], value: Any, price: float | None) -> None:
    """Draw the lines of fixed k's, and a point for each Dynamic Thinker of this price."""
    for rank, kind in enumerate(_LINES):
        curve = [entry for entry in results["arms"] if entry["kind"] == kind]
        if curve:
            drawn = [{"value": value(entry)} for entry in curve]
            style = plotting.style(rank)
            x = [entry["k"] for entry in curve]
            plotting.draw_line(axes, x, drawn, "value", {**style, "label": NAMES[kind]})
    for entry in _dynamic(results["arms"], price):
        found = value(entry)
        low, high = found["ci95"]
        mean = found["mean"]
        style = plotting.style(len(_LINES))
        axes.errorbar(
            [entry["levels"]],
            [mean],
            yerr=[[mean - low], [high - mean]],
            color=style["color"],
            marker="*",
            markersize=8,
            linestyle="none",
            label=NAMES["dynamic"] if entry is _dynamic(results["arms"], price)[0] else None,
        )


def _dynamic(arms: Sequence[Mapping[str, Any]], price: float | None) -> list[Mapping[str, Any]]:
    own = [entry for entry in arms if entry["kind"] == "dynamic"]
    return [entry for entry in own if price is None or entry["price"] == price]
