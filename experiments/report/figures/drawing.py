"""Figures of a study, drawn from its ``results.json`` alone."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from experiments import runs, studies
from experiments.report.figures import plotting
from experiments.report.figures.depth import draw_depth
from experiments.report.figures.front import draw_front, draw_levels
from experiments.report.figures.gains import draw_gains
from experiments.report.figures.returns import draw_returns
from experiments.report.figures.scores import draw_scores
from experiments.report.figures.story import draw_story
from experiments.report.figures.thinking import draw_thinking

Draw = Callable[[Mapping[str, Any]], Figure | None]

FIGURES: Mapping[str, Draw] = {
    "returns": draw_returns,
    "front": draw_front,
    "depth": draw_depth,
    "levels": draw_levels,
    "thinking": draw_thinking,
    "gains": draw_gains,
    "story": draw_story,
}
"""What draws each figure; it returns None of results that have no data for it."""
METAREASONING: Mapping[str, Draw] = {"scores": draw_scores}
"""The same of studies of a metareasoning problem."""


def draw(directory: Path) -> list[Path]:
    """Draw the figures of a run again, and return the files written.

    Of a study of planning depth: ``figures/returns`` with (a) untimed and (b) timed return
    against the budget k, ``front`` with untimed return against simulations an episode, ``depth``
    with (a) untimed and (b) timed return against the limit of depth, ``levels`` with untimed return
    against levels an episode, ``thinking`` with where agents think, by (a) decision and (b) choice,
    ``gains`` with what an agent predicted that thinking gains and what was found, and
    ``story`` with one episode. Of a metareasoning problem: ``scores`` with (a) what policies are
    worth and (b) how much they compute at each cost. All are written as PNG (300 dots an inch) and
    SVG. The same results give the same files; a figure for which there is no data is left out.

    Raises:
        InputError: the directory holds no results, or they are damaged.
    """
    directory = Path(directory)
    results = runs.load_results(directory)
    return draw_all(studies.of_results(results).get("figures"), results, directory)


def draw_all(kinds: Mapping[str, Draw], results: Mapping[str, Any], directory: Path) -> list[Path]:
    """Draw figures into a directory's ``figures``, and return the files written.

    Args:
        kinds: what draws each figure, by its name.
        results: that they are drawn from; a figure for which there is no data is left out.
        directory: of the results.
    """
    written = []
    with mpl.rc_context(dict(plotting.RC)):
        for name, make in kinds.items():
            figure = make(results)
            if figure is not None:
                written += plotting.save(figure, directory / "figures" / name)
    return written
