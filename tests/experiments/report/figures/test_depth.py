"""Figures of depth: drawn where depths were swept, and nowhere else."""

import numpy as np
import pytest

from experiments.report.figures import drawing
from tests.experiments import made_up

LIMITS = (1, 4)


def results(best=None):
    """Return results in which k = 2 and k = 8 were run with limits of depth too."""
    made = made_up.results(("stopper", "oracle"))
    for entry in made["agents"]:
        entry["levels"] = made_up.around(2.0 * entry["simulations"]["mean"])
        entry["depth"] = None
    made["agents"] += [
        made_up.entry(
            "fixed", price, 0.92 + 0.002 * k - 0.004 / depth, 6.0 * k, k,
            depth=depth, levels=made_up.around(6.0 * k * min(depth, 2)),
        )
        for k in (2, 8) for depth in LIMITS for price in made_up.PRICES
    ]  # fmt: skip
    if best:
        price = made_up.PRICES[0]
        made["agents"].append(made_up.entry("fixed-depth", price, 0.93, 12.0, evaluation=best))
    return made


def curves(axes):
    """Return the lines with marks, as points."""
    lines = (line for line in axes.lines if line.get_marker() in ("o", "s"))
    return [list(zip(*line.get_data(), strict=True)) for line in lines if len(line.get_xdata()) > 1]


def texts(figure):
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def test_returns_over_depth_are_a_line_for_each_k():
    figure = drawing.draw_depth(results())
    untimed, timed = figure.axes
    for axes, price in ((untimed, 0.0), (timed, made_up.PRICES[0])):
        for k, curve in zip((2, 8), curves(axes), strict=True):
            bill = price * 6.0 * k
            expected = [(d, 0.92 + 0.002 * k - 0.004 / d - bill) for d in LIMITS]
            np.testing.assert_allclose(curve, expected)
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert labels == ["1", "4", "none"]
    # Without a limit: the fixed k's own return, at the right end.
    marks = (line for line in untimed.lines if line.get_marker() in ("o", "s"))
    ends = [line.get_xydata()[0] for line in marks if len(line.get_xdata()) == 1]
    np.testing.assert_allclose(ends, [(8.0, 0.92 + 0.04 * k / (k + 4)) for k in (2, 8)])
    assert {"● k = 2", "■ k = 8", "k = 0"} <= texts(figure)


@pytest.mark.parametrize(
    ("best", "said", "ringed"),
    [
        ("fixed-depth-k8-depth4", "k = 8, depth 4", (4, 0.92 + 0.016 - 0.001 - 3e-4 * 48)),
        ("fixed-depth-k2", "k = 2, no limit", (8, 0.92 + 0.04 / 3 - 3e-4 * 12)),
    ],
)
def test_the_pair_that_was_best_is_outlined(best, said, ringed):
    timed = drawing.draw_depth(results(best)).axes[1]
    assert timed.get_title("right").endswith(f"best pair on\nvalidation episodes: {said}")
    (ring,) = [line for line in timed.lines if line.get_markersize() == 8.0]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == pytest.approx(ringed)


def test_the_front_over_levels_has_the_limits_beside_it():
    figure = drawing.draw_levels(results())
    (axes,) = figure.axes
    assert axes.get_xlabel() == "Levels an episode"
    assert {"k = 2, depth ≤ 1", "k = 8, depth ≤ 1", "≤ 4", "k = 8", "stopper"} <= texts(figure)
    lines = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 3]
    # Each k's own, up to where it has no limit; then the fixed k's.
    np.testing.assert_allclose(lines, [[12, 24, 24], [48, 96, 96], [0, 24, 96]])


def test_without_depths_there_is_no_figure_of_them():
    assert drawing.draw_depth(made_up.results()) is None
    assert drawing.draw_levels(made_up.results()) is None
