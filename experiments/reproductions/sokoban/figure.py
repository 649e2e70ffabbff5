"""The figure of the reproduction: the share of levels that is solved over k."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from experiments.report.figures import plotting
from experiments.reproductions.sokoban.table import NAMES


def draw_solved(results: Mapping[str, Any]) -> Figure:
    """Draw the share that is solved over the number of simulations, a line a training."""
    figure = Figure(figsize=(4.2, 2.9), layout="constrained")
    axes = figure.subplots()
    for rank, name in enumerate(results["trainings"]):
        rows = [row for row in results["rows"] if row["training"] == name]
        style = {**plotting.style(rank), "label": NAMES[name]}
        percent = [{"solved": _times(row["solved"], 100.0)} for row in rows]
        plotting.draw_line(axes, [row["k"] for row in rows], percent, "solved", style)
    plotting.scale_x(axes, sorted({row["k"] for row in results["rows"]}))
    axes.set_xlabel("Simulations a decision, k")
    axes.set_ylabel("Levels that are solved (%)")
    axes.set_ylim(bottom=0.0)
    axes.legend(frameon=False, loc="best", title="Trained on", fontsize=plotting.LABEL_SIZE)
    plotting.caption(figure, f"{results['levels']:,} levels, each once. Bands: 95% intervals.")
    return figure


def _times(share: Mapping[str, Any], factor: float) -> dict[str, Any]:
    return {"mean": factor * share["mean"], "ci95": [factor * end for end in share["ci95"]]}
