"""The figures of the reproduction, drawn from its ``results.json`` alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.figures import labels, plotting
from experiments.report.figures.labels import Note
from experiments.report.figures.plotting import INK, Label
from experiments.reproductions.capacity.split_figure import draw_split
from experiments.reproductions.capacity.tables import told_factor

Results = Mapping[str, Any]

_WIN, _TIE, _LOSS = "#0072B2", "#D9D9D9", "#D55E00"
_FRONT = "#333333"
_ABOVE = ((-1, 0.5), (-1, 1), (0, 1), (-1, 0), (1, -1), (1, -0.5), (0, -1))
_HOLLOW = dict(zip("●■▲◆▼", "○□△◇▽", strict=True))
_BEFORE = 4.0  # the first evaluations shown are those from this part of the shortest training on


def draw_brown(results: Results) -> Figure:
    """Draw returns over (a) weights and (b) operations of a decision, a line for each k.

    Of planners at the longest training. In (a) an arrow leads from a planner that searches to the
    size that earns as much without search; in (b) a dark line is the front of size and k.
    """
    figure = Figure(figsize=(6.9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    planners = longest(results)
    _draw_lines(figure, left, planners, lambda one, row: one["weights"], label=True)
    _draw_lines(figure, right, planners, lambda one, row: row["operations"], label=False)
    left.set_ylabel(f"Untimed {results['return_label']}")
    left.set_xlabel("Weights of the planner's network")
    right.set_xlabel("Operations a decision (model and networks)")
    for axes, letter in ((left, "a"), (right, "b")):
        axes.set_title(letter, loc="left", fontweight="bold")
    plotting.note(right, "dark: the front, with width and k where it turns")
    _draw_worth(left, results, planners)
    plotting.caption(figure, f"{_trained(results)} Bands: 95% intervals over seeds and episodes.")
    _draw_front(figure, right, planners)  # last, as its labels need the layout
    return figure


def draw_training(results: Results) -> Figure:
    """Draw returns over the length of training, a panel for each width, with and without search.

    Points are trainings of their own, each with its own schedule; the thin line is the longest
    one's curve without search.
    """
    widths = sorted({one["width"] for one in results["planners"]})
    figure = Figure(figsize=(max(3.6, 1.15 + 1.3 * len(widths)), 2.9), layout="constrained")
    panels = figure.subplots(1, len(widths), sharey=True, squeeze=False)[0]
    for axes, width in zip(panels, widths, strict=True):
        own = sorted(
            (one for one in results["planners"] if one["width"] == width),
            key=lambda one: one["steps"],
        )
        axes.set_xscale("log")
        _draw_training_of(axes, own, results["search"])
        axes.set_title(f"width {width}", fontsize=plotting.LABEL_SIZE + 1)
        _label_steps(axes, [one["steps"] for one in own])
    # The panels are low: what is in brackets has a line of its own.
    panels[0].set_ylabel(f"Untimed {results['return_label']}".replace(" (", "\n(", 1))
    panels[len(panels) // 2].set_xlabel("Environment steps of training (thousands)")
    last, ends = longest(results)[-1], []
    for rank, k in enumerate((0, results["search"])):
        style, height = plotting.style(rank), at(last, k)["untimed"]["mean"]
        color = plotting.darker(style["color"])
        ends.append(Label(last["steps"], height, f"{plotting.glyph(style)} k = {k}", color))
    plotting.label_beside(figure, panels[-1], ends)
    plotting.caption(
        figure,
        "Points: trainings of their own, each with its own schedule, with 95% intervals over seeds"
        " and episodes. Thin: evaluations of the longest training at k = 0, on other episodes.",
    )
    return figure


def draw_outcomes(results: Results) -> Figure:
    """Draw on which share of instances search wins, ties and loses, by width.

    A panel for each length of training; whiskers are 95% intervals of wins and of losses.
    """
    lengths = sorted({one["steps"] for one in results["planners"]})
    names = _names(len(lengths))
    figure = Figure(figsize=(max(3.6, 2.3 * len(lengths)), 2.6), layout="constrained")
    panels = figure.subplots(1, len(lengths), sharey=True, squeeze=False)[0]
    for axes, steps, name in zip(panels, lengths, names, strict=True):
        own = [one for one in results["planners"] if one["steps"] == steps]
        own.sort(key=lambda one: one["width"])
        _draw_bars(axes, own)
        axes.set_title(f"{name}{steps / 1e3:,.0f} thousand steps", fontsize=plotting.LABEL_SIZE + 1)
        axes.set_xlabel("Width of the planner")
    panels[0].set_ylabel("Share of instances (%)")
    plotting.caption(
        figure,
        f"k = {results['search']} against k = 0, the same instance and planner. Blue: it earns"
        " more; grey: as much; orange: less. Whiskers: 95% intervals over seeds and episodes.",
    )
    return figure


FIGURES: Mapping[str, Callable[[Results], Figure | None]] = {
    "brown": draw_brown,
    "training": draw_training,
    "outcomes": draw_outcomes,
    "split": draw_split,
}


def longest(results: Results) -> list[Mapping[str, Any]]:
    """Return the planners of the longest training, the smallest first."""
    most = max(one["steps"] for one in results["planners"])
    own = [one for one in results["planners"] if one["steps"] == most]
    return sorted(own, key=lambda one: one["weights"])


def at(planner: Mapping[str, Any], k: int) -> Mapping[str, Any]:
    """Return what a planner earned with k simulations."""
    return next(row for row in planner["by_k"] if row["k"] == k)


def _label_steps(axes: Axes, steps: Sequence[float]) -> None:
    """Mark the lengths of training, and write the first and the last, in thousands."""
    named = sorted({steps[0], steps[-1]})
    axes.set_xticks(named, labels=[f"{step / 1e3:,.0f}" for step in named])
    axes.set_xticks(sorted(set(steps) - set(named)), labels=[], minor=True)


def _names(count: int) -> list[str]:
    return {1: [""], 2: ["early: ", "late: "], 3: ["early: ", "middle: ", "late: "]}.get(
        count, [""] * count
    )


def _trained(results: Results) -> str:
    steps, seeds = longest(results)[0]["steps"], len(longest(results)[0]["by_k"][0]["seeds"])
    told = "one training seed" if seeds == 1 else f"{seeds} training seeds"
    return f"{results['env']}, {told}, {steps:,} environment steps each."


def _draw_lines(
    figure: Figure,
    axes: Axes,
    planners: Sequence[Mapping[str, Any]],
    size: Callable[[Mapping[str, Any], Mapping[str, Any]], float],
    *,
    label: bool,
) -> None:
    """Draw a line with its band for each k, and name it at its right end."""
    axes.set_xscale("log")
    ends = []
    for rank, k in enumerate(row["k"] for row in planners[0]["by_k"]):
        style = dict(plotting.style(rank))
        glyph = plotting.glyph(style)
        if rank >= len(plotting.STYLES):  # the colours repeat
            style |= {"markerfacecolor": "white"}
            glyph = _HOLLOW.get(glyph, glyph)
        rows = [at(one, k) for one in planners]
        x = [size(one, row) for one, row in zip(planners, rows, strict=True)]
        plotting.draw_line(axes, x, rows, "untimed", style)
        text = f"{glyph} k = {k}"
        end = Label(x[-1], rows[-1]["untimed"]["mean"], text, plotting.darker(style["color"]), True)
        ends.append(end)
    if label:
        plotting.label_beside(figure, axes, ends, offset=3.0)


def _draw_front(figure: Figure, axes: Axes, planners: Sequence[Mapping[str, Any]]) -> None:
    """Draw what no other pair of size and k beats with as many operations or fewer."""
    pairs = [
        (row["operations"], row["untimed"]["mean"], one["width"], row["k"])
        for one in planners
        for row in one["by_k"]
    ]
    front: list[tuple[float, float, int, int]] = []
    for pair in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        if not front or pair[1] > front[-1][1]:
            front.append(pair)
    axes.plot(
        [pair[0] for pair in front],
        [pair[1] for pair in front],
        color=_FRONT,
        lw=1.6,
        drawstyle="steps-post",
        zorder=2,
    )
    notes = [
        Note([(x, y)], f"{width}, k = {k}", _FRONT, plotting.LABEL_SIZE - 1, _ABOVE, "front")
        for x, y, width, k in _apart(front)
    ]
    lines = [[pair[:2] for pair in front]]
    for k in (row["k"] for row in planners[0]["by_k"]):
        rows = [at(one, k) for one in planners]
        lines.append([(row["operations"], row["untimed"]["mean"]) for row in rows])
    labels.write(figure, axes, notes, lines)


def _apart(front: Sequence[tuple[float, float, int, int]]) -> list[tuple[float, float, int, int]]:
    """Return the points of the front that are to be named: none is close above another."""
    height, named = front[-1][1] - front[0][1], [front[0]]
    for pair in front[1:]:
        if pair[1] - named[-1][1] > 0.06 * height:
            named.append(pair)
    return named


def _draw_worth(axes: Axes, results: Results, planners: Sequence[Mapping[str, Any]]) -> None:
    """Draw an arrow from a planner that searches to the size that earns as much without.

    It is the largest planner for which there is such a size; else the smallest planner's, to the
    largest of all.
    """
    found = results["worth"]["weights"]
    crossing = [one for one in found if one["factor"] is not None and one["factor"] > 1]
    shown = crossing[-1] if crossing else found[0]
    planner = next(one for one in planners if one["width"] == shown["width"])
    height = at(planner, results["search"])["untimed"]["mean"]
    end = planner["weights"] * (shown["factor"] or shown["largest"])
    axes.annotate(
        "",
        (end, height),
        xytext=(planner["weights"], height),
        arrowprops={"arrowstyle": "->", "lw": 1.0, "color": INK, "ls": (0, (4, 2))},
        zorder=5,
    )
    axes.set_title(
        f"at width {shown['width']}, k = {results['search']} is worth\n"
        f"a model {told_factor(shown)} times as large",
        loc="right",
        fontsize=plotting.LABEL_SIZE - 0.5,
    )


def _draw_training_of(axes: Axes, own: Sequence[Mapping[str, Any]], search: int) -> None:
    thin = plotting.style(0)["color"]
    curve, first = own[-1]["curve"], own[0]["steps"] / _BEFORE
    shown = [pair for pair in zip(curve["steps"], curve["mean"], strict=True) if pair[0] >= first]
    axes.plot(*zip(*shown, strict=True), color=thin, lw=0.6, alpha=0.8, zorder=1)
    for rank, k in enumerate((0, search)):
        style = plotting.style(rank)
        rows = [at(one, k)["untimed"] for one in own]
        errors = np.abs([np.subtract(row["ci95"], row["mean"]) for row in rows]).T
        steps = [one["steps"] for one in own]
        axes.errorbar(steps, [r["mean"] for r in rows], yerr=errors, elinewidth=0.8, **style)


def _draw_bars(axes: Axes, own: Sequence[Mapping[str, Any]]) -> None:
    """Draw a bar for each width: losses below, ties, and wins on top, with shares written in."""
    x = np.arange(len(own))
    bottom = np.zeros(len(own))
    for name, color, ink in (
        ("losses", _LOSS, "white"),
        ("ties", _TIE, INK),
        ("wins", _WIN, "white"),
    ):
        shares = np.array([100 * one["outcomes"][name]["mean"] for one in own])
        axes.bar(x, shares, bottom=bottom, color=color, width=0.78)
        for place, share in enumerate(shares):
            if share >= 7:
                axes.text(
                    x[place],
                    bottom[place] + share / 2,
                    f"{share:.0f}",
                    ha="center",
                    va="center",
                    fontsize=plotting.LABEL_SIZE - 0.5,
                    color=ink,
                )
        bottom += shares
    for name, side in (("losses", 1.0), ("wins", -1.0)):
        ends = np.array([one["outcomes"][name]["ci95"] for one in own]) * 100
        means = np.array([one["outcomes"][name]["mean"] for one in own]) * 100
        errors = np.abs(ends - means[:, None]).T
        edge = means if side > 0 else 100 - means
        shift = 0.25 if side > 0 else -0.25
        axes.errorbar(
            x + shift,
            edge,
            yerr=errors if side > 0 else errors[::-1],
            fmt="none",
            ecolor=INK,
            elinewidth=0.8,
        )
    axes.set_xticks(x, labels=[str(one["width"]) for one in own])
    axes.set_ylim(0, 100)
