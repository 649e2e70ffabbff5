"""Figures of a study, drawn from its ``results.json`` alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import plotting, runs
from experiments.plotting import INK, Label
from experiments.results import fixed_curve

_NAMES = {"random": "random k", "greedy": "greedy rule"}


def draw(directory: Path) -> list[Path]:
    """Draw the figures of a run again, and return the files written.

    ``figures/returns`` holds (a) untimed and (b) timed return against the budget k, and
    ``figures/front`` (c) untimed return against simulations an episode; each as PNG (300 dots an
    inch) and SVG. The same results give the same files.

    Raises:
        InputError: the directory holds no results, or they are damaged.
    """
    directory = Path(directory)
    results = runs.load_results(directory)
    written = []
    with mpl.rc_context(dict(plotting.RC)):
        for name, figure in (("returns", draw_returns(results)), ("front", draw_front(results))):
            written += plotting.save(figure, directory / "figures" / name)
    return written


def draw_returns(results: Mapping[str, Any]) -> Figure:
    """Draw (a) untimed and (b) timed return against k."""
    label = results["config"]["return_label"]
    figure = Figure(figsize=(6.9, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, title, kind in ((left, "a", "Untimed"), (right, "b", "Timed")):
        axes.set_title(title, loc="left", fontweight="bold")
        axes.set_ylabel(f"{kind} {label}")
        axes.set_xlabel("Simulations a decision, k")
        plotting.scale_x(axes, results["config"]["sweep"]["budgets"])
    _draw_untimed(figure, left, results)
    _draw_timed(figure, right, results)
    return figure


def draw_front(results: Mapping[str, Any]) -> Figure:
    """Draw (c) untimed return against simulations an episode."""
    price = min(results["config"]["sweep"]["prices"])
    curve = fixed_curve(results, price)
    others = [_entry(results, name, price) for name in _NAMES]
    others = [entry for entry in others if entry]
    figure = Figure(figsize=(3.6, 2.8), layout="constrained")
    axes = figure.subplots()
    axes.set_title("c", loc="left", fontweight="bold")
    axes.set_xlabel("Simulations an episode")
    axes.set_ylabel(f"Untimed {results['config']['return_label']}")
    simulations = _means(curve, "simulations")
    top = max(simulations + _means(others, "simulations"))
    first = next((count for count in simulations if count > 0), 1.0)
    plotting.scale_x(axes, plotting.round_numbers(top), unit=first)
    _draw_line(axes, simulations, curve, "untimed", plotting.style(0))
    for rank, entry in enumerate(others, start=1):
        _draw_point(axes, entry, curve, plotting.style(rank))
    _label_budgets(axes, curve)
    return figure


def _draw_untimed(figure: Figure, axes: Axes, results: Mapping[str, Any]) -> None:
    prices = results["config"]["sweep"]["prices"]
    # A fixed k plays alike at any price: one line stands for all, and its rings tell the prices.
    curve = fixed_curve(results, prices[0])
    k = [entry["k"] for entry in curve]
    style = {"color": INK, "marker": "o", "markersize": 2.5, "linestyle": "-"}
    _draw_line(axes, k, curve, "untimed", style)
    for rank, choice in enumerate(results["best_fixed"]):
        # Rings grow, so that all are seen where several prices choose the same k.
        _ring(axes, curve, "untimed", choice["k"], plotting.style(rank), 7.0 + 3.5 * rank)
    greedy = _entry(results, "greedy", prices[0])
    if greedy:
        mean = greedy["untimed"]["mean"]
        axes.axhspan(*greedy["untimed"]["ci95"], color=INK, alpha=0.1, lw=0)
        axes.axhline(mean, color=INK, lw=0.8, ls=(0, (4, 3)), zorder=1)
        edge = Label(axes.get_xlim()[1], mean, _NAMES["greedy"])
        plotting.label_beside(figure, axes, [edge], offset=3.0)


def _draw_timed(figure: Figure, axes: Axes, results: Mapping[str, Any]) -> None:
    labels = []
    for rank, choice in enumerate(results["best_fixed"]):
        price, best, style = choice["price"], choice["k"], plotting.style(rank)
        curve = fixed_curve(results, price)
        k = [entry["k"] for entry in curve]
        _draw_line(axes, k, curve, "timed", style)
        _ring(axes, curve, "timed", best, style, 8.0)
        text = f"{plotting.GLYPHS[style['marker']]} c = {price:g}\n    best k = {best}"
        labels.append(Label(k[-1], curve[-1]["timed"]["mean"], text, style["color"]))
    _cut_below(axes, results)
    plotting.label_beside(figure, axes, labels)
    note = "outlined: best k on validation episodes"
    axes.set_title(note, loc="right", fontsize=plotting.LABEL_SIZE - 0.5)


def _cut_below(axes: Axes, results: Mapping[str, Any]) -> None:
    """Let lines leave the panel below where they would press the peaks flat.

    What stays in view is at least three times what search can gain, and a fifth of everything.
    """
    fixed = [entry for entry in results["agents"] if entry["agent"] == "fixed"]
    untimed, timed = _means(fixed, "untimed"), _means(fixed, "timed")
    height = max(3.0 * (max(untimed) - min(untimed)), (max(timed) - min(timed)) / 5)
    if max(timed) - height > min(timed):
        top = max(entry["timed"]["ci95"][1] for entry in fixed)
        axes.set_ylim(max(timed) - height, top + 0.05 * height)


def _draw_line(
    axes: Axes,
    x: Sequence[float],
    curve: Sequence[Mapping[str, Any]],
    field: str,
    style: Mapping[str, Any],
) -> None:
    """Draw means as a line and their intervals as a band around it."""
    lows, highs = zip(*(entry[field]["ci95"] for entry in curve), strict=True)
    axes.fill_between(x, lows, highs, color=style["color"], alpha=0.2, lw=0)
    axes.plot(x, _means(curve, field), zorder=3, **style)


def _draw_point(
    axes: Axes,
    entry: Mapping[str, Any],
    curve: Sequence[Mapping[str, Any]],
    style: Mapping[str, Any],
) -> None:
    """Draw one agent with its intervals both ways, its name on the far side from the curve."""
    x, y = entry["simulations"], entry["untimed"]
    axes.errorbar(
        x["mean"],
        y["mean"],
        xerr=np.abs(np.subtract(x["ci95"], x["mean"]))[:, None],
        yerr=np.abs(np.subtract(y["ci95"], y["mean"]))[:, None],
        color=style["color"],
        marker=style["marker"],
        markersize=5.0,
        elinewidth=0.9,
        zorder=4,
    )
    above = y["mean"] >= np.interp(
        x["mean"], _means(curve, "simulations"), _means(curve, "untimed")
    )
    axes.annotate(
        _NAMES[entry["agent"]],
        (x["mean"], y["ci95"][1] if above else y["mean"]),
        xytext=(-3.0, 2.5) if above else (6.0, -1.0),
        textcoords="offset points",
        va="bottom" if above else "center",
        fontsize=plotting.LABEL_SIZE,
        color=style["color"],
    )


def _ring(
    axes: Axes,
    curve: Sequence[Mapping[str, Any]],
    field: str,
    k: int,
    style: Mapping[str, Any],
    size: float,
) -> None:
    """Mark the best fixed k, which was chosen on validation episodes."""
    mean = next(entry[field]["mean"] for entry in curve if entry["k"] == k)
    axes.plot(
        k,
        mean,
        marker=style["marker"],
        markersize=size,
        markerfacecolor="none",
        markeredgecolor=style["color"],
        markeredgewidth=1.1,
        zorder=4,
    )


def _means(curve: Sequence[Mapping[str, Any]], field: str) -> list[float]:
    return [entry[field]["mean"] for entry in curve]


def _entry(results: Mapping[str, Any], agent: str, price: float) -> Mapping[str, Any] | None:
    entries = (e for e in results["agents"] if e["agent"] == agent and e["price"] == price)
    return next(entries, None)


def _label_budgets(axes: Axes, curve: Sequence[Mapping[str, Any]]) -> None:
    """Write its k above and left of each point; beside the last, say what the numbers are."""
    for entry in curve:
        last = entry is curve[-1]
        axes.annotate(
            f"k = {entry['k']}" if last else f"{entry['k']}",
            (entry["simulations"]["mean"], entry["untimed"]["mean"]),
            xytext=(5.0, 0.0) if last else (-3.0, 3.5),
            textcoords="offset points",
            ha="left" if last else "right",
            va="center" if last else "bottom",
            fontsize=plotting.LABEL_SIZE - 1,
            annotation_clip=False,
        )
