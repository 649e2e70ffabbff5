"""Learning curves of the ablation of learners, drawn from its file alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.figures import plotting
from experiments.report.figures.plotting import Label
from experiments.roster import GREY

_PANELS = (("looks", "looks of the training (thousands)", 1e-3), ("seconds", "CPU seconds", 1.0))
_AIR = 0.15  # share of the panel's height below the best fixed k and above the best learner


def draw_learning(data: Mapping[str, Any]) -> Figure:
    """Draw timed returns on validation episodes against looks and against CPU seconds.

    Each learner is a line with its interval, and its name at its end; what has no curve is a mark.
    The best fixed k is a level.
    """
    settings, rows = data["settings"], [row for row in data["rows"] if row.get("curve")]
    figure = Figure(figsize=(7.2, 3.3), layout="constrained")
    seeds = f"{settings['seeds']} training seed" + "s" * (settings["seeds"] != 1)
    text = (
        f"{settings['agent']}, c = {settings['price']:g}, all thinking charged; {seeds}; bands and "
        "bars: 95% intervals over seeds and validation episodes. Of the seconds, those of the "
        "fastest seed: compilation is left out."
    )
    plotting.caption(figure, text)
    panels = figure.subplots(1, len(_PANELS), sharey=True)
    for axes, (field, label, unit) in zip(panels, _PANELS, strict=True):
        for rank, row in enumerate(rows):
            _draw(axes, row, rank, field, unit)
        axes.set_xlabel(label[0].upper() + label[1:])
        axes.set_xlim(left=0)
    panels[0].set_ylabel("Timed return")
    panels[0].set_ylim(*_limits(rows))
    for axes, (field, _, unit) in zip(panels, _PANELS, strict=True):
        labels = [_label(axes, row, rank, field, unit) for rank, row in enumerate(rows)]
        plotting.label_beside(figure, axes, labels)
    return figure


def _draw(axes: Axes, row: Mapping[str, Any], rank: int, field: str, unit: float) -> None:
    curve = [
        {"timed": {"mean": point["timed"]["mean"], "ci95": _interval(point)}, field: point[field]}
        for point in row["curve"]
    ]
    x = [unit * point[field] for point in row["curve"]]
    if _is_level(row):
        axes.axhline(curve[0]["timed"]["mean"], color=GREY, linewidth=0.9, linestyle=(0, (1, 1)))
    elif len(curve) == 1:
        low, high = curve[0]["timed"]["ci95"]
        mean = curve[0]["timed"]["mean"]
        style = plotting.style(rank)
        axes.errorbar(x, [mean], yerr=[[mean - low], [high - mean]], elinewidth=0.7, **style)
    else:
        plotting.draw_line(axes, x, curve, "timed", plotting.style(rank))


def _label(axes: Axes, row: Mapping[str, Any], rank: int, field: str, unit: float) -> Label:
    """Return the name of a row at its end; that of a level at the right edge."""
    last = row["curve"][-1]
    x = axes.get_xlim()[1] if _is_level(row) else unit * last[field]
    color = GREY if _is_level(row) else plotting.style(rank)["color"]
    return Label(x, last["timed"]["mean"], row["arm"], plotting.darker(color), led=True)


def _is_level(row: Mapping[str, Any]) -> bool:
    return len(row["curve"]) == 1 and row["curve"][0]["seconds"] == 0


def _interval(point: Mapping[str, Any]) -> tuple[float, float]:
    return point["timed"]["low"], point["timed"]["high"]


def _limits(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return limits in which all ends are in sight; the first steps of a training may not be."""
    ends = [_interval(row["curve"][-1]) for row in rows]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    air = _AIR * max(high - low, 1e-6)
    return low - air, high + air
