"""The figure of the front: what agents earn against how much they think."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import roster
from experiments.analysis import entries
from experiments.analysis.entries import Entry
from experiments.analysis.results import fixed_curve
from experiments.report import bills
from experiments.report.figures import labels, plotting
from experiments.report.figures.labels import Note

# Where the number of a budget may stand: a rising curve leaves room above left, below right.
_BELOW = ((1, -1), (0, -1), (1, 0), (0, 1), (-1, 1))
_ABOVE = tuple((-x, -y) for x, y in _BELOW)
_LAST = ((0, 1), (0, -1), (-1, 1), (1, -1))


def draw_front(results: Mapping[str, Any]) -> Figure:
    """Draw untimed return against simulations an episode.

    A fixed k, and an agent that was tuned or trained for each price, is a curve; what plays alike
    at all prices is a point.
    """
    price = min(results["config"]["sweep"]["prices"])
    curve = fixed_curve(results, price)
    controlled = _controlled(results)
    plain = [
        [entry]
        for entry in entries.find_all(results, entries.names(results, "untuned", "greedy"), price)
    ]
    figure = Figure(figsize=(4.8, 3.5) if controlled else (3.6, 2.8), layout="constrained")
    axes = figure.subplots()
    if controlled:
        plotting.caption(figure, f"Tuned and trained under this bill. {bills.caption(results)}")
    axes.set_xlabel("Simulations an episode")
    axes.set_ylabel(f"Untimed {results['config']['return_label']}")
    _scale(axes, curve, [*controlled, *plain])
    plotting.draw_line(
        axes,
        entries.means(curve, "simulations"),
        curve,
        "untimed",
        plotting.agent_style(results, "fixed"),
    )
    for group in (*controlled, *plain):
        _draw_agent(axes, group, plotting.agent_style(results, group[0]["agent"]))
    if any(len(group) > 1 for group in controlled):
        plotting.note(axes, "dashed: a point for each price, dearer to the left")
    groups = [*controlled, *plain]
    notes = [*_name_agents(results, groups), *_name_budgets(results, curve, bool(controlled))]
    drawn = [_line(curve), *(piece for group in groups for piece in _pieces(results, group))]
    labels.write(figure, axes, notes, drawn)
    return figure


def _controlled(results: Mapping[str, Any]) -> list[list[Entry]]:
    """Return for each agent that has a price of its own its entries, by price."""
    groups = (entries.by_price(results, name) for name in entries.names(results, *roster.CHOSEN))
    return [group for group in groups if group]


def _scale(axes: Axes, curve: Sequence[Entry], groups: Sequence[Sequence[Entry]]) -> None:
    simulations = entries.means(curve, "simulations")
    others = [entry["simulations"]["mean"] for group in groups for entry in group]
    first = next((count for count in simulations if count > 0), 1.0)
    top = max(simulations + others)
    plotting.scale_x(axes, plotting.round_numbers(top), unit=first)


def _draw_agent(axes: Axes, group: Sequence[Entry], style: Mapping[str, Any]) -> None:
    """Draw an agent with its intervals both ways, its points joined if its style says so."""
    x, y = (_errors(group, field) for field in ("simulations", "untimed"))
    axes.errorbar(
        entries.means(group, "simulations"),
        entries.means(group, "untimed"),
        xerr=x,
        yerr=y,
        elinewidth=0.7,
        zorder=4,
        **{"markersize": 4.5, "linewidth": 0.9, **style},
    )


def _errors(group: Sequence[Entry], field: str) -> np.ndarray:
    """Return how far the intervals reach below and above the means, ``[2, N]``."""
    return np.abs([np.subtract(e[field]["ci95"], e[field]["mean"]) for e in group]).T


def _name_agents(results: Mapping[str, Any], groups: Sequence[Sequence[Entry]]) -> list[Note]:
    """Return a note for each agent, at whichever of its points there is room."""
    notes = []
    for group in groups:
        name = group[0]["agent"]
        color = plotting.darker(plotting.agent_style(results, name)["color"])
        notes.append(Note(_line(group), plotting.agent_label(results, name), color))
    return notes


def _name_budgets(results: Mapping[str, Any], curve: Sequence[Entry], crowded: bool) -> list[Note]:
    """Return its k beside each point; beside the last, what the numbers are.

    Agents that do better than a fixed k lie above the curve, so that below there is more room.
    """
    color = plotting.darker(plotting.agent_style(results, "fixed")["color"])
    size = plotting.LABEL_SIZE - 1
    *others, last = _line(curve)
    directions = _BELOW if crowded else _ABOVE
    notes = [
        Note([point], f"{entry['k']}", color, size, directions, "k")
        for point, entry in zip(others, curve, strict=False)
    ]
    return [*notes, Note([last], f"k = {curve[-1]['k']}", color, size, _LAST, "k")]


def _pieces(results: Mapping[str, Any], group: Sequence[Entry]) -> list[list[tuple[float, float]]]:
    """Return what is drawn of an agent as polylines: the curve, and the intervals."""
    style = plotting.agent_style(results, group[0]["agent"])
    pieces = [_line(group)] if style["linestyle"] != "none" else []
    for entry in group:
        x, y = entry["simulations"], entry["untimed"]
        pieces.append([(x["ci95"][0], y["mean"]), (x["ci95"][1], y["mean"])])
        pieces.append([(x["mean"], y["ci95"][0]), (x["mean"], y["ci95"][1])])
    return pieces


def _line(curve: Sequence[Entry]) -> list[tuple[float, float]]:
    return [(entry["simulations"]["mean"], entry["untimed"]["mean"]) for entry in curve]
