"""Figures of benchmarks, drawn from the result files alone."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from experiments.bench.report import note_line
from experiments.bench.time.figure import draw_time
from experiments.report.figures import plotting
from experiments.report.figures.plotting import GLYPHS, Label

_GREY = "#777777"


def draw(directory: Path, bench: str, data: Mapping[str, Any]) -> list[Path]:
    """Draw the figure of a result into ``DIRECTORY/figures``; return the files written.

    Those that are not named here have none: their tables say it all.
    """
    makers = {
        "search": draw_search,
        "lanes": draw_lanes,
        "scaling": draw_scaling,
        "time": draw_time,
    }
    if bench not in makers:
        return []
    with mpl.rc_context(dict(plotting.RC)):
        figure = makers[bench](data)
        return plotting.save(figure, Path(directory) / "figures" / bench)


def draw_search(data: Mapping[str, Any]) -> Figure:
    """Draw (a) the cost of a simulation and (b) how many times less than mctx's it is."""
    cells = [cell for cell in data["cells"] if cell["problem"] == "reference"]
    lanes = sorted({cell["lanes"] for cell in cells})
    shown = 256 if 256 in lanes else lanes[len(lanes) // 2]
    figure, (left, right) = _two_panels(data)
    _title(left, "a", f"{shown:,} lanes")
    _title(right, "b", "time of mctx / time of rrplan")
    simulations = sorted({cell["simulations"] for cell in cells})
    for axes in (left, right):
        _log_x(axes, simulations, "Simulations")
    left.set_ylabel("µs per simulation and lane")
    right.set_ylabel("Times faster than mctx")

    row = [cell for cell in cells if cell["lanes"] == shown]
    labels = []
    for rank, name in enumerate(("mctx", "rrplan", "floor")):
        style = plotting.style((1, 0, 2)[rank])
        costs = [cell["us_per_simulation"][name] for cell in row]
        _line(left, [cell["simulations"] for cell in row], costs, style)
        text = "model and\nnetwork alone" if name == "floor" else name
        labels.append(Label(row[-1]["simulations"], costs[-1]["median"], text, style["color"]))
    for rank, count in enumerate(lanes):
        style = plotting.style(rank)
        own = [cell for cell in cells if cell["lanes"] == count]
        values = [cell["mctx_over_rrplan"] for cell in own]
        _line(right, [cell["simulations"] for cell in own], values, style)
        # Cells are left out where mctx takes too long, so lines end early: name them apart.
        right.annotate(
            f"{GLYPHS[style['marker']]} {count:,} lanes",
            (0.04, 0.95 - 0.075 * rank),
            xycoords="axes fraction",
            color=style["color"],
            fontsize=plotting.LABEL_SIZE,
            va="top",
        )
    _log_y(left)
    _log_y(right)
    plotting.label_beside(figure, left, labels)
    return figure


def draw_lanes(data: Mapping[str, Any]) -> Figure:
    """Draw decisions a second of every contestant, a row for each workload."""
    cells = data["workloads"]
    names = {
        "rrplan": "rrplan, lanes that never wait",
        "rrplan_largest": "rrplan in lockstep",
        "mctx_largest": "mctx in lockstep",
        "mctx_every_option": "mctx, every option",
    }
    figure = Figure(figsize=(6.9, 1.3 + 0.42 * len(cells)), layout="constrained")
    figure.supxlabel(note_line(data), fontsize=plotting.LABEL_SIZE - 1.5, color=_GREY)
    axes = figure.subplots()
    rows = range(len(cells), 0, -1)
    for rank, name in enumerate(names):
        style = dict(plotting.style((0, 2, 1, 3)[rank]), linestyle="none")
        speeds = [cell["decisions_per_second"][name] for cell in cells]
        medians = [speed["median"] for speed in speeds]
        lows = [speed["median"] - speed["min"] for speed in speeds]
        highs = [speed["max"] - speed["median"] for speed in speeds]
        # Where an option is all that there is to run, both mctx points are one: show both.
        size = 4.0 if name == "mctx_every_option" else 6.0
        axes.errorbar(
            medians, rows, xerr=[lows, highs], elinewidth=0.9, zorder=3 + rank, ms=size, **style
        )
    for row, cell in zip(rows, cells, strict=True):
        times = cell["rrplan_over"]["mctx_largest"]
        axes.annotate(
            f"{times:.{0 if times >= 10 else 1}f} times mctx in lockstep",
            (cell["decisions_per_second"]["rrplan"]["max"], row),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=plotting.LABEL_SIZE,
            annotation_clip=False,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )
    axes.set_yticks(list(rows), labels=[f"{c['workload']}\nmean {c['mean']:.3g}" for c in cells])
    axes.set_ylim(0.5, len(cells) + 0.5)
    axes.set_xscale("log")
    axes.set_xlabel("Decisions per second")
    axes.margins(x=0.08)
    axes.grid(axis="y", color="#dddddd", lw=0.5, zorder=0)
    axes.set_axisbelow(True)
    _plain_numbers(axes.xaxis)
    _name_above(axes, names)
    return figure


def draw_scaling(data: Mapping[str, Any]) -> Figure:
    """Draw (a) time over lanes and (b) time over the largest budget with the mean held still."""
    figure, (left, right) = _two_panels(data)
    config = data["config"]
    _title(left, "a", "over lanes")
    _title(right, "b", f"a mean of {config['mean']}, {config['at']:,} lanes")
    _log_x(left, sorted(config["lanes"]), "Lanes")
    _log_x(right, sorted(config["largest"]), "Largest budget")
    left.set_ylabel("µs per tick and lane")
    right.set_ylabel("µs per decision")
    labels = []
    groups = _groups(data["over_lanes"], ("kind", "largest"))
    for rank, ((kind, largest), cells) in enumerate(groups.items()):
        style = plotting.style(rank)
        costs = [cell["us_per_tick_and_lane"] for cell in cells]
        _line(left, [cell["lanes"] for cell in cells], costs, style)
        text = f"search, {largest}" if kind == "search" else f"engine,\nat most {largest}"
        labels.append(Label(cells[-1]["lanes"], costs[-1]["median"], text, style["color"]))
    _include_zero(left)
    plotting.label_beside(figure, left, labels)

    labels = []
    for (kind,), cells in _groups(data["over_largest"], ("kind",)).items():
        style = plotting.style(0 if kind == "engine" else 1)
        costs = [cell["us_per_decision"] for cell in cells]
        _line(right, [cell["largest"] for cell in cells], costs, style)
        text = "lanes that\nnever wait" if kind == "engine" else "lockstep at\nthe largest"
        labels.append(Label(cells[-1]["largest"], costs[-1]["median"], text, style["color"]))
    _log_y(right)
    plotting.label_beside(figure, right, labels)
    return figure


def _two_panels(data: Mapping[str, Any]) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(6.9, 2.9), layout="constrained")
    figure.supxlabel(note_line(data), fontsize=plotting.LABEL_SIZE - 1.5, color=_GREY)
    return figure, figure.subplots(1, 2)


def _title(axes: Axes, letter: str, text: str) -> None:
    axes.set_title(letter, loc="left", fontweight="bold")
    axes.set_title(text, loc="right", fontsize=plotting.LABEL_SIZE)


def _line(
    axes: Axes,
    x: Sequence[float],
    values: Sequence[Mapping[str, float]],
    style: Mapping[str, Any],
) -> None:
    """Draw medians as a line and what was least and most as a band around it."""
    lows, highs = [v["min"] for v in values], [v["max"] for v in values]
    axes.fill_between(x, lows, highs, color=style["color"], alpha=0.2, lw=0)
    axes.plot(x, [v["median"] for v in values], zorder=3, **style)


def _log_x(axes: Axes, ticks: Sequence[float], label: str) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(ticks), labels=[f"{tick:,}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(label)


def _log_y(axes: Axes) -> None:
    axes.set_yscale("log")
    _plain_numbers(axes.yaxis)


def _plain_numbers(axis: Any) -> None:
    """Label a log axis with 1, 2, 5, 10, ... where it is short, with powers of ten elsewhere."""
    low, high = axis.get_view_interval()
    decades = high / max(low, 1e-12)
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < 1000 else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def _include_zero(axes: Axes) -> None:
    axes.set_ylim(bottom=0.0)


def _name_above(axes: Axes, names: Mapping[str, str]) -> None:
    """Write above the panel what its marks are."""
    place = 0.0
    for rank, text in enumerate(names.values()):
        style = plotting.style((0, 2, 1, 3)[rank])
        note = axes.annotate(
            f"{GLYPHS[style['marker']]} {text}",
            (place, 1.02),
            xycoords="axes fraction",
            color=style["color"],
            fontsize=plotting.LABEL_SIZE,
            va="bottom",
        )
        assert isinstance(axes.figure, Figure)  # no part of one
        axes.figure.draw_without_rendering()
        box = note.get_window_extent().transformed(axes.transAxes.inverted())
        place = box.x1 + 0.03


def _groups(
    cells: Iterable[Mapping[str, Any]], fields: Sequence[str]
) -> dict[tuple, list[Mapping[str, Any]]]:
    """Return cells by the values of ``fields``, in the order in which they first appear."""
    groups: dict[tuple, list[Mapping[str, Any]]] = {}
    for cell in cells:
        groups.setdefault(tuple(cell[field] for field in fields), []).append(cell)
    return groups
