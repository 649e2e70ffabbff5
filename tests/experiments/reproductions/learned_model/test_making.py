"""The study of learned models: the best k, its tables and its figure, from made-up returns."""

import warnings

import matplotlib as mpl
import numpy as np
import pytest

from experiments.report.figures import plotting
from experiments.reproductions import keeping
from experiments.reproductions.learned_model import making, tables
from experiments.reproductions.learned_model.arms import Arm, list_arms, settings_of
from experiments.reproductions.learned_model.figures import draw_returns
from experiments.reproductions.learned_model.options import LearnedModelOptions
from rrplan.errors import InputError

OPTIONS = LearnedModelOptions(k=(0, 4, 16), chunks=(2, 8), prices=(0.01,), seeds=2, episodes=32)
BEST = {None: 16, 2: 0, 8: 4}
"""The k at which each model earns most: two more for each step nearer to it."""


def made_up(arm):
    def table(k, shift):
        noise = 0.01 * np.random.default_rng(0).normal(size=(2, 32))
        steps = abs(OPTIONS.k.index(k) - OPTIONS.k.index(BEST[arm.chunks]))
        return {
            "untimed_return": (0.9 + shift - 0.1 * steps + noise).astype(np.float32),
            "length": np.full((2, 32), 5),
            "simulations": np.full((2, 32), 5 * k),
            "levels": np.full((2, 32), 5 * k),
            "looks": np.zeros((2, 32), int),
        }

    # On the held-out episodes all earn 0.01 more.
    return {
        "validation": {k: table(k, 0.0) for k in OPTIONS.k},
        "held-out": {k: table(k, 0.01) for k in OPTIONS.k},
    }


@pytest.fixture(scope="module")
def results():
    wrong = {name: [0.5, 0.75] for name in tables.HEADS}
    curves = {arm: made_up(arm) for arm in list_arms(OPTIONS)}
    found = making.summarize(curves, {2: [wrong, wrong], 8: [wrong, wrong]}, OPTIONS.prices)
    told = {"env": "knapsack", "return_label": "return", "options": keeping.tell(OPTIONS)}
    return found | told


def test_every_model_is_searched_in_and_judges_true_steps():
    assert [arm.label for arm in list_arms(OPTIONS)] == [
        *("true", "learned-2", "learned-8", "judged-2", "judged-8")
    ]
    config = settings_of(OPTIONS, 8)
    assert (config.num_chunks, config.evaluate_every, config.checkpoint_every) == (8, 8, 2)


def test_the_best_k_is_chosen_on_validation_episodes_and_told_of_others(results):
    best = {Arm(e["kind"], e["chunks"]): e["best"] for e in results["arms"]}
    for arm, (untimed, timed) in best.items():
        assert untimed["k"] == BEST[arm.chunks]
        assert untimed["seeds"] == [BEST[arm.chunks]] * 2
        assert untimed["timed"]["mean"] == pytest.approx(0.91, abs=0.005)
        # At a price of 0.01, five decisions of four simulations cost 0.2.
        assert timed["k"] == 0
    gain = best[Arm("true")][0]["gain"]
    assert gain["mean"] == pytest.approx(0.2)  # the noise is that of the same episodes
    assert gain["ci95"][0] == pytest.approx(0.2)


def test_tables_and_figure(results):
    text = tables.markdown(results)
    assert "| learned model | 8 | 0 | 4 | 4, 4 |" in text
    assert "| 2 | 1 | 0.5 | 0.5 |" in text
    with mpl.rc_context(dict(plotting.RC)), warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_returns(results).draw_without_rendering()


def test_a_wrong_length_gets_one_line():
    with pytest.raises(InputError, match="chunks must be at least 1, got 0"):
        LearnedModelOptions(chunks=(0, 2))
