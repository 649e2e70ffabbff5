"""Figures: written, the same each time, and labels that keep apart."""

import dataclasses

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from experiments import runs
from experiments.report.figures import drawing, labels, plotting
from experiments.report.figures.labels import Note
from experiments.studies.planning_depth import study
from rrplan import InputError
from tests.experiments import made_up


def test_figures_are_drawn_again_the_same(finished):
    paths = drawing.draw(finished)
    first = [path.read_bytes() for path in paths]
    assert [path.name for path in paths] == ["returns.png", "returns.svg", "front.png", "front.svg"]
    assert all(len(content) > 5_000 for content in first)
    assert [path.read_bytes() for path in drawing.draw(finished)] == first
    width_in_inches, least_dots = 6.9, 200
    assert matplotlib.image.imread(paths[0]).shape[1] >= least_dots * width_in_inches


def drawn(directory, results):
    """Draw results; return the names of the figures, each of which must be there twice."""
    runs.write_json(directory / "results.json", results)
    paths = drawing.draw(directory)
    assert all(path.stat().st_size > 5_000 for path in paths)
    names = [path.stem for path in paths]
    assert names[::2] == names[1::2]
    return names[::2]


def test_agents_that_control_themselves_are_drawn_too(tmp_path):
    results = made_up.results()
    assert drawn(tmp_path, results) == ["returns", "front", "thinking", "story"]


def test_results_of_older_runs_still_draw(tmp_path):
    older = made_up.older(made_up.results(agents=()))
    assert drawn(tmp_path, older) == ["returns", "front"]


def texts(figure):
    """Return all that is written inside the panels of a figure."""
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def test_lines_across_the_returns_are_of_learned_agents_and_the_oracle():
    figure = drawing.draw_returns(made_up.results())
    for axes in figure.axes:
        names = {text.get_text() for text in axes.texts}
        assert {"stopper", "oracle, on\n128 episodes"} <= names
        assert "entropy" not in names
    timed = figure.axes[1]
    levels = {line.get_ydata()[0] for line in timed.lines if len(set(line.get_ydata())) == 1}
    assert {0.95 - 3e-4 * 9.0, 0.96 - 5 * 3e-4 - 3e-4 * (5.0 - 0.3)} <= levels
    assert timed.get_ylim()[1] > 0.96 - 5 * 3e-4 - 3e-4 * (5.0 - 0.3) + 0.002
    without = drawing.draw_returns(made_up.results(("entropy", "oracle")))
    assert not {"oracle, on\n128 episodes", "oracle"} & texts(without)


def test_thinking_shows_the_learned_agent_at_its_least_price_beside_the_oracle():
    figure = drawing.draw_thinking(made_up.results())
    for axes, first in zip(figure.axes, (1, 2), strict=True):
        stopper, oracle, best_fixed = axes.lines
        # Groups of fewer than 20 decisions are left out; decisions are counted from 1.
        assert sorted(stopper.get_xdata()) == [first, first + 1, first + 2]
        assert len(oracle.get_xdata()) == 3
        assert best_fixed.get_ydata() == [8, 8]
    assert {"■ stopper", "★ oracle"} <= texts(figure)
    assert "◇ stopper-priced" not in texts(figure)


def test_thinking_shows_the_best_tuned_rule_where_nobody_has_learned():
    results = made_up.results(("entropy", "oracle"))
    assert "◆ entropy" in texts(drawing.draw_thinking(results))
    results["thinking"] = [g for g in results["thinking"] if g["agent"] == "oracle"]
    assert drawing.draw_thinking(results) is None


def test_a_grouping_with_one_group_has_no_panel():
    results = made_up.results(("stopper",))
    for group in results["thinking"]:
        if group["by"] == "legal_actions":
            group.update({name: group[name][:1] for name in ("at", "decisions", "mean", "error")})
    (axes,) = drawing.draw_thinking(results).axes
    assert axes.get_xlabel() == "Decision of the episode"


def test_the_story_says_what_thinking_changed():
    figure = drawing.draw_story(made_up.results())
    top, middle, bottom = figure.axes
    assert [label.get_text() for label in top.get_xticklabels()] == ["3 → 7", "3", "3", "3"]
    assert [bar.get_height() for bar in top.patches if bar.get_height() == 6] == [6]
    assert {"4", "3", "2", "1"} <= {text.get_text() for text in middle.texts}  # legal actions
    assert [label.get_text() for label in bottom.get_xticklabels()] == ["1", "2", "3", "4"]
    title = figure.get_suptitle()
    assert title == (
        "stopper, c = 0.0003, held-out episode 17: 6 simulations, return 0.9, timed 0.898"
    )


def test_a_long_story_is_told_in_part():
    results = made_up.results(("stopper",))
    results["stories"] = [made_up.story("stopper", 3e-4, length=50)]
    figure = drawing.draw_story(results)
    assert "first 40 decisions" in figure.get_suptitle()
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert (len(labels), labels[0]) == (40, "3\n↓\n7")


def test_labels_in_a_panel_keep_off_each_other_and_off_the_lines():
    figure = Figure(figsize=(4, 3), dpi=72)
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    points = rng.uniform(size=(12, 2))
    line = [(0.0, 0.0), (1.0, 1.0)]
    axes.plot(*zip(*line, strict=True))
    axes.plot(*points.T, "o")
    labels.write(
        figure, axes, [Note([tuple(p)], f"label {i}") for i, p in enumerate(points)], [line]
    )
    boxes = [text.get_window_extent().extents for text in axes.texts if text.get_text()]
    assert len(boxes) == 12
    for place, first in enumerate(boxes):
        for second in boxes[:place]:
            shared = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
            assert min(shared) <= 0
        left, bottom, right, top = axes.transData.inverted().transform(first.reshape(2, 2)).ravel()
        assert not (left < top and bottom < right)  # where the diagonal would go through


def test_without_results_there_is_nothing_to_draw(tmp_path):
    with pytest.raises(InputError, match="holds no results"):
        drawing.draw(tmp_path)


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


@pytest.mark.parametrize(
    ("centers", "sizes", "expected"),
    [
        ([9.0, 10.0, 2.0], [2.0, 2.0, 2.0], [7.0, 9.0, 2.0]),
        ([0.0, 0.0, 5.0], [2.0, 2.0, 2.0], [1.0, 3.0, 5.0]),
        ([5.0] * 6, [2.0] * 6, [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]),  # too many: above the lower end
    ],
)
def test_labels_are_kept_between_bounds(centers, sizes, expected):
    assert plotting.spread(centers, sizes, 0.0, 10.0) == pytest.approx(expected)


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
    drawing.draw(tmp_path)
    assert (tmp_path / "figures" / "returns.png").stat().st_size > 5_000
