"""Prices that are worked out: what they come to, that they are kept, and what they change."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from experiments import runs
from experiments.cli.options import parse_run
from experiments.studies.planning_depth import pricing, reevaluating, study
from experiments.studies.planning_depth.config import ControlConfig, StudyConfig, SweepConfig
from experiments.studies.presets import preset
from rrplan import InputError
from rrplan.costs import Rates

SIMULATIONS = Rates()


def table(returns, simulations):
    returns = np.asarray(returns, np.float32)
    whole = np.full(returns.shape, 5)
    return {
        "untimed_return": returns,
        "simulations": simulations * whole,
        "looks": 0 * whole,
        "length": whole,
        "levels": 2 * simulations * whole,
    }


def work_out(reactive, searching, rates=SIMULATIONS, k=32):
    found = table(reactive, 0), table(searching, k)
    return pricing.work_out(*found, rates, k=k, acting="visits")


def test_prices_by_hand():
    # 0.192 more for 32 simulations at each of 5 decisions: 0.0012 each.
    priced = work_out([0.7, 0.7, 0.72], [0.892, 0.892, 0.912])
    assert priced.scale == pytest.approx(1.2e-3, rel=1e-5)
    assert priced.prices == (2e-3, 5e-3, 1e-2)  # 0.0018, 0.0054 and 0.0108 to one digit
    assert priced.pays


def test_the_knapsack_gets_the_prices_that_its_preset_has():
    # Of docs/demo/table.md: 0.9457 and 0.9901 with 197 simulations.
    gain, spent = 0.99008 - 0.9457, 196.69 / 5
    priced = work_out([0.9457, 0.9457], [0.9457 + gain] * 2, Rates(spent / 32))
    assert priced.prices == preset("knapsack", "quick").sweep.prices == (3e-4, 1e-3, 2e-3)


def test_sliding_tiles_get_the_prices_that_their_preset_has():
    # Of docs/tiles/table.md: -0.3954 and -0.2616 with 1,193 simulations.
    gain, spent = 0.3954 - 0.2616, 1193 / 5
    priced = work_out([-0.3954, -0.3954], [gain - 0.3954] * 2, Rates(spent / 128), k=128)
    assert priced.prices == preset("sliding_tiles", "quick").sweep.prices == (2e-4, 5e-4, 1e-3)


def test_the_scale_is_where_the_largest_k_earns_what_no_search_does():
    rng = np.random.default_rng(0)
    reactive = rng.normal(200, 9, 64)
    searching = reactive + rng.normal(7, 1, 64)
    rates = Rates(simulation=2.5, look=9.0, decision=0.5, level=0.1)
    priced = work_out(reactive, searching, rates)
    timed = [
        pricing.columns.timed_return(each, priced.scale, rates).mean()
        for each in (table(reactive, 0), table(searching, 32))
    ]
    assert timed[0] == pytest.approx(timed[1], rel=1e-6)


@given(
    st.lists(st.floats(-500, 500, width=32), min_size=2, max_size=9),
    st.floats(-50, 50, width=32),
    st.sampled_from([0, 1, 64]),
)
def test_prices_are_always_three_numbers_above_zero(returns, gain, k):
    priced = work_out(returns, np.asarray(returns, np.float32) + np.float32(gain), k=k)
    assert len(priced.prices) == 3
    assert 0 < priced.prices[0] < priced.prices[1] < priced.prices[2] < np.inf
    assert [float(f"{price:.0e}") for price in priced.prices] == list(priced.prices)


@pytest.mark.parametrize(
    ("reactive", "searching", "worth"),
    [
        ([500.0, 480.0], [480.0, 490.0], 15.0),  # the standard error of -20 and 10
        ([500.0, 500.0], [500.0, 500.0], 0.5),  # a thousandth of the return
        ([0.0, 0.0], [0.0, 0.0], 1e-3),
        ([0.4, 0.4], [0.2, 0.6], 0.2),
    ],
)
def test_where_search_gains_nothing_prices_follow_what_can_be_told_from_chance(
    reactive, searching, worth
):
    priced = work_out(reactive, searching)
    assert not priced.pays
    assert priced.scale == pytest.approx(worth / 160)
    assert pricing.told(priced).startswith("search does not pay here: k = 32 gains")


# In a study


@pytest.fixture
def unpriced(config):
    return dataclasses.replace(config, sweep=dataclasses.replace(config.sweep, prices=()))


def test_a_study_without_prices_works_them_out_and_keeps_them(
    tmp_path, unpriced, fake_work, capsys
):
    results = study.run_study(unpriced, tmp_path, console=Console(stderr=True))
    # 0.06 k / (k + 4) over k: 0.0533 for 160 simulations, of 1 reference simulation each.
    prices = results["config"]["sweep"]["prices"]
    assert prices == [5e-4, 2e-3, 3e-3]
    assert "prices: 0.0005, 0.002 and 0.003, as k = 32 gains 0.05" in capsys.readouterr().err
    stored = json.loads((tmp_path / "config.json").read_text())
    assert stored["priced"] == results["priced"]
    assert stored["priced"]["prices"] == stored["config"]["sweep"]["prices"] == prices
    assert {entry["price"] for entry in results["agents"]} == set(prices)
    # It took no evaluation that was not needed anyway.
    assert len(fake_work.evaluated) == len(set(fake_work.evaluated)) == 4 * 2 + 8


@pytest.mark.parametrize("finished_before", [0, 1, 4, 9])
def test_a_resumed_study_has_the_same_prices(
    tmp_path, unpriced, fake_work, monkeypatch, finished_before
):
    whole = study.run_study(unpriced, tmp_path / "whole")
    fake_work.evaluated.clear()
    fake_work.interrupt_after = finished_before
    with pytest.raises(KeyboardInterrupt):
        study.run_study(unpriced, tmp_path / "killed")
    fake_work.interrupt_after = None
    if finished_before > 4:  # they were written down before anything else was chosen
        monkeypatch.setattr(pricing, "work_out", None)
    assert study.run_study(unpriced, tmp_path / "killed", resume=True) == whole


def test_prices_stay_when_a_study_is_extended(tmp_path, unpriced, fake_work):
    first = study.run_study(unpriced, tmp_path)
    sweep = dataclasses.replace(unpriced.sweep, budgets=(*unpriced.sweep.budgets, 64))
    more = study.run_study(dataclasses.replace(unpriced, sweep=sweep), tmp_path, resume=True)
    assert more["config"]["sweep"]["prices"] == first["config"]["sweep"]["prices"]
    assert more["priced"] == first["priced"]


def test_a_directory_that_holds_the_run_is_refused_without_resume(tmp_path, unpriced, fake_work):
    study.run_study(unpriced, tmp_path)
    with pytest.raises(InputError, match="holds this run already"):
        study.run_study(unpriced, tmp_path)


def test_prices_that_are_given_are_taken(tmp_path, config, fake_work):
    results = study.run_study(config, tmp_path)
    assert results["config"]["sweep"]["prices"] == list(config.sweep.prices)
    assert results["priced"] is None
    assert runs.load_run(tmp_path).priced == {}


def test_all_seeds_have_the_prices_of_the_first(tmp_path, unpriced, fake_work):
    one = study.run_study(unpriced, tmp_path / "one")
    three = study.run_study(dataclasses.replace(unpriced, seeds=3), tmp_path / "three")
    assert three["priced"] == one["priced"]


def test_an_unfinished_run_without_prices_is_not_evaluated(tmp_path, unpriced, fake_work):
    study.train_only(unpriced, tmp_path)
    with pytest.raises(InputError, match="has no prices yet: finish the run, or give --prices"):
        reevaluating.evaluate_trained(tmp_path, unpriced.sweep)


# In a configuration


def test_presets_have_prices_or_leave_them_to_be_worked_out():
    assert preset("traps", "full").sweep.prices == (3e-4, 1e-3, 2e-3)
    assert preset("CartPole-v1", "quick").sweep.prices == ()
    assert parse_run(["CartPole-v1"], "run").study.sweep.prices == ()
    assert parse_run(["CartPole-v1", "--prices", "0.01"], "run").study.sweep.prices == (0.01,)
    assert parse_run(["knapsack", "--prices"], "run").study.sweep.prices == ()


@given(st.floats(1e-9, 1e3))
def test_agents_for_all_prices_are_trained_on_those_that_were_worked_out(scale):
    prices = tuple(scale * multiple for multiple in pricing.MULTIPLES)
    control = ControlConfig(agents=("gate-priced", "self-aware"))
    config = StudyConfig(env="Catch-bsuite", control=control).with_prices(prices)
    assert config.sweep.prices == prices
    ppo = config.control.ppo
    assert 0 < ppo.lowest_price <= prices[0] < prices[-1] <= ppo.highest_price


def test_a_range_that_was_given_is_widened_only():
    config = StudyConfig(env="Catch-bsuite")
    ppo = dataclasses.replace(config.control.ppo, lowest_price=1e-6, highest_price=0.1)
    config = dataclasses.replace(config, control=dataclasses.replace(config.control, ppo=ppo))
    ranged = config.with_prices((1e-3, 0.5)).control.ppo
    assert (ranged.lowest_price, ranged.highest_price) == (1e-6, 0.5)


def test_the_range_of_the_knapsacks_prices_is_the_usual_one():
    config = StudyConfig(env="knapsack", sweep=SweepConfig())
    assert config.with_prices((3e-4, 1e-3, 2e-3)).control.ppo == config.control.ppo
