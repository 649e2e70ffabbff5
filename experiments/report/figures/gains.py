"""The figure of reliability: what agents predicted that thinking gains, and what was found."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.analysis import entries
from experiments.report.figures import plotting
from experiments.report.figures.plotting import INK

_PANELS = 3
_CAPTION = (
    "Gain in return of k simulations over none, at one decision. Points: decisions of about the "
    "same prediction, 95% interval. Dashed: equal."
)


def draw_gains(results: Mapping[str, Any]) -> Figure | None:
    """Draw found against predicted gains, a panel for each of a few k's.

    Each point is a group of decisions with about the same prediction. Predictions are right on
    average where points lie on the diagonal. Returns None of results in which nobody predicts.
    """
    rows = results.get("gains", [])
    if not rows:
        return None
    ks = sorted({row["k"] for row in rows})
    places = sorted({round(i * (len(ks) - 1) / (_PANELS - 1)) for i in range(_PANELS)})
    chosen = [ks[place] for place in places]
    figure = Figure(figsize=(6.9, 2.7), layout="constrained")
    panels = figure.subplots(1, len(chosen), squeeze=False)[0]
    agents = list(dict.fromkeys(row["agent"] for row in rows))
    for axes, k, letter in zip(panels, chosen, "abc", strict=False):
        axes.set_title(letter, loc="left", fontweight="bold")
        plotting.note(axes, f"k = {k}")
        mine = [row for row in rows if row["k"] == k]
        _draw_diagonal(axes, mine)
        for agent in agents:
            _draw_points(axes, results, agent, [row for row in mine if row["agent"] == agent])
        if axes is panels[0]:
            axes.set_ylabel("Found gain")
        axes.set_xlabel("Predicted gain")
        axes.locator_params(axis="x", nbins=3)  # numbers as wide as -0.0025 must not touch
        axes.locator_params(axis="y", nbins=5)
    plotting.caption(figure, _CAPTION)
    return figure


def _draw_diagonal(axes: Axes, rows: list[Mapping[str, Any]]) -> None:
    low = min(0.0, *(row["predicted"] for row in rows))
    high = max(row["predicted"] for row in rows)
    axes.plot([low, high], [low, high], color=INK, lw=0.8, ls=(0, (4, 3)), zorder=1)


def _draw_points(
    axes: Axes, results: Mapping[str, Any], agent: str, rows: list[Mapping[str, Any]]
) -> None:
    style = plotting.agent_style(results, agent)
    style["linestyle"] = "none"
    means, errors = entries.means(rows, "found"), entries.errors(rows, "found")
    x = [row["predicted"] for row in rows]
    axes.errorbar(x, means, yerr=errors, elinewidth=0.9, zorder=3, **style)
