"""The reproduction of Dynamic Thinker's figures: arms, what is made of them, tables, figures."""

import dataclasses
import warnings

import matplotlib as mpl
import numpy as np
import pytest

from experiments.report.figures import plotting
from experiments.reproductions.thinker import making, tables
from experiments.reproductions.thinker.arms import list_arms, settings_of
from experiments.reproductions.thinker.figures import draw_returns
from experiments.reproductions.thinker.options import DynamicThinkerOptions
from rrplan.costs import Rates
from rrplan.errors import InputError

OPTIONS = DynamicThinkerOptions(k=(0, 2, 4), prices=(0.01, 0.1), seeds=2)
RATES = Rates(1.0, 0.5, 0.25)


def made_up(arm):
    """Each imaginary step earns 0.02 more, with ten decisions an episode and half revisits."""
    k = 3.0 if arm.k is None else arm.k
    noise = 0.01 * np.random.default_rng(0).normal(size=(2, 64))
    count = np.full((2, 64), 10)
    thinks = arm.kind != "search"
    return {
        "untimed_return": (0.5 + 0.02 * k + noise).astype(np.float32),
        "length": count,
        "levels": (count * k).astype(int),
        "simulations": (count * k * (0.5 if thinks else 1.0)).astype(int),
        "looks": (count * (k + 1)).astype(int) if thinks else 0 * count,
    }


@pytest.fixture(scope="module")
def results():
    rows = {arm: made_up(arm) for arm in list_arms(OPTIONS)}
    found = making.summarize(rows, dict.fromkeys(rows, RATES), OPTIONS.prices)
    return found | {"env": "knapsack", "return_label": "return"}


def test_every_k_of_thinker_is_trained_for_as_many_real_steps():
    arms = list_arms(dataclasses.replace(OPTIONS, bare=True))
    assert [arm.label for arm in arms] == [
        *("search-0", "search-2", "search-4", "thinker-0", "thinker-2", "thinker-4"),
        *("bare-2", "bare-4", "dynamic-0.01", "dynamic-0.1"),
    ]
    for arm in arms[3:8]:
        config = settings_of(OPTIONS, arm)
        assert config.steps == arm.k + 1
        assert config.steps_per_chunk == OPTIONS.decisions * config.steps
        assert config.keep_tree == (arm.kind == "thinker")
    assert settings_of(OPTIONS, arms[-1]) == OPTIONS.thinker


def test_bills_and_the_best_k_at_each_price(results):
    entries = {(e["kind"], e["k"], e["price"]): e for e in results["arms"]}
    thinker = entries["thinker", 4, None]
    assert thinker["simulations"] == 2.0
    assert thinker["levels"] == 4.0
    timed = {(one["price"], one["bill"]): one["mean"] for one in thinker["timed"]}
    untimed = thinker["untimed"]["mean"]
    assert timed[0.01, "simulations"] == pytest.approx(untimed - 0.01 * 20)
    assert timed[0.1, "operations"] == pytest.approx(untimed - 0.1 * (20 + 25 + 2.5))
    dynamic = {(o["price"], o["bill"], o["other"]): o for o in results["dynamic"]}
    assert len(dynamic) == 8
    # Ten simulations of k cost more than they earn, at both prices: the best k is 0.
    assert dynamic[0.1, "simulations", "search"]["k"] == 0
    gain = dynamic[0.1, "simulations", "thinker"]["difference"]["mean"]
    assert gain == pytest.approx(0.06 - 0.1 * 15)


def test_what_imagining_brings_is_told_of_every_k(results):
    brought = {one["k"]: one for one in results["imagining"]}
    assert sorted(brought) == [2, 4]
    rows = {arm: made_up(arm)["untimed_return"].astype(float) for arm in list_arms(OPTIONS)}
    untimed = {arm.label: values.mean() for arm, values in rows.items()}
    for other, label in (("none", "thinker-0"), ("search", "search-4")):
        difference = untimed["thinker-4"] - untimed[label]
        assert brought[4][other]["mean"] == pytest.approx(difference, abs=1e-12)
    assert "| 4 | +0.08" in tables.markdown(results)


def test_the_table_and_the_figure_show_every_arm(results):
    text = tables.markdown(results)
    for name in ("search (PUCT)", "Thinker", "Dynamic Thinker"):
        assert f"| {name} |" in text
    with mpl.rc_context(dict(plotting.RC)), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw_returns(results)
        figure.canvas.draw()
    assert len(figure.axes) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": ()}, "k must be at least one number"),
        ({"k": (-1,)}, "k must be at least 0, got -1"),
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
    ],
)
def test_bad_options_get_one_clear_line(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        dataclasses.replace(OPTIONS, **changes)
    assert "\n" not in str(caught.value)
