"""The picture of one decision's tree: what was imagined or simulated, in order, and what was done.

Both a search of the engine and the walks of a Thinker become the same plain values, a
:class:`Tree`, so that they can be laid side by side.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.figures import plotting
from experiments.report.figures.plotting import INK, LABEL_SIZE

MOST_NODES, MOST_WALKS = 40, 24
_TAKEN, _PALE = "#D55E00", "#BBBBBB"
_LEAF, _LEVEL = 0.36, 0.62  # inches
_MARK = 11.0  # points


class Branch(NamedTuple):
    """A node below the root."""

    parent: int  # place of its parent in the tree's list; -1 for the root
    action: int  # that leads there
    order: int | None  # as the how manieth it was visited in this decision; None if it was kept
    value: float  # of the action: its reward and what is found to come after it
    ended: bool = False  # an episode ends there


class Walk(NamedTuple):
    """A way down from the root."""

    actions: Sequence[int]
    result: float  # its rewards, and the value of where it ends


class Tree(NamedTuple):
    """A decision."""

    title: str
    branches: Sequence[Branch]  # parents before their children
    walks: Sequence[Walk]  # in order
    plan: int | None  # the walk with the largest return; None without any
    action: int  # that was taken
    told: str = ""  # what the caption says first


def draw_tree(tree: Tree) -> Figure:
    """Draw a tree, and its walks in words beside it."""
    branches = _first(tree.branches)
    x, depth = _lay_out(branches)
    walks = tree.walks[:MOST_WALKS]
    wide = max(2.4, _LEAF * (x.max() + 1.5))
    high = max(1.6, _LEVEL * (depth.max() + 1.2), 0.125 * (len(walks) + 3))
    figure = Figure(figsize=(wide + 2.1, high + 0.75), layout="constrained")
    figure.suptitle(tree.title, x=0.01, ha="left", fontsize=LABEL_SIZE + 1, fontweight="bold")
    axes, words = figure.subplots(1, 2, width_ratios=(wide, 2.1))
    for panel in (axes, words):
        panel.set_axis_off()
    axes.set_xlim(-0.8, x.max() + 0.8)
    axes.set_ylim(-depth.max() - 0.55, 0.45)
    _draw_branches(axes, tree, branches, x, depth)
    _write_walks(words, tree, walks)
    left = len(tree.branches) - len(branches)
    plotting.caption(figure, tree.told + _LEGEND + (f" {left} nodes are left out." * (left > 0)))
    return figure


_LEGEND = (
    " Numbers in nodes: the order in which they were first visited; pale ones without a number were"
    " kept from the decision before. On edges: actions. Beside nodes: the value found of the action"
    " that leads there, which is the colour too. A square ends the episode. Orange: the action that"
    " was taken."
)


def _first(branches: Sequence[Branch]) -> list[Branch]:
    """Return the branches that there is room for, those visited first, with their parents."""
    if len(branches) <= MOST_NODES:
        return list(branches)
    order = sorted(range(len(branches)), key=lambda i: (_age(branches[i]), i))
    chosen: set[int] = set()
    for place in order:
        way = [place]
        while branches[way[-1]].parent >= 0:
            way.append(branches[way[-1]].parent)
        if len(chosen | set(way)) <= MOST_NODES:
            chosen |= set(way)
    places = {old: new for new, old in enumerate(sorted(chosen))}
    kept = [branches[old] for old in sorted(chosen)]
    return [b._replace(parent=places.get(b.parent, -1)) for b in kept]


def _age(branch: Branch) -> float:
    return np.inf if branch.order is None else branch.order


def _lay_out(branches: Sequence[Branch]) -> tuple[np.ndarray, np.ndarray]:
    """Return x and depth of the root and all branches: leaves side by side, in order of actions."""
    below: dict[int, list[int]] = {}
    for place in sorted(range(len(branches)), key=lambda i: branches[i].action):
        below.setdefault(branches[place].parent, []).append(place)
    x, depth, leaves = np.zeros(len(branches) + 1), np.zeros(len(branches) + 1), 0

    def place_at(node: int, level: int) -> None:
        nonlocal leaves
        children = below.get(node, [])
        for child in children:
            place_at(child, level + 1)
        depth[node + 1] = level
        if children:
            x[node + 1] = np.mean([x[child + 1] for child in children])
        else:
            x[node + 1], leaves = leaves, leaves + 1

    place_at(-1, 0)
    return x, depth


def _draw_branches(
    axes: Axes, tree: Tree, branches: Sequence[Branch], x: np.ndarray, depth: np.ndarray
) -> None:
    values = np.array([branch.value for branch in branches])
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    shades = colormaps["cividis"]
    done = [b.parent == -1 and b.action == tree.action for b in branches]
    for place, branch in enumerate(branches):
        here, above = place + 1, branch.parent + 1
        taken, kept = done[place], branch.order is None
        line = {"color": _TAKEN, "lw": 2.2} if taken else {"color": _PALE if kept else INK}
        axes.plot(x[[above, here]], -depth[[above, here]], zorder=1, **{"lw": 0.7, **line})
        near, far = 0.42, 0.58
        across = near * x[above] + far * x[here]
        down = -near * depth[above] - far * depth[here]
        _write(axes, across, down, f"{branch.action}", color=_TAKEN if taken else INK, back=True)
        share = 0.5 if high <= low else (branch.value - low) / (high - low)
        shade = "white" if kept else shades(0.25 + 0.75 * share)
        mark = "s" if branch.ended else "o"
        given = {"mfc": shade, "mec": _TAKEN if taken else _PALE if kept else INK, "ms": _MARK}
        axes.plot(x[here], -depth[here], mark, mew=1.8 if taken else 0.7, zorder=2, **given)
        inside = "white" if not kept and share < 0.35 else INK
        if not kept:
            _write(axes, x[here], -depth[here], f"{branch.order}", color=inside)
        axes.annotate(
            f"{branch.value:.3g}",
            (x[here], -depth[here]),
            xytext=(_MARK / 2 + 1.5, 0),
            textcoords="offset points",
            va="center",
            fontsize=LABEL_SIZE - 2,
            zorder=4,
        )
    axes.plot(x[0], 0, "D", mfc="white", mec=INK, ms=_MARK - 1, mew=0.9, zorder=2)
    if not any(done):
        _write(axes, x[0], 0.36, f"action {tree.action}, not visited", color=_TAKEN)


def _write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    *,
    color: str = INK,
    back: bool = False,
) -> None:
    box: Mapping[str, Any] | None = None
    if back:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
    given = {"ha": "center", "va": "center", "color": color, "fontsize": LABEL_SIZE - 1}
    axes.text(x, y, text, zorder=3, bbox=box, **given)


def _write_walks(axes: Axes, tree: Tree, walks: Sequence[Walk]) -> None:
    lines = ["walks from the root, and their returns", ""]
    for number, walk in enumerate(walks):
        way = " ".join(map(str, walk.actions))
        star = "  largest" if number == tree.plan else ""
        lines.append(f"{number + 1:>2}.  {way:<14} {walk.result:8.3g}{star}")
    if len(tree.walks) > len(walks):
        lines.append(f"and {len(tree.walks) - len(walks)} more")
    if not walks:
        lines[0] = "no walk from the root"
    lines += ["", f"taken: {tree.action}"]
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.text(
        *(0, 1, "\n".join(lines)),
        va="top",
        fontsize=LABEL_SIZE - 1,
        family="monospace",
        linespacing=1.25,
    )
