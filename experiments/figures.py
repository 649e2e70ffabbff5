"""Figures of a study, drawn from its ``results.json`` alone."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from experiments import plotting, runs
from experiments.figures_front import draw_front
from experiments.figures_returns import draw_returns
from experiments.figures_story import draw_story
from experiments.figures_thinking import draw_thinking

FIGURES: Mapping[str, Callable[[Mapping[str, Any]], Figure | None]] = {
    "returns": draw_returns,
    "front": draw_front,
    "thinking": draw_thinking,
    "story": draw_story,
}
"""What draws each figure; it returns None of results that have no data for it."""


def draw(directory: Path) -> list[Path]:
    """Draw the figures of a run again, and return the files written.

    ``figures/returns`` holds (a) untimed and (b) timed return against the budget k,
    ``figures/front`` (c) untimed return against simulations an episode, ``figures/thinking``
    where agents think, by (d) decision and (e) choice, and ``figures/story`` one episode; each as
    PNG (300 dots an inch) and SVG. The same results give the same files; a figure for which
    there is no data is left out.

    Raises:
        InputError: the directory holds no results, or they are damaged.
    """
    directory = Path(directory)
    results = runs.load_results(directory)
    written = []
    with mpl.rc_context(dict(plotting.RC)):
        for name, make in FIGURES.items():
            figure = make(results)
            if figure is not None:
                written += plotting.save(figure, directory / "figures" / name)
    return written
