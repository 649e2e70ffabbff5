"""The figure of a metareasoning problem: what each policy is worth, and how much it computes."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.analysis import entries
from experiments.report.figures import labels, plotting
from experiments.report.figures.labels import Note
from experiments.report.figures.plotting import INK, STYLES

STYLE: Mapping[str, Mapping[str, Any]] = {
    "optimum": {"color": INK, "marker": "*", "linestyle": (0, (1, 1)), "markersize": 6.0},
    "ppo": {"color": "#D55E00", "marker": "s", "linestyle": "none", "markersize": 5.0},
    "weitzman": STYLES[2],
    "bmps": STYLES[3],
    "blinkered": STYLES[2],
    "vpi": STYLES[5],
    "myopic": STYLES[4],
    "fixed": STYLES[0],
}
"""How each policy looks; those that are not here are not drawn."""
NAMES: Mapping[str, str] = {
    "fixed": "best fixed number",
    "bmps": "BMPS",
    "vpi": "VPI",
    "ppo": "PPO",
    "weitzman": "Weitzman",
}
_LOWEST, _HIGHEST = -0.05, 1.04


def draw_scores(results: Mapping[str, Any]) -> Figure | None:
    """Draw (a) score and (b) computations against the cost, a line per policy.

    Classical policies are drawn along the whole range of costs; a trained policy stands at the
    costs that it was trained for, with an interval over its training seeds.
    """
    if not results["curve"]:
        return None
    figure = Figure(figsize=(7.2, 3.1), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, letter in ((left, "a"), (right, "b")):
        axes.set_title(letter, loc="left", fontweight="bold")
        axes.set_xlabel(f"Cost of a computation ({results['cost_unit']})")
        axes.set_xscale("log")
    left.set_ylabel("Score (0: stop at once, 1: optimum)")
    right.set_ylabel("Computations an episode")
    left.set_ylim(_LOWEST, _HIGHEST)
    for axes, field in ((left, "score"), (right, "simulations")):
        lines = {name: _line(results, name) for name in STYLE}
        drawn = {name: line for name, line in lines.items() if line}
        for name, line in drawn.items():
            _draw(axes, line, field, STYLE[name])
        polylines = {name: _points(line, field) for name, line in drawn.items()}
        low, high = axes.get_ylim()
        notes = [
            Note(
                [point for point in polyline if low <= point[1] <= high],
                NAMES.get(name, name),
                plotting.darker(STYLE[name]["color"]),
            )
            for name, polyline in polylines.items()
        ]
        labels.write(figure, axes, [note for note in notes if note.points], [*polylines.values()])
    return figure


def _points(line: Sequence[Mapping[str, Any]], field: str) -> list[tuple[float, float]]:
    return [(entry["price"], entry[field]["mean"]) for entry in line]


def _line(results: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return a policy's entries from the least cost on, as long as computing can gain anything."""
    rows = results["agents"] if name == "ppo" else results["curve"]
    entries = (row for row in rows if row["agent"] == name and row["score"] is not None)
    return sorted(entries, key=lambda row: row["price"])


def _draw(
    axes: Axes, line: Sequence[Mapping[str, Any]], field: str, style: Mapping[str, Any]
) -> None:
    costs = [entry["price"] for entry in line]
    means, errors = entries.means(line, field), entries.errors(line, field)
    axes.errorbar(costs, means, yerr=errors, elinewidth=0.9, zorder=3, **style)
