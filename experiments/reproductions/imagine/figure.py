"""The figure of the reproduction: what is earned over the price, and what is possible."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from experiments.report.figures import plotting


def draw_values(results: Mapping[str, Any]) -> Figure:
    """Draw the optimum and the best search over prices, and Dynamic Thinker as points."""
    figure = Figure(figsize=(4.2, 2.9), layout="constrained")
    axes = figure.subplots()
    curve = results["curve"]
    prices = [point["price"] for point in curve]
    lines = (("optimum", "optimum"), ("search", "search, the best k at each price"))
    for rank, (name, label) in enumerate(lines):
        given = {**plotting.style(rank), "marker": "", "label": label}
        axes.plot(prices, [point[name] for point in curve], **given)
    for place, at in enumerate(results["prices"]):
        one = next(one for one in at["agents"] if one["agent"] == "dynamic")
        low, high = one["timed"]["ci95"]
        mean = one["timed"]["mean"]
        axes.errorbar(
            [at["price"]],
            [mean],
            yerr=[[mean - low], [high - mean]],
            color=plotting.style(2)["color"],
            marker="*",
            markersize=8,
            linestyle="none",
            label=None if place else "Dynamic Thinker, trained at this price",
        )
    axes.set_xlabel("Price of an imaginary step that calls the model")
    axes.set_ylabel("Timed return")
    axes.set_ylim(bottom=0.0)
    axes.legend(frameon=False, loc="best", fontsize=plotting.LABEL_SIZE)
    plotting.caption(
        figure, "Bars: 95% intervals over seeds and episodes. Charged: model calls alone."
    )
    return figure
