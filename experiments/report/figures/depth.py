"""The figure of depth: untimed and timed return, against the limit of depth."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.analysis import entries
from experiments.analysis.entries import Entry, depth_curves, fixed_curve
from experiments.report import bills
from experiments.report.figures import plotting
from experiments.report.figures.plotting import INK, Label

_PAIR = re.compile(r"fixed-depth-k(\d+)(?:-depth(\d+))?")
_TO_NONE: Any = (0, (1, 1.2))


class Swept(NamedTuple):
    """The entries of one k by depth, the one without a limit last, and where they stand."""

    k: int
    curve: Sequence[Entry]
    x: list[float]
    style: Mapping[str, Any]


def draw_depth(results: Mapping[str, Any]) -> Figure | None:
    """Draw (a) untimed and (b) timed return against the limit of depth, a line for each k.

    What each k earns without a limit stands at the right end. Timed returns are at the least price
    that an agent has learned for, or at the least of all. Returns None of results without a sweep
    of depths.
    """
    learned = entries.least_learned(results)
    price = learned[0] if learned else min(results["config"]["sweep"]["prices"])
    curves = depth_curves(results, price)
    if not curves:
        return None
    limits = sorted({e["depth"] for curve in curves.values() for e in curve[:-1]})
    none = 2.0 * limits[-1]
    swept = [
        Swept(k, curve, [*(e["depth"] for e in curve[:-1]), none], plotting.style(rank))
        for rank, (k, curve) in enumerate(curves.items())
    ]
    figure = Figure(figsize=(6.9, 3.1), layout="constrained")
    plotting.caption(figure, bills.caption(results))
    panels = figure.subplots(1, 2)
    for axes, title, kind in zip(panels, "ab", ("Untimed", "Timed"), strict=True):
        axes.set_title(title, loc="left", fontweight="bold")
        axes.set_ylabel(f"{kind} {results['config']['return_label']}")
        axes.set_xlabel("Limit of depth (levels below the root)")
        _scale(axes, limits, none)
        _draw_panel(figure, axes, results, price, swept, kind.lower())
    plotting.note(panels[1], _note(results, price))
    return figure


def _scale(axes: Axes, limits: Sequence[int], none: float) -> None:
    """Give the x axis a logarithmic scale of the limits; the right end stands for none."""
    axes.set_xscale("log")
    axes.set_xticks([*limits, none], labels=[*map(str, limits), "none"])
    axes.set_xticks([], minor=True)


def _draw_panel(
    figure: Figure,
    axes: Axes,
    results: Mapping[str, Any],
    price: float,
    swept: Sequence[Swept],
    field: str,
) -> None:
    labels = []
    for one in swept:
        plotting.draw_line(axes, one.x[:-1], one.curve[:-1], field, one.style)
        _draw_without_limit(axes, one, field)
        text = f"{plotting.glyph(one.style)} k = {one.k}"
        end = one.curve[-1][field]["mean"]
        labels.append(Label(one.x[-1], end, text, plotting.darker(one.style["color"]), led=True))
    reactive = next((e for e in fixed_curve(results, price) if e["k"] == 0), None)
    if reactive:
        axes.axhspan(*reactive[field]["ci95"], color=INK, alpha=0.1, lw=0)
        axes.axhline(reactive[field]["mean"], color=INK, lw=0.8, ls=(0, (4, 3)), zorder=1)
        labels.append(Label(swept[0].x[-1], reactive[field]["mean"], "k = 0", INK, led=True))
    if field == "timed":
        _ring(axes, swept, _best_pair(results, price))
    plotting.label_beside(figure, axes, labels)


def _draw_without_limit(axes: Axes, one: Swept, field: str) -> None:
    """Draw the point without a limit with its interval, joined by dots: no limit is no number."""
    style = {name: one.style[name] for name in ("color", "marker")}
    means = entries.means(one.curve[-2:], field)
    axes.plot(one.x[-2:], means, color=style["color"], lw=0.9, ls=_TO_NONE, zorder=2)
    low, high = one.curve[-1][field]["ci95"]
    axes.errorbar(
        one.x[-1],
        means[-1],
        yerr=[[means[-1] - low], [high - means[-1]]],
        elinewidth=0.8,
        markerfacecolor="white",
        zorder=3,
        **style,
    )


def _best_pair(results: Mapping[str, Any], price: float) -> tuple[int, int | None] | None:
    """Return the pair of k and depth that was best on validation episodes, if one was tuned."""
    tuned = entries.find(results, "fixed-depth", price)
    found = _PAIR.fullmatch(tuned["evaluation"]) if tuned else None
    if not found:
        return None
    return int(found[1]), int(found[2]) if found[2] else None


def _ring(axes: Axes, swept: Sequence[Swept], best: tuple[int, int | None] | None) -> None:
    for one in swept:
        for x, entry in zip(one.x, one.curve, strict=True):
            if (one.k, entry.get("depth")) == best:
                axes.plot(
                    x,
                    entry["timed"]["mean"],
                    marker=one.style["marker"],
                    markersize=8.0,
                    markerfacecolor="none",
                    markeredgecolor=one.style["color"],
                    markeredgewidth=1.1,
                    zorder=4,
                )


def _note(results: Mapping[str, Any], price: float) -> str:
    best = _best_pair(results, price)
    if best is None:
        return f"at c = {price:g}"
    k, depth = best
    limit = "no limit" if depth is None else f"depth {depth}"
    return f"at c = {price:g}; best pair on\nvalidation episodes: k = {k}, {limit}"
