"""The figure of one budget in two places, drawn from ``results.json`` alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.figures import labels, plotting
from experiments.report.figures.labels import Note
from experiments.report.figures.plotting import Label


def draw_split(results: Mapping[str, Any]) -> Figure | None:
    """Draw (a) operations of the cheapest way to a return, and (b) the part of them that is search.

    Both over the number of decisions of a deployment, a line for each return that is asked for. In
    (a) the choice is written where it changes. Returns None where no return was reached.
    """
    splits = results["splits"]
    if not splits:
        return None
    figure = Figure(figsize=(6.9, 3.3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, letter in ((left, "a"), (right, "b")):
        axes.set_title(letter, loc="left", fontweight="bold")
        axes.set_xlabel("Decisions of the deployment")
        axes.set_xscale("log")
    left.set_yscale("log")
    left.set_ylabel("Operations of training and use together")
    right.set_ylabel("Part of them that is search (%)")
    right.set_ylim(-2, 102)
    plotting.caption(
        figure,
        "Named where the choice changes: width / chunks of training, k. Operations are those of"
        " model and networks; one training seed's are counted.",
    )
    notes, lines, ends = [], [], []
    for rank, split in enumerate(splits):
        style = {**plotting.style(rank), "marker": ""}
        points = split["points"]
        x = [point["decisions"] for point in points]
        totals = [point["total"] for point in points]
        left.plot(x, totals, **style)
        lines.append(list(zip(x, totals, strict=True)))
        notes += _changes(left, points, plotting.darker(style["color"]), style["color"])
        shares = [100 * point["search"] / point["total"] for point in points]
        right.plot(x, shares, **style)
        text = f"return {split['return']:.3g}"
        ends.append(Label(x[-1], shares[-1], text, plotting.darker(style["color"]), led=True))
    labels.write(figure, left, notes, lines)
    plotting.label_beside(figure, right, ends, offset=3.0)
    return figure


def _changes(axes: Axes, points: Sequence[Mapping[str, Any]], ink: str, color: str) -> list[Note]:
    """Mark where the choice changes, and return what is written there."""
    notes, before = [], None
    for point in points:
        choice = f"{point['width']} / {point['chunks']}, k = {point['k']}"
        if choice != before:
            place = (point["decisions"], point["total"])
            axes.plot(*place, marker="o", markersize=3.0, color=color, zorder=4)
            notes.append(Note([place], choice, ink, plotting.LABEL_SIZE - 1, family="choice"))
        before = choice
    return notes
