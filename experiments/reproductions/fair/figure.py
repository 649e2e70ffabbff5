"""The figure of the split, drawn from ``results.json`` alone."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from experiments.report.figures import plotting
from experiments.reproductions.fair.tables import NAMES, STEPS
from experiments.roster import INK


def draw_split(results: Mapping[str, Any]) -> Figure:
    """Draw the steps from the best fixed k to the oracle, one above the other, at each price."""
    prices = results["prices"]
    figure = Figure(figsize=(6.9, 1.2 + 1.3 * len(prices)), layout="constrained")
    panels = figure.subplots(len(prices), 1, squeeze=False)[:, 0]
    for axes, one in zip(panels, prices, strict=True):
        place, names = 0.0, []
        for rank, step in enumerate(one["split"]):
            mean = step["difference"]["mean"]
            low, high = step["difference"]["ci95"]
            color = plotting.style(rank)["color"]
            axes.barh(rank, mean, left=place, color=color, alpha=0.85, height=0.6)
            axes.errorbar(
                place + mean,
                rank,
                xerr=[[mean - low], [high - mean]],
                color=INK,
                linewidth=0.8,
                capsize=2.0,
            )
            place += mean
            names.append(f"{NAMES[step['to']]}\n({STEPS[step['to']]})")
        axes.axvline(0.0, color=INK, linewidth=0.6)
        axes.set_yticks(range(len(names)), labels=names)
        axes.invert_yaxis()
        plotting.note(axes, f"c = {one['price']:g}")
    panels[-1].set_xlabel("Timed return above the best fixed k")
    plotting.caption(
        figure,
        "Each bar begins where the one above it ends. Bars of the steps: 95% intervals, paired."
        " A fair rule sees only what has been searched so far.",
    )
    return figure
