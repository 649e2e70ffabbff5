"""The figure of the study: returns over k, for models of growing quality."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.figures import plotting


def draw_returns(results: Mapping[str, Any]) -> Figure:
    """Draw untimed returns over k: (a) of search in each model, (b) of true steps judged by it."""
    figure = Figure(figsize=(6.4, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _panel(left, results, "learned")
    _panel(right, results, "judged")
    plotting.note(left, "(a) steps and values of the model")
    plotting.note(right, "(b) true steps, values of the model")
    left.set_ylabel(f"Untimed {results['return_label']}")
    left.legend(frameon=False, loc="best")
    for axes in (left, right):
        axes.set_xlabel("Simulations a decision, k")
    plotting.caption(
        figure,
        "Bands: 95% intervals over seeds and held-out episodes. Chunks: of the model's training."
        " The true model is judged by the planner's own network.",
    )
    return figure


def _panel(axes: Axes, results: Mapping[str, Any], kind: str) -> None:
    """Draw the true model's line, and one for each length of training."""
    shown = [entry for entry in results["arms"] if entry["kind"] in ("true", kind)]
    for rank, entry in enumerate(shown):
        label = "true model" if entry["chunks"] is None else f"{entry['chunks']} chunks"
        style = {**plotting.style(rank), "label": label}
        x = [point["k"] for point in entry["curve"]]
        plotting.draw_line(axes, x, entry["curve"], "untimed", style)
    ks = [point["k"] for point in shown[0]["curve"]]
    if len(ks) > 1:
        plotting.scale_x(axes, ks)
