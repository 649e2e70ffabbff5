"""The study of learned models: the best k, its tables and its figure, from made-up returns."""

import dataclasses
import warnings

import matplotlib as mpl
import numpy as np
import pytest

from experiments.report.figures import plotting
from experiments.reproductions import keeping
from experiments.reproductions.learned_model import making, tables, thinkers
from experiments.reproductions.learned_model.arms import Arm, list_arms, settings_of
from experiments.reproductions.learned_model.figures import draw_returns
from experiments.reproductions.learned_model.options import LearnedModelOptions
from experiments.reproductions.learned_model.thinkers import Imagining, Played, list_thinkers
from rrplan.costs import Rates
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


THINKING = dataclasses.replace(OPTIONS, chunks=(2,), thinker_steps=5)


def played(one):
    """Return what two seeds did: in a learned model 0.1 less is earned, and 0.05 beside it."""
    less = {"true": 0.0, "learned": 0.1, "beside": 0.05}[one.kind]
    tables_ = [
        {
            "untimed_return": np.float32(0.9 - less)
            + np.linspace(-0.1, 0.1, 32, dtype=np.float32) * (1 + seed),
            "length": np.full(32, 5),
            "simulations": np.full(32, 10),
            "levels": np.full(32, 20),
            "looks": np.full(32, 25),
            "decisions": np.full(32, 5),
        }
        for seed in range(2)
    ]
    return [Played(table, Rates(2.0, 4.0, 1.0), None) for table in tables_]


def test_thinker_in_each_model_is_compared_with_the_true_one_and_the_one_left_alone():
    assert list_thinkers(OPTIONS) == []
    asked = list_thinkers(THINKING)
    assert [one.label for one in asked] == ["thinker-true", "thinker-learned-2", "thinker-beside-2"]
    assert [thinkers.settings_of(THINKING, one).model_steps for one in asked] == [0, 0, 16]
    assert {thinkers.settings_of(THINKING, one).steps_per_chunk for one in asked} == {20}
    assert "beside-2" in [arm.label for arm in list_arms(THINKING)]
    found = thinkers.summarize({one: played(one) for one in asked}, (0.01,))
    true, learned, beside = found
    assert true["than_true"] is None and learned["than_learned"] is None  # noqa: PT018
    assert learned["than_true"]["mean"] == pytest.approx(-0.1)
    assert beside["than_true"]["mean"] == pytest.approx(-0.05)
    assert beside["than_learned"]["ci95"] == pytest.approx([0.05, 0.05])
    assert (beside["imagined"], beside["calls"]) == (4.0, 2.0)
    # Ten simulations at 0.01; and under the whole bill each is two, and a look is four.
    means = [at["mean"] for at in true["timed"]]
    assert means[0] == pytest.approx(0.8)
    assert means[1] == pytest.approx(0.9 - 0.01 * (2 * 10 + 4 * 25 + 5))
    text = tables._thinkers(
        {"thinkers": found, "env": "knapsack", "options": keeping.tell(THINKING)}
    )
    assert "| learned model, learning beside it | 2 | 0.85" in text
    assert Imagining("true") in asked


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"thinker_steps": 18}, "thinker_steps is 18: expected at most 17"),
        (
            {"thinker_steps": 2, "thinker": dataclasses.replace(OPTIONS.thinker, model_steps=0)},
            "thinker.model_steps is 0: expected 1 or more",
        ),
    ],
)
def test_what_thinker_cannot_do_gets_one_line(changes, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(OPTIONS, **changes)
