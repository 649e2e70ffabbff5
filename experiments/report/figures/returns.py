"""The figure of returns: untimed and timed, against simulations a decision."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import roster
from experiments.analysis import entries
from experiments.analysis.entries import Entry, fixed_curve
from experiments.report import bills
from experiments.report.figures import plotting
from experiments.report.figures.plotting import INK, Label

# Learned agents, other planners and the oracle are told apart by dashes, which repeat after four.
_DASHES: Sequence[Any] = (
    (0, (6, 1.5, 1.5, 1.5)),
    (0, (6, 2)),
    (0, (3, 1.5)),
    (0, (3, 1.5, 1, 1.5, 1, 1.5)),
)
_CEILING: Any = (0, (1, 1.2))


class Across(NamedTuple):
    """Agents shown as lines across at one price: learned ones, other planners and the oracle."""

    price: float
    agents: list[Entry]
    color: str  # that of the price


def draw_returns(results: Mapping[str, Any]) -> Figure:
    """Draw (a) untimed and (b) timed return against k."""
    label = results["config"]["return_label"]
    across = _find_across(results)
    figure = Figure(figsize=(6.9, 3.0 if across is None else 3.3), layout="constrained")
    plotting.caption(figure, bills.caption(results))
    left, right = figure.subplots(1, 2)
    for axes, title, kind in ((left, "a", "Untimed"), (right, "b", "Timed")):
        axes.set_title(title, loc="left", fontweight="bold")
        axes.set_ylabel(f"{kind} {label}")
        axes.set_xlabel("Simulations a decision, k")
        plotting.scale_x(axes, results["config"]["sweep"]["budgets"])
    _draw_untimed(figure, left, results, across)
    _draw_timed(figure, right, results, across)
    return figure


def _find_across(results: Mapping[str, Any]) -> Across | None:
    """Return who is shown across, at the least price that an agent has learned for."""
    learned = entries.least_learned(results)
    if learned is None:
        return None
    price, names = learned
    others = entries.names(results, "planner", "ceiling")
    # A planner at k = 0 stands in the tables: its best k was chosen of 0 and others.
    known = roster.of_results(results)
    others = [name for name in others if known[name].get("k") is None]
    agents = entries.find_all(results, (*names, *others), price)
    rank = results["config"]["sweep"]["prices"].index(price)
    return Across(price, agents, plotting.style(rank)["color"])


def _draw_untimed(
    figure: Figure, axes: Axes, results: Mapping[str, Any], across: Across | None
) -> None:
    prices = results["config"]["sweep"]["prices"]
    # A fixed k plays alike at any price: one line stands for all, and its rings tell the prices.
    curve = fixed_curve(results, prices[0])
    k = [entry["k"] for entry in curve]
    style = {"color": INK, "marker": "o", "markersize": 2.5, "linestyle": "-"}
    plotting.draw_line(axes, k, curve, "untimed", style)
    for rank, choice in enumerate(results["best_fixed"]):
        # Rings grow, so that all are seen where several prices choose the same k.
        _ring(axes, curve, "untimed", choice["k"], plotting.style(rank), 7.0 + 3.5 * rank)
    labels = _draw_across(axes, results, across, "untimed")
    greedy = entries.find(results, "greedy", prices[0])
    if greedy:
        _line_across(axes, greedy["untimed"], INK, (0, (4, 3)))
        mean = greedy["untimed"]["mean"]
        labels.append(
            Label(
                axes.get_xlim()[1], mean, plotting.agent_label(results, "greedy"), led=bool(labels)
            )
        )
    if labels:
        plotting.label_beside(figure, axes, labels, offset=3.0)
    if across:
        plotting.note(axes, f"lines across: at c = {across.price:g}")


def _draw_timed(
    figure: Figure, axes: Axes, results: Mapping[str, Any], across: Across | None
) -> None:
    labels = []
    for rank, choice in enumerate(results["best_fixed"]):
        price, best, style = choice["price"], choice["k"], plotting.style(rank)
        curve = fixed_curve(results, price)
        k = [entry["k"] for entry in curve]
        plotting.draw_line(axes, k, curve, "timed", style)
        _ring(axes, curve, "timed", best, style, 8.0)
        text = f"{plotting.GLYPHS[style['marker']]} c = {price:g}\n    best k = {best}"
        labels.append(Label(k[-1], curve[-1]["timed"]["mean"], text, style["color"]))
    levels = _draw_across(axes, results, across, "timed")
    if levels:  # then the names of all stand in one column
        edge = axes.get_xlim()[1]
        labels = [label._replace(x=edge, led=True) for label in labels] + levels
    _cut_below(axes, results, across)
    plotting.label_beside(figure, axes, labels)
    plotting.note(axes, "outlined: best k on validation episodes")


def _draw_across(
    axes: Axes, results: Mapping[str, Any], across: Across | None, field: str
) -> list[Label]:
    """Draw a line with its interval for each agent, and return the labels for its end."""
    if across is None:
        return []
    fewer = entries.episodes_of_oracle(results)
    labels = []
    ceilings = entries.names(results, "ceiling")
    for place, entry in enumerate(across.agents):
        name = entry["agent"]
        ceiling = name in ceilings
        dashes = _CEILING if ceiling else _DASHES[place % len(_DASHES)]
        _line_across(axes, entry[field], across.color, dashes)
        text = f"{name}, on\n{fewer:,} episodes" if ceiling and fewer else name
        labels.append(Label(axes.get_xlim()[1], entry[field]["mean"], text, across.color, True))
    return labels


def _line_across(axes: Axes, estimate: Mapping[str, Any], color: str, dashes: Any) -> None:
    axes.axhspan(*estimate["ci95"], color=color, alpha=0.1, lw=0)
    axes.axhline(estimate["mean"], color=color, lw=0.8, ls=dashes, zorder=1)


def _cut_below(axes: Axes, results: Mapping[str, Any], across: Across | None) -> None:
    """Let lines leave the panel below where they would press the peaks flat.

    What stays in view is at least three times what search can gain, and a fifth of everything.
    """
    prices = results["config"]["sweep"]["prices"]
    fixed = [entry for price in prices for entry in fixed_curve(results, price)]
    untimed, timed = entries.means(fixed, "untimed"), entries.means(fixed, "timed")
    height = max(3.0 * (max(untimed) - min(untimed)), (max(timed) - min(timed)) / 5)
    if max(timed) - height > min(timed):
        shown = [*fixed, *(across.agents if across else [])]
        top = max(entry["timed"]["ci95"][1] for entry in shown)
        axes.set_ylim(max(timed) - height, top + 0.05 * height)


def _ring(
    axes: Axes,
    curve: Sequence[Entry],
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
