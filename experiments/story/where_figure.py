"""The figure of imagining: over decisions, how much, how deep, and what comes of it."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.report.figures import plotting

LEAST = 20
"""Decisions that a point must be of."""
_PANELS = (
    ("A decision", {"imagined": "imaginary steps", "calls": "model calls", "walks": "walks"}),
    ("Deepest walk", {"depth": "depth"}),
    ("Share of plans", {"first": "first action taken", "whole": "all of it taken"}),
)


def draw_imagining(results: Mapping[str, Any]) -> Figure | None:
    """Draw steps, calls and walks; depth; and plans carried out, each over decisions.

    Returns None where nothing was imagined.
    """
    rows = [row for row in results["decisions"] if row["stages"] >= LEAST]
    if not rows:
        return None
    figure = Figure(figsize=(6.9, 2.7), layout="constrained")
    figure.suptitle(results["title"], x=0.01, ha="left", fontsize=plotting.LABEL_SIZE + 1)
    for axes, letter, (label, lines) in zip(figure.subplots(1, 3), "abc", _PANELS, strict=True):
        for rank, (name, told) in enumerate(lines.items()):
            known = [row for row in rows if row[name] is not None]
            x = [row["decision"] for row in known]
            if known:
                plotting.draw_line(axes, x, known, name, {**plotting.style(rank), "label": told})
        axes.set_title(letter, loc="left", fontweight="bold")
        axes.set_ylabel(label)
        axes.set_xlabel("Decision of the episode")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_ylim(0.0, 1.04 if "first" in lines else None)
        if len(lines) > 1:
            where = "lower left" if "first" in lines else "best"
            axes.legend(frameon=False, fontsize=plotting.LABEL_SIZE - 0.5, loc=where)
    plotting.caption(figure, results["caption"])
    return figure
