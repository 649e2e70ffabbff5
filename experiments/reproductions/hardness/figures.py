"""The figures of the reproduction, drawn from ``results.json`` alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.figures import plotting
from experiments.report.figures.drawing import Draw


def draw_distribution(results: Mapping[str, Any]) -> Figure:
    """Draw, for each run, the share of instances that at most k simulations are enough for."""
    figure = Figure(figsize=(4.6, 3.2), layout="constrained")
    axes = figure.subplots()
    ks = sorted({k for one in results["planners"] for k in one["ks"]})
    for rank, one in enumerate(results["planners"]):
        up_to = 100 * np.cumsum([one["shares"][str(k)] for k in one["ks"]])
        axes.plot(one["ks"], up_to, label=one["run"], **plotting.style(rank))
    plotting.scale_x(axes, ks)
    axes.set_ylim(0, 102)
    axes.set_xlabel("Hardness: k from which on search is good enough")
    axes.set_ylabel("Instances at most as hard (%)")
    axes.legend(frameon=False, loc="best", fontsize=plotting.LABEL_SIZE)
    plotting.caption(
        figure,
        f"Good enough: within {results['within']:.0%} of the best known return, at this and every"
        " larger k. What is missing to 100%: the largest k is not good enough.",
    )
    return figure


def draw_where(results: Mapping[str, Any]) -> Figure | None:
    """Draw, for each run, (left) where the planner errs and (right) where the agent thinks."""
    maps = results["maps"]
    if not maps:
        return None
    figure = Figure(figsize=(6.9, 0.6 + 2.4 * len(maps)), layout="constrained")
    panels = figure.subplots(len(maps), 2, squeeze=False)
    for row, one in zip(panels, maps, strict=True):
        for axes, field, label in zip(
            row,
            ("errs", "simulations"),
            ("Planner errs without a search (%)", "Simulations a decision"),
            strict=True,
        ):
            scale = 100.0 if field == "errs" else 1.0
            draw = _draw_grid if len(one["axes"]) == 2 else _draw_line
            draw(figure, axes, one, field, scale, label)
            plotting.note(axes, f"{one['run']}, c = {one['price']:g}")
    return figure


def _draw_grid(
    figure: Figure, axes: Axes, one: Mapping[str, Any], field: str, scale: float, label: str
) -> None:
    x, y = one["edges"]
    values = np.full((len(y) - 1, len(x) - 1), np.nan)
    for cell in one["cells"]:
        values[cell["cell"][1], cell["cell"][0]] = scale * cell[field]
    mesh = axes.pcolormesh(x, y, np.ma.masked_invalid(values), cmap="viridis", vmin=0.0)
    figure.colorbar(mesh, ax=axes, label=label)
    axes.set_xlabel(one["axes"][0])
    axes.set_ylabel(one["axes"][1])


def _draw_line(
    figure: Figure, axes: Axes, one: Mapping[str, Any], field: str, scale: float, label: str
) -> None:
    del figure
    edges = one["edges"][0]
    at = [(edges[c["cell"][0]] + edges[c["cell"][0] + 1]) / 2 for c in one["cells"]]
    axes.plot(at, [scale * cell[field] for cell in one["cells"]], **plotting.style(0))
    axes.set_ylim(bottom=0)
    axes.set_xlabel(one["axes"][0])
    axes.set_ylabel(label)


FIGURES: Mapping[str, Draw] = {"hardness": draw_distribution, "where": draw_where}
