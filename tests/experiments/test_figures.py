"""Figures: written, the same each time, and labels that keep apart."""

import dataclasses

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from experiments import figures, plotting, study
from rrplan import InputError


def test_figures_are_drawn_again_the_same(finished):
    paths = figures.draw(finished)
    first = [path.read_bytes() for path in paths]
    assert [path.name for path in paths] == ["returns.png", "returns.svg", "front.png", "front.svg"]
    assert all(len(content) > 5_000 for content in first)
    assert [path.read_bytes() for path in figures.draw(finished)] == first
    width_in_inches, least_dots = 6.9, 200
    assert matplotlib.image.imread(paths[0]).shape[1] >= least_dots * width_in_inches


def test_without_results_there_is_nothing_to_draw(tmp_path):
    with pytest.raises(InputError, match="holds no results"):
        figures.draw(tmp_path)


@pytest.mark.parametrize(
    ("centers", "sizes", "expected"),
    [
        ([0.0, 10.0], [2.0, 2.0], [0.0, 10.0]),
        ([0.0, 1.0], [2.0, 2.0], [-0.5, 1.5]),
        ([1.0, 0.0], [2.0, 2.0], [1.5, -0.5]),
        ([5.0, 5.0, 5.0], [2.0, 2.0, 2.0], [3.0, 5.0, 7.0]),
        ([], [], []),
    ],
)
def test_labels_are_spread_by_hand(centers, sizes, expected):
    assert plotting.spread(centers, sizes) == pytest.approx(expected)


def test_spread_labels_never_overlap_and_keep_their_order():
    rng = np.random.default_rng(0)
    for _ in range(200):
        centers, sizes = rng.uniform(0, 20, 8), rng.uniform(1, 4, 8)
        places = np.array(plotting.spread(centers, sizes))
        order = np.argsort(centers)
        gaps = np.diff(places[order]) - (sizes[order][1:] + sizes[order][:-1]) / 2
        assert gaps.min() > -1e-9


def test_the_scale_of_budgets_labels_what_fits_and_has_zero():
    axes = Figure().subplots()
    ticks = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64]
    plotting.scale_x(axes, ticks)
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert {"0", "1", "2", "4", "8", "16", "32", "64"} <= set(labels)
    assert len(axes.get_xticks()) + len(axes.get_xticks(minor=True)) == len(ticks)


def test_round_numbers():
    assert plotting.round_numbers(30) == [0, 1, 2, 5, 10, 20]
    assert plotting.round_numbers(0.0) == [0, 1]


def test_a_sweep_of_one_budget_can_be_drawn(tmp_path, config, fake_work):
    sweep = dataclasses.replace(config.sweep, budgets=(0,), prices=(0.0,))
    study.run_study(dataclasses.replace(config, sweep=sweep), tmp_path)
    figures.draw(tmp_path)
    assert (tmp_path / "figures" / "returns.png").stat().st_size > 5_000
