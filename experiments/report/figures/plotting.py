"""What figures are made with: a scale for budgets, round ticks, labels that do not overlap."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import roster, runs
from experiments.roster import INK

# Okabe and Ito's colours are told apart by colour-blind readers; markers and dashes tell the
# lines apart in a greyscale print as well.
STYLES: tuple[Mapping[str, Any], ...] = (
    {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    {"color": "#D55E00", "marker": "s", "linestyle": (0, (5, 1.5))},
    {"color": "#009E73", "marker": "^", "linestyle": (0, (1.5, 1.2))},
    {"color": "#CC79A7", "marker": "D", "linestyle": (0, (5, 1.5, 1.5, 1.5))},
    {"color": "#E69F00", "marker": "v", "linestyle": (0, (8, 2))},
    {"color": "#56B4E9", "marker": "P", "linestyle": (0, (3, 1, 1, 1, 1, 1))},
)
# The same markers as characters, to stand in a label.
GLYPHS: Mapping[str, str] = dict(zip("os^DvP>d*hXp.<x+", "●■▲◆▼✚▷◇★⬢✖⬟•◀✕+", strict=True))
LABEL_SIZE = 7.0
RC: Mapping[Any, Any] = {
    "font.size": 8.0,
    "axes.labelsize": 8.0,
    "axes.titlesize": 9.0,
    "xtick.labelsize": LABEL_SIZE,
    "ytick.labelsize": LABEL_SIZE,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    # Without a fixed salt the names inside an SVG change with every drawing.
    "svg.hashsalt": "rrplan",
}
_LINE_HEIGHT = 1.25 * LABEL_SIZE  # points
_LEADER = 9.0  # points


class Label(NamedTuple):
    """A text beside a point of the data; a thin line may lead to it."""

    x: float
    y: float
    text: str
    color: str = INK
    led: bool = False


def style(rank: int) -> Mapping[str, Any]:
    """Return the style of the ``rank``-th line; they repeat after six."""
    return STYLES[rank % len(STYLES)]


def agent_style(results: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return how an agent looks, in all figures that tell agents apart."""
    given = dict(roster.of_results(results)[name]["style"])
    if isinstance(given["linestyle"], list):  # JSON has no tuples
        given["linestyle"] = _to_tuple(given["linestyle"])
    return given


def agent_label(results: Mapping[str, Any], name: str) -> str:
    """Return what figures call an agent."""
    return roster.of_results(results)[name]["label"]


def glyph(style: Mapping[str, Any]) -> str:
    """Return a style's marker as a character."""
    return GLYPHS.get(style["marker"], "●")


def darker(color: str) -> str:
    """Return a colour in which a thin text is read as easily as a line is seen in ``color``."""
    shades = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(0.75 * shade):02x}" for shade in shades)


def scale_x(axes: Axes, ticks: Sequence[float], unit: float = 1.0) -> None:
    """Give the x axis a log(1 + x/unit) scale, which has room for 0, and as many ticks as fit.

    Powers of two are labelled first, then the others where there is room; all have a mark.
    """

    def forward(x):
        return np.log1p(np.asarray(x) / unit)

    def backward(y):
        return unit * np.expm1(y)

    axes.set_xscale("function", functions=(forward, backward))
    span = forward(max(ticks)) - forward(min(ticks))
    chosen: list[float] = []
    for tick in sorted(ticks, key=lambda tick: (not _is_first_choice(tick, ticks), tick)):
        if all(abs(forward(tick) - forward(other)) >= 0.085 * span for other in chosen):
            chosen.append(tick)
    axes.set_xticks(sorted(chosen), labels=[f"{tick:g}" for tick in sorted(chosen)])
    axes.set_xticks(sorted(set(ticks) - set(chosen)), minor=True)


def round_numbers(top: float) -> list[float]:
    """Return 0 and 1, 2, 5, 10, 20, 50, ... up to ``top``."""
    steps = [base * 10**power for power in range(12) for base in (1, 2, 5)]
    return [0, *(step for step in steps if step <= top)] + ([] if top >= 1 else [1])


def draw_line(
    axes: Axes,
    x: Sequence[float],
    curve: Sequence[Mapping[str, Any]],
    field: str,
    style: Mapping[str, Any],
) -> None:
    """Draw a field's means as a line and their intervals as a band around it."""
    lows, highs = zip(*(entry[field]["ci95"] for entry in curve), strict=True)
    axes.fill_between(x, lows, highs, color=style["color"], alpha=0.2, lw=0)
    axes.plot(x, [entry[field]["mean"] for entry in curve], zorder=3, **style)


def note(axes: Axes, text: str) -> None:
    """Write a remark above the right end of a panel."""
    axes.set_title(text, loc="right", fontsize=LABEL_SIZE - 0.5)


def caption(figure: Figure, text: str) -> None:
    """Write small lines below all panels, as long as the figure is wide."""
    size = LABEL_SIZE - 1.5
    characters = int(figure.get_figwidth() * 72 / (0.52 * size))
    figure.supxlabel(textwrap.fill(text, characters), fontsize=size, color="#777777")


def label_beside(figure: Figure, axes: Axes, labels: Sequence[Label], offset: float = 7.0) -> None:
    """Write each label to the right of its point, moved up or down until none overlap.

    None leaves the height of the axes, so that points below them get their label at the lower
    end. Limits must have been settled.
    """
    figure.draw_without_rendering()
    labels = sorted(labels, key=lambda label: label.y)  # kept even where all are below the axes
    points = 72 / figure.dpi
    heights = [axes.transData.transform((label.x, label.y))[1] * points for label in labels]
    sizes = [_LINE_HEIGHT * (label.text.count("\n") + 1) for label in labels]
    bottom, top = axes.bbox.y0 * points, axes.bbox.y1 * points
    wanted = [max(height, bottom + size / 2) for height, size in zip(heights, sizes, strict=True)]
    places = spread(wanted, sizes, bottom, top)
    for label, height, place in zip(labels, heights, places, strict=True):
        moved = place - height
        axes.annotate(
            label.text,
            (label.x, label.y),
            xytext=(offset + _LEADER * label.led, moved),
            textcoords="offset points",
            va="center",
            fontsize=LABEL_SIZE,
            linespacing=1.05,
            color=label.color,
            annotation_clip=False,
        )
        if label.led:
            axes.annotate(
                "",
                (label.x, label.y),
                xytext=(offset + _LEADER - 1.0, moved),
                textcoords="offset points",
                arrowprops={"arrowstyle": "-", "lw": 0.5, "color": label.color, "shrinkA": 0},
                annotation_clip=False,
            )


def spread(
    centers: Sequence[float],
    sizes: Sequence[float],
    low: float = -math.inf,
    high: float = math.inf,
) -> list[float]:
    """Return places near ``centers`` where intervals of the given sizes do not overlap.

    Intervals that collide are pooled and the pool is centred on the mean of what its members
    want, until no two pools collide: the least squares solution that keeps the order. All lie
    between ``low`` and ``high``, or above ``low`` where there is not enough room.
    """
    order = np.argsort(centers, kind="stable")
    pools: list[list[int]] = []
    starts: list[float] = []
    for index in order:
        pools.append([int(index)])
        starts.append(centers[index] - sizes[index] / 2)
        while len(pools) > 1 and starts[-2] + _total(pools[-2], sizes) > starts[-1]:
            last = pools.pop()
            starts.pop()
            pools[-1] += last
            starts[-1] = _wanted_start(pools[-1], centers, sizes)
    places = [0.0] * len(centers)
    below, total = 0.0, float(sum(sizes))
    for pool, start in zip(pools, starts, strict=True):
        # Measured from where it would start if all were packed, each pool has the same bounds.
        start = below + max(low, min(start - below, high - total))
        for index in pool:
            places[index] = start + sizes[index] / 2
            start += sizes[index]
            below += sizes[index]
    return places


def save(figure: Figure, path: Path) -> list[Path]:
    """Write a figure as PNG and SVG, atomically and without a date, and return both paths."""
    kinds = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
    written = []
    for kind, metadata in kinds.items():
        target = path.with_name(f"{path.name}.{kind}")
        runs.write_atomically(
            target,
            lambda file, kind=kind, metadata=metadata: figure.savefig(
                file, format=kind, dpi=300, metadata=metadata
            ),
        )
        written.append(target)
    return written


def _is_first_choice(tick: float, ticks: Sequence[float]) -> bool:
    whole = int(tick)
    return tick in (min(ticks), max(ticks)) or (whole == tick and whole & (whole - 1) == 0)


def _total(pool: Sequence[int], sizes: Sequence[float]) -> float:
    return sum(sizes[index] for index in pool)


def _wanted_start(pool: Sequence[int], centers: Sequence[float], sizes: Sequence[float]) -> float:
    before, wanted = 0.0, []
    for index in pool:
        wanted.append(centers[index] - sizes[index] / 2 - before)
        before += sizes[index]
    return float(np.mean(wanted))


def _to_tuple(value: Any) -> Any:
    return tuple(map(_to_tuple, value)) if isinstance(value, list) else value
