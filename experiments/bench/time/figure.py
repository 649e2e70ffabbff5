"""The figure of thinking by the clock, drawn from the result file alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from experiments.analysis.entries import errors
from experiments.bench.report import note_line
from experiments.report.figures import labels, plotting
from experiments.report.figures.labels import Note

Entries = Sequence[Mapping[str, Any]]
_WIDE = 8.0  # times the least from which the axis of seconds is logarithmic
_BELOW = ((1, -1), (0, -1), (1, 0), (0, 1), (-1, 1))


def draw_time(data: Mapping[str, Any]) -> Figure:
    """Draw untimed return against the seconds of an episode.

    The fixed k's are a curve, each with its k; an agent is a point at each price that it has.
    """
    study = data["study"]
    figure = Figure(figsize=(4.8, 3.7), layout="constrained")
    text = f"{data['config']['rounds']} rounds, {study['episodes']:,} episodes; {note_line(data)}"
    plotting.caption(figure, text)
    axes = figure.subplots()
    longest = max(entry["seconds"]["max"] for entry in data["agents"])
    unit, factor = ("µs", 1e6) if longest < 1e-2 else ("ms", 1e3)
    axes.set_xlabel(f"Time of an episode by the clock ({unit})")
    axes.set_ylabel(f"Untimed {study['return_label']}")
    curve = [entry for entry in data["agents"] if entry["k"] is not None]
    groups = _groups([entry for entry in data["agents"] if entry["k"] is None])
    _draw_curve(axes, data, curve, factor)
    for group in groups:
        _draw_agent(axes, data, group, factor)
    _scale(axes, data["agents"], factor)
    if any(len(group) > 1 for group in groups):
        plotting.note(axes, "a point for each price")
    notes = [labels.agent_note(data, g[0]["agent"], _line(g, factor)) for g in groups]
    notes += _name_budgets(data, curve, factor)
    drawn = [_line(curve, factor), *(p for group in groups for p in _pieces(group, factor))]
    labels.write(figure, axes, notes, [piece for piece in drawn if piece])
    return figure


def _groups(entries: Entries) -> list[Entries]:
    """Return the entries of each agent, in the order in which agents first appear."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        groups.setdefault(entry["agent"], []).append(entry)
    return list(groups.values())


def _draw_curve(axes: Axes, data: Mapping[str, Any], curve: Entries, factor: float) -> None:
    if not curve:
        return
    x = [x for x, _ in _line(curve, factor)]
    style = plotting.agent_style(data, "fixed")
    plotting.draw_line(axes, x, curve, "untimed", style)
    axes.errorbar(
        x,
        [entry["untimed"]["mean"] for entry in curve],
        xerr=_spread(curve, factor),
        fmt="none",
        ecolor=style["color"],
        elinewidth=0.7,
    )


def _draw_agent(axes: Axes, data: Mapping[str, Any], group: Entries, factor: float) -> None:
    """Draw an agent with its interval of return, and its least and most of time."""
    x, y = zip(*_line(group, factor), strict=True)
    y_errors = errors(group, "untimed")
    style = plotting.agent_style(data, group[0]["agent"])
    looks = {"markersize": 4.5, "linewidth": 0.9, **style}
    axes.errorbar(
        x, y, xerr=_spread(group, factor), yerr=y_errors, elinewidth=0.7, zorder=4, **looks
    )


def _scale(axes: Axes, entries: Entries, factor: float) -> None:
    least = min(entry["seconds"]["min"] for entry in entries)
    most = max(entry["seconds"]["max"] for entry in entries)
    if least > 0 and most / least >= _WIDE:
        axes.set_xscale("log")
        axes.set_xlim(factor * least / 1.15, factor * most * 1.15)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.margins(x=0.08)


def _name_budgets(data: Mapping[str, Any], curve: Entries, factor: float) -> list[Note]:
    """Return its k beside each point; beside the last, what the numbers are."""
    color = plotting.darker(plotting.agent_style(data, "fixed")["color"])
    size = plotting.LABEL_SIZE - 1
    points = _line(curve, factor)
    return [
        Note(
            [point],
            f"k = {entry['k']}" if place == len(curve) else f"{entry['k']}",
            color,
            size,
            _BELOW,
            "k",
        )
        for place, (point, entry) in enumerate(zip(points, curve, strict=True), start=1)
    ]


def _pieces(group: Entries, factor: float) -> list[list[tuple[float, float]]]:
    """Return what is drawn of an agent as polylines: the line, and what spreads around it."""
    pieces = [_line(group, factor)]
    for entry in group:
        seconds, untimed = entry["seconds"], entry["untimed"]
        x, y = factor * seconds["median"], untimed["mean"]
        pieces.append([(factor * seconds["min"], y), (factor * seconds["max"], y)])
        pieces.append([(x, low_or_high) for low_or_high in untimed["ci95"]])
    return pieces


def _spread(entries: Entries, factor: float) -> np.ndarray:
    """Return how far least and most are below and above the median, ``[2, N]``."""
    times = [entry["seconds"] for entry in entries]
    return factor * np.array(
        [[t["median"] - t["min"] for t in times], [t["max"] - t["median"] for t in times]]
    )


def _line(entries: Entries, factor: float) -> list[tuple[float, float]]:
    return [(factor * entry["seconds"]["median"], entry["untimed"]["mean"]) for entry in entries]
