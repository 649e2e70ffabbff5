"""Labels inside a panel, each near its point where it hides nothing."""

# Tried in place of this: adjustText 1.4 and textalloc 1.2. Neither can choose at which of its
# points a line is labelled, nor keep a label away from points that it seems to belong to. Where
# lines run close together adjustText put labels over one another; textalloc put labels across
# lines, and led from some through other lines' points, and from some that stand near enough. Both
# are faster: 4 s of CPU for a figure of scores instead of 29 on a busy machine.

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from experiments.report.figures import plotting
from experiments.report.figures.plotting import INK, LABEL_SIZE

# Where a label may go, best first: right, left, above, below, and between them.
_DIRECTIONS = (
    *((1, 0), (-1, 0), (0, 1), (0, -1)),
    *((-1, 1), (1, -1), (1, 1), (-1, -1)),
    *((-0.5, 1), (0.5, 1), (0.5, -1), (-0.5, -1)),
    *((-1, 0.5), (1, 0.5), (1, -0.5), (-1, -0.5)),
)
# Lengths are points of print.
_DISTANCES = (4.0, 8.0, 14.0, 22.0, 32.0, 44.0)
_LED_FROM = 8.0  # from there on a thin line leads to the label
_APART = 7.0  # between a label and a point that it could be mistaken to belong to
_MARK = 4.0  # about half of a mark
_STEP = 2.0  # between samples of a line
_SWEEPS = 4


class Note(NamedTuple):
    """A text that belongs to a point of the data, or to any one of several."""

    points: Sequence[tuple[float, float]]
    text: str
    color: str = INK
    size: float = LABEL_SIZE
    directions: Sequence[tuple[float, float]] = _DIRECTIONS
    family: str = ""
    """Notes of one family, such as numbers along a line, are not mistaken for each other."""

    def is_rival(self, other: "Note") -> bool:
        """Whether this label near the other's points would mislead."""
        return other is not self and not (self.family and self.family == other.family)


def agent_note(results: Mapping[str, Any], name: str, line: Sequence[tuple[float, float]]) -> Note:
    """Return a note with an agent's label, at whichever point of its line there is room."""
    color = plotting.darker(plotting.agent_style(results, name)["color"])
    return Note(line, plotting.agent_label(results, name), color)


class _Place(NamedTuple):
    """Where a label might go."""

    point: tuple[float, float]  # of the data
    anchor: np.ndarray  # the same on paper
    box: np.ndarray  # left, bottom, right, top
    leader: np.ndarray  # samples of the line from the point to the label; none where it is near
    cost: float  # of standing there, whatever other labels do
    reach: float  # how far from the point the label goes, along either axis

    def far_from(self, other: "_Place") -> bool:
        """Whether neither label nor line of the one can touch those of the other."""
        return abs(self.anchor - other.anchor).max() > self.reach + other.reach + 4.0


class _Scene(NamedTuple):
    """What there is on paper before anything is labelled."""

    area: np.ndarray  # left, bottom, right, top of the panel
    lines: np.ndarray  # samples of all that is drawn, ``[N, 2]``
    foreign: np.ndarray  # points that belong to other labels, ``[M, 2]``


def write(
    figure: Figure, axes: Axes, notes: Sequence[Note], lines: Sequence[Sequence[tuple]]
) -> None:
    """Write notes, each where it covers no line, mark or other note, or least of them.

    One after the other is put where it is best; then each is moved again, the others as they are.

    Args:
        figure: of the axes; its layout and its limits must have been settled.
        axes: to write in.
        notes: what to write.
        lines: what is to stay in sight, as polylines of points of the data.
    """
    figure.draw_without_rendering()
    points = 72 / figure.dpi
    area = np.asarray(axes.bbox.extents) * points + np.array([2.0, 2.0, 0.0, 0.0])  # off the spines
    drawn = np.concatenate([_sample(_on_paper(axes, line)) for line in lines])
    texts = [_annotate(axes, note) for note in notes]
    candidates = []
    for note, text in zip(notes, texts, strict=True):
        foreign = [point for other in notes if note.is_rival(other) for point in other.points]
        scene = _Scene(area, drawn, _on_paper(axes, foreign))
        extent = text.get_window_extent()
        size = np.array([extent.width, extent.height]) * points
        candidates.append(_places(axes, note, size, scene))
    for note, text, place in zip(notes, texts, _arrange(candidates), strict=True):
        text.xy = place.point
        text.set_position(tuple((place.box[:2] + place.box[2:]) / 2 - place.anchor))
        if len(place.leader):
            _lead(axes, note, place)


def _annotate(axes: Axes, note: Note) -> Annotation:
    text = axes.annotate(
        note.text,
        note.points[0],
        xytext=(0.0, 0.0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=note.size,
        linespacing=1.0,
        color=note.color,
        annotation_clip=False,
        zorder=6,
    )
    # The layout has been settled: the label must not change it.
    text.set_in_layout(False)
    return text


def _lead(axes: Axes, note: Note, place: _Place) -> None:
    """Draw a thin line from the point to the nearest place on the label's edge."""
    line = axes.annotate(
        "",
        place.point,
        xytext=tuple(place.leader[-1] - place.anchor),
        textcoords="offset points",
        arrowprops={"arrowstyle": "-", "lw": 0.5, "color": note.color, "shrinkA": 0},
        annotation_clip=False,
        zorder=5,
    )
    line.set_in_layout(False)


def _arrange(candidates: Sequence[Sequence[_Place]]) -> list[_Place]:
    """Return a place for each label, so that they are well together."""
    chosen: dict[int, _Place] = {}
    for _ in range(_SWEEPS):
        before = dict(chosen)
        for label, places in enumerate(candidates):
            others = [place for other, place in chosen.items() if other != label]
            costs = [place.cost + _conflict(place, others) for place in places]
            chosen[label] = places[int(np.argmin(costs))]
        if all(before.get(label) is place for label, place in chosen.items()):
            break
    return [chosen[label] for label in range(len(candidates))]


def _places(axes: Axes, note: Note, size: np.ndarray, scene: _Scene) -> list[_Place]:
    """Return where a label of a width and height might go, the cheapest few."""
    places = []
    for distance, direction, point in product(_DISTANCES, note.directions, note.points):
        (anchor,) = _on_paper(axes, [point])
        center = anchor + distance * np.array(direction) / np.hypot(*direction)
        center = center + np.array(direction) * size / 2
        box = np.concatenate([center - size / 2, center + size / 2])
        path = _sample(np.stack([anchor, np.clip(anchor, box[:2], box[2:])]))
        led = distance >= _LED_FROM
        cost = distance + _cost(box, path, led, scene)
        reach = float(abs(box.reshape(2, 2) - anchor).max())
        places.append(_Place(point, anchor, box, path if led else path[:0], cost, reach))
    return sorted(places, key=lambda place: place.cost)[:60]


def _cost(box: np.ndarray, path: np.ndarray, led: bool, scene: _Scene) -> float:
    """Return how much is wrong with a place: out of the panel, over lines, seeming another's."""
    outside = np.maximum(scene.area[:2] - box[:2], 0) + np.maximum(box[2:] - scene.area[2:], 0)
    gaps = np.maximum(np.maximum(box[:2] - scene.foreign, scene.foreign - box[2:]), 0)
    mistaken = np.any(np.hypot(*gaps.T) < _APART)
    through_marks = led and _near(path, scene.foreign, _MARK)
    beyond_lines = _near(path[np.hypot(*(path - path[0]).T) > _MARK], scene.lines, 1.5)
    covered = _count_inside(scene.lines, box)
    return 20 * outside.sum() + 8 * covered + 30 * (mistaken + through_marks) + 25 * beyond_lines


def _conflict(place: _Place, others: Sequence[_Place]) -> float:
    """Return how much a place has against it that other labels stand where they do."""
    cost = 0.0
    for other in others:
        if place.far_from(other):
            continue
        sides = np.minimum(place.box[2:], other.box[2:]) - np.maximum(place.box[:2], other.box[:2])
        cost += 10 * float(np.prod(np.maximum(sides + 2.0, 0.0)))  # with some air between
        if len(place.leader):
            cost += 20 * _count_inside(place.leader, other.box)
        if len(other.leader):
            cost += 20 * _count_inside(other.leader, place.box)
            cost += 20 * _near(place.leader, other.leader, 1.0)
    return cost


def _count_inside(points: np.ndarray, box: np.ndarray) -> int:
    """Return how many points lie in a box or at its edge."""
    return int(np.all((points > box[:2] - 1.5) & (points < box[2:] + 1.5), axis=1).sum())


def _near(points: np.ndarray, others: np.ndarray, distance: float) -> bool:
    """Return whether any of the points comes so near to any of the others."""
    apart = np.abs(points[:, None] - others[None])
    return bool(np.any(np.all(apart < distance, axis=-1)))


def _on_paper(axes: Axes, points: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return points of the data ``[N, 2]`` in points of print."""
    pixels = axes.transData.transform(np.asarray(points, float).reshape(-1, 2))
    return pixels * 72 / axes.figure.dpi


def _sample(corners: np.ndarray) -> np.ndarray:
    """Return points along a polyline, about evenly spaced."""
    pieces = [corners[:1]]
    for start, stop in pairwise(corners):
        count = max(2, int(np.hypot(*(stop - start)) / _STEP))
        pieces.append(np.linspace(start, stop, count))
    return np.concatenate(pieces)
