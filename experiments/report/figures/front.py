"""The figure of the front: what agents earn against how much they think."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import roster
from experiments.analysis import entries
from experiments.analysis.entries import Entry, depth_curves, fixed_curve
from experiments.report import bills
from experiments.report.figures import labels, plotting
from experiments.report.figures.labels import Note

# Where the number of a budget may stand: a rising curve leaves room above left, below right.
_BELOW = ((1, -1), (0, -1), (1, 0), (0, 1), (-1, 1))
_ABOVE = tuple((-x, -y) for x, y in _BELOW)
_LAST = ((0, 1), (0, -1), (-1, 1), (1, -1))
_LIMITED: Mapping[str, Any] = {
    "color": "#777777",
    "marker": "o",
    "markersize": 2.5,
    "markerfacecolor": "white",
    "linestyle": (0, (1.5, 1.2)),
}


def draw_front(results: Mapping[str, Any]) -> Figure:
    """Draw untimed return against simulations an episode.

    A fixed k, and an agent that was tuned or trained for each price, is a curve; what plays alike
    at all prices is a point.
    """
    return _draw(results, "simulations")


def draw_levels(results: Mapping[str, Any]) -> Figure | None:
    """Draw untimed return against levels an episode, where agents may limit the depth.

    As :func:`draw_front`, with a line for each k at which limits were swept. Returns None where
    there is no such agent.
    """
    price = min(results["config"]["sweep"]["prices"])
    known = roster.ROSTER.items()
    choosing = {name for name, agent in known if roster.chooses_depth(agent)}
    if not depth_curves(results, price) and not choosing & {e["agent"] for e in results["agents"]}:
        return None
    return _draw(results, "levels")


def _draw(results: Mapping[str, Any], field: str) -> Figure:
    """Draw untimed return against a count of an episode, ``simulations`` or ``levels``."""
    price = min(results["config"]["sweep"]["prices"])
    curve = fixed_curve(results, price)
    controlled = _controlled(results)
    plain = [
        [entry]
        for entry in entries.find_all(
            results, entries.names(results, "untuned", "greedy", "one-step"), price
        )
    ]
    figure = Figure(figsize=(4.8, 3.5) if controlled else (3.6, 2.8), layout="constrained")
    axes = figure.subplots()
    if controlled:
        plotting.caption(figure, f"Tuned and trained under this bill. {bills.caption(results)}")
    axes.set_xlabel(f"{field.capitalize()} an episode")
    axes.set_ylabel(f"Untimed {results['config']['return_label']}")
    limited = depth_curves(results, price) if field == "levels" else {}
    _scale(axes, curve, [*controlled, *plain], field)
    for group in limited.values():
        axes.plot(*zip(*_line(group, field), strict=True), **{**_LIMITED, "marker": ""})
        _draw_agent(axes, group[:-1], {**_LIMITED, "linestyle": "none"}, field)
    plotting.draw_line(
        axes,
        entries.means(curve, field),
        curve,
        "untimed",
        plotting.agent_style(results, "fixed"),
    )
    for group in (*controlled, *plain):
        _draw_agent(axes, group, plotting.agent_style(results, group[0]["agent"]), field)
    if any(len(group) > 1 for group in controlled):
        plotting.note(axes, "dashed: a point for each price, dearer to the left")
    groups = [*controlled, *plain]
    notes = [
        *(labels.agent_note(results, g[0]["agent"], _line(g, field)) for g in groups),
        *_name_budgets(results, curve, bool(controlled), field),
        *_name_limits(limited, field),
    ]
    drawn = [_line(curve, field), *(_line(group, field) for group in limited.values())]
    drawn += [piece for group in groups for piece in _pieces(results, group, field)]
    drawn += [piece for group in limited.values() for piece in _intervals(group[:-1], field)]
    labels.write(figure, axes, notes, drawn)
    return figure


def _controlled(results: Mapping[str, Any]) -> list[list[Entry]]:
    """Return for each agent that has a price of its own its entries, by price."""
    groups = (entries.by_price(results, name) for name in entries.names(results, *roster.CHOSEN))
    return [group for group in groups if group]


def _scale(
    axes: Axes, curve: Sequence[Entry], groups: Sequence[Sequence[Entry]], field: str
) -> None:
    counts = entries.means(curve, field)
    others = [entry[field]["mean"] for group in groups for entry in group]
    first = next((count for count in counts if count > 0), 1.0)
    top = max(counts + others)
    plotting.scale_x(axes, plotting.round_numbers(top), unit=first)


def _draw_agent(axes: Axes, group: Sequence[Entry], style: Mapping[str, Any], field: str) -> None:
    """Draw an agent with its intervals both ways, its points joined if its style says so."""
    x, y = (entries.errors(group, name) for name in (field, "untimed"))
    axes.errorbar(
        entries.means(group, field),
        entries.means(group, "untimed"),
        xerr=x,
        yerr=y,
        elinewidth=0.7,
        zorder=4,
        **{"markersize": 4.5, "linewidth": 0.9, **style},
    )


def _name_budgets(
    results: Mapping[str, Any], curve: Sequence[Entry], crowded: bool, field: str
) -> list[Note]:
    """Return its k beside each point; beside the last, what the numbers are.

    Agents that do better than a fixed k lie above the curve, so that below there is more room.
    """
    color = plotting.darker(plotting.agent_style(results, "fixed")["color"])
    size = plotting.LABEL_SIZE - 1
    *others, last = _line(curve, field)
    directions = _BELOW if crowded else _ABOVE
    notes = [
        Note([point], f"{entry['k']}", color, size, directions, "k")
        for point, entry in zip(others, curve, strict=False)
    ]
    return [*notes, Note([last], f"k = {curve[-1]['k']}", color, size, _LAST, "k")]


def _name_limits(limited: Mapping[int, Sequence[Entry]], field: str) -> list[Note]:
    """Return its limit beside each point of a k; beside the first, which k it is of."""
    color, size = plotting.darker(_LIMITED["color"]), plotting.LABEL_SIZE - 1
    notes = []
    for k, group in limited.items():
        for place, (entry, point) in enumerate(zip(group[:-1], _line(group, field), strict=False)):
            text = f"k = {k}, depth ≤ {entry['depth']}" if place == 0 else f"≤ {entry['depth']}"
            notes.append(Note([point], text, color, size, family="depth"))
    return notes


def _pieces(
    results: Mapping[str, Any], group: Sequence[Entry], field: str
) -> list[list[tuple[float, float]]]:
    """Return what is drawn of an agent as polylines: the curve, and the intervals."""
    style = plotting.agent_style(results, group[0]["agent"])
    line = [_line(group, field)] if style["linestyle"] != "none" else []
    return [*line, *_intervals(group, field)]


def _intervals(group: Sequence[Entry], field: str) -> list[list[tuple[float, float]]]:
    """Return the intervals both ways of each point, as lines."""
    pieces = []
    for entry in group:
        x, y = entry[field], entry["untimed"]
        pieces.append([(x["ci95"][0], y["mean"]), (x["ci95"][1], y["mean"])])
        pieces.append([(x["mean"], y["ci95"][0]), (x["mean"], y["ci95"][1])])
    return pieces


def _line(curve: Sequence[Entry], field: str) -> list[tuple[float, float]]:
    return [(entry[field]["mean"], entry["untimed"]["mean"]) for entry in curve]
