"""The figure of thinking: at which decisions, and over how many choices, agents think most."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.analysis import entries
from experiments.report.figures import plotting
from experiments.report.figures.plotting import INK, Label

LEAST = 20
"""Decisions that a group must have to be shown."""
_MARKS = 16  # on a line, about, at most
_PANELS = {"decision": "Decision of the episode", "legal_actions": "Legal actions"}
_FIRST = {"decision": 1, "legal_actions": 0}  # decisions are counted from 1 where people read


class Curve(NamedTuple):
    """An agent's mean simulations a decision, by group."""

    agent: str
    at: np.ndarray
    mean: np.ndarray
    error: np.ndarray


def draw_thinking(results: Mapping[str, Any]) -> Figure | None:
    """Draw mean simulations (a) by decision and (b) by the number of legal actions.

    Shown are gate and stopper at the least price that one was trained for, else those trained
    for all prices, else the tuned rule that earns most; beside them the oracle at that price, and
    the best fixed k. Bands are two standard errors either way, cut at zero. A panel that would
    hold a single group is left out, and the other then has no letter; with no panel there is no
    figure.
    """
    chosen = _choose(results)
    if chosen is None:
        return None
    price, agents = chosen
    panels = {by: _curves(results, by, price, agents) for by in _PANELS}
    panels = {by: curves for by, curves in panels.items() if _is_telling(curves, agents)}
    if not panels:
        return None
    figure = Figure(figsize=(6.9 if len(panels) > 1 else 3.6, 2.8), layout="constrained")
    row = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, by, letter in zip(row, panels, "ab", strict=False):
        if len(panels) > 1:
            axes.set_title(letter, loc="left", fontweight="bold")
        axes.set_ylabel("Simulations a decision")
        axes.set_xlabel(_PANELS[by])
        plotting.note(axes, f"c = {price:g}")
        _draw_panel(figure, axes, results, price, panels[by])
    return figure


def _choose(results: Mapping[str, Any]) -> tuple[float, list[str]] | None:
    """Return a price and who is shown at it; None where nobody controls itself."""
    learned = entries.least_learned(results)
    if learned:
        return learned
    tuned = [
        entry
        for name in entries.names(results, "rule")
        for entry in entries.by_price(results, name)
    ]
    if not tuned:
        return None
    price = min(entry["price"] for entry in tuned)
    there = [entry["agent"] for entry in tuned if entry["price"] == price]
    return price, there[:1]  # the first: held-out returns are to choose nothing


def _curves(
    results: Mapping[str, Any], by: str, price: float, agents: Sequence[str]
) -> list[Curve]:
    """Return the curves of agents and oracle, without groups of few decisions."""
    shown = (*agents, *entries.names(results, "ceiling"))
    curves = []
    for group in results.get("thinking", ()):
        if group["by"] == by and group["price"] == price and group["agent"] in shown:
            enough = np.asarray(group["decisions"]) >= LEAST
            at, mean, error = (np.asarray(group[name])[enough] for name in ("at", "mean", "error"))
            curves.append(Curve(group["agent"], at + _FIRST[by], mean, error))
    return [curve for curve in curves if len(curve.at)]


def _is_telling(curves: Sequence[Curve], agents: Sequence[str]) -> bool:
    return any(len(curve.at) > 1 for curve in curves if curve.agent in agents)


def _draw_panel(
    figure: Figure,
    axes: Axes,
    results: Mapping[str, Any],
    price: float,
    curves: Sequence[Curve],
) -> None:
    labels = []
    for curve in curves:
        style = plotting.agent_style(results, curve.agent)
        style = {"markersize": 3.5, **style, "linestyle": _dashes(style)}
        # Nobody thinks less than not at all, whatever the error.
        band = (np.maximum(curve.mean - 2 * curve.error, 0.0), curve.mean + 2 * curve.error)
        axes.fill_between(curve.at, *band, color=style["color"], alpha=0.2, lw=0)
        every = 1 + len(curve.at) // _MARKS
        axes.plot(curve.at, curve.mean, zorder=3, markevery=every, **style)
        text = f"{plotting.glyph(style)} {curve.agent}"
        labels.append(Label(0, curve.mean[-1], text, plotting.darker(style["color"])))
    best = entries.best_fixed(results, price)
    if best:
        axes.axhline(best["k"], color=INK, lw=0.8, ls=(0, (4, 3)), zorder=1)
        labels.append(Label(0, best["k"], f"best fixed\nk = {best['k']}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, steps=(1, 2, 5, 10)))
    edge = axes.get_xlim()[1]
    plotting.label_beside(figure, axes, [label._replace(x=edge) for label in labels], offset=3.0)


def _dashes(style: Mapping[str, Any]) -> Any:
    """Return how to join the points: they are one curve, even of an agent shown as points."""
    return "-" if style["linestyle"] == "none" else style["linestyle"]
