"""The figure of one episode, told decision by decision."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.report import bills
from experiments.report.figures import plotting
from experiments.report.figures.plotting import INK, LABEL_SIZE

LONGEST = 40
"""Decisions for which there is room."""
_WIDE = 14  # decisions for which two actions and an arrow fit on a line
_BAR, _CHANGED, _PALE = "#0072B2", "#D55E00", "#D9D9D9"

Decisions = Sequence[Mapping[str, Any]]


def draw_story(results: Mapping[str, Any]) -> Figure | None:
    """Draw a story: simulations, actions, entropies and values at each decision.

    It is the first, of a stopper if there is one, which looks again while it thinks. Returns None
    of results that tell no story.
    """
    stories = [story for story in results.get("stories", ()) if story["decisions"]]
    if not stories:
        return None
    story = max(stories, key=_most_looks)
    decisions = story["decisions"][:LONGEST]
    whole = len(decisions) == len(story["decisions"])
    figure = Figure(figsize=(6.9, 4.9), layout="constrained")
    plotting.caption(figure, bills.caption(results))
    title = _title(story, decisions, whole)
    figure.suptitle(title, x=0.01, ha="left", fontsize=LABEL_SIZE + 1, fontweight="bold")
    top, middle, bottom = figure.subplots(3, 1, height_ratios=(1.2, 1.0, 1.2))
    for axes in (top, middle, bottom):
        axes.set_xlim(0.4, len(decisions) + 0.6)
        _shade_changes(axes, decisions)
    _draw_simulations(top, decisions)
    _draw_entropies(middle, decisions)
    _draw_values(bottom, decisions, whole)
    bottom.set_xlabel("Decision of the episode")
    figure.align_ylabels()
    return figure


def _most_looks(story: Mapping[str, Any]) -> int:
    """Return the most looks of one of its decisions; older results call them asks."""
    return max(d.get("looks", d.get("asks", 0)) for d in story["decisions"])


def _title(story: Mapping[str, Any], decisions: Decisions, whole: bool) -> str:
    simulations = sum(decision["simulations"] for decision in decisions)
    earned = sum(decision["reward"] for decision in decisions)
    which = f"held-out episode {story['episode']}"
    if whole:
        # Older results do not tell it: they charged simulations alone.
        timed = story.get("timed", earned - story["price"] * simulations)
        came_to = f"return {earned:.3g}, timed {timed:.3g}"
    else:
        which += f", first {len(decisions)} decisions"
        came_to = f"earned {earned:.3g}"
    told = f"{story['agent']}, c = {story['price']:g}, {which}"
    return f"{told}: {simulations:,} simulations, {came_to}"


def _numbers(decisions: Decisions) -> np.ndarray:
    return np.arange(1, len(decisions) + 1)


def _column(decisions: Decisions, name: str) -> np.ndarray:
    return np.array([decision[name] for decision in decisions])


def _changed(decision: Mapping[str, Any]) -> bool:
    return decision["action"] != decision["prior_action"]


def _shade_changes(axes: Axes, decisions: Decisions) -> None:
    for number, decision in enumerate(decisions, start=1):
        if _changed(decision):
            axes.axvspan(number - 0.5, number + 0.5, color=_CHANGED, alpha=0.1, lw=0, zorder=0)


def _draw_simulations(axes: Axes, decisions: Decisions) -> None:
    """Draw how long it thought, and below each bar what it did."""
    simulations = _column(decisions, "simulations")
    bars = axes.bar(_numbers(decisions), simulations, width=0.62, color=_BAR, zorder=2)
    axes.bar_label(bars, [f"{count}" for count in simulations], padding=1.5, fontsize=LABEL_SIZE)
    axes.set_ylim(0, 1.18 * max(1, simulations.max()))
    axes.set_ylabel("Simulations")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xticks(_numbers(decisions), labels=[_action(d, len(decisions)) for d in decisions])
    axes.tick_params(axis="x", length=0)
    for label, decision in zip(axes.get_xticklabels(), decisions, strict=True):
        if _changed(decision):
            label.set(color=plotting.darker(_CHANGED), fontweight="bold")
    axes.annotate(
        "action",
        (0, 0),
        xycoords="axes fraction",
        xytext=(-4, -4),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=LABEL_SIZE,
    )
    plotting.note(axes, "shaded, 3 → 7: the network's first choice was 3, after thinking it took 7")


def _action(decision: Mapping[str, Any], count: int) -> str:
    if not _changed(decision):
        return f"{decision['action']}"
    arrow = " → " if count <= _WIDE else "\n↓\n"
    return f"{decision['prior_action']}{arrow}{decision['action']}"


def _draw_entropies(axes: Axes, decisions: Decisions) -> None:
    """Draw how unsure the network was, inside how unsure it could have been."""
    legal = _column(decisions, "legal_actions")
    most = np.log(np.maximum(legal, 1))
    frame = axes.bar(_numbers(decisions), most, width=0.62, color=_PALE, zorder=1)
    axes.bar_label(frame, [f"{count}" for count in legal], padding=1.5, fontsize=LABEL_SIZE)
    entropies = _column(decisions, "prior_entropy")
    axes.bar(_numbers(decisions), entropies, width=0.34, color=INK, zorder=2)
    axes.set_ylim(0, 1.2 * max(0.1, most.max(), entropies.max()))
    axes.set_ylabel("Prior entropy\n(nats)")
    axes.set_xticks([])
    plotting.note(
        axes,
        "dark: how unsure the network was; pale: the most it could be, among so many legal actions",
    )


def _draw_values(axes: Axes, decisions: Decisions, whole: bool) -> None:
    """Draw what the episode was expected to earn in all, before thinking and after it."""
    rewards = _column(decisions, "reward")
    earned = np.cumsum(rewards) - rewards  # before the decision
    raw, searched = (earned + _column(decisions, name) for name in ("raw_value", "search_value"))
    numbers = _numbers(decisions)
    axes.vlines(numbers, raw, searched, color=INK, lw=1.0, zorder=2)
    thought = _column(decisions, "simulations") > 0
    axes.plot(numbers[thought], searched[thought], "o", color=INK, ms=4.5, zorder=3)
    axes.plot(numbers, raw, "o", mfc="white", mec=INK, mew=0.9, ms=4.5, zorder=4)
    note = "○ value by the network alone   ● after the simulations"
    if whole:
        axes.axhline(rewards.sum(), color=INK, lw=0.8, ls=(0, (4, 3)), zorder=1)
        note += "   - - what it came to"
    axes.set_ylabel("Return so far +\nvalue ahead")
    axes.set_xticks(numbers, labels=_sparse(numbers))
    axes.margins(y=0.12)
    plotting.note(axes, note)


def _sparse(numbers: np.ndarray) -> list[str]:
    """Return labels for all decisions, or for every fifth where there are many."""
    every = 1 if len(numbers) <= 2 * _WIDE else 5
    return [f"{number}" if number == 1 or number % every == 0 else "" for number in numbers]
