"""What results.json says of episodes, and the tables made of it."""

import dataclasses
import io

import numpy as np
import pytest
from rich.console import Console

import rrplan
from experiments.analysis import columns, results
from experiments.analysis.results import BestFixed, best_fixed
from experiments.bill import Bill
from experiments.calibration import Calibration, Seconds
from experiments.evaluation import Agent, fixed_agent
from experiments.report import tables
from rrplan.costs import Rates
from rrplan.operations import Operations

RATES = Rates(simulation=1.5, look=0.5, decision=0.25, level=0.1)
RANDOM = Agent("random", None, "random", "untuned", look=50.0, rates=RATES)
OPERATIONS = Operations(step=50.0, evaluation=100.0)
SECONDS = Seconds(1e-4, 2e-6, 3e-6, 5e-7, 6e-6, levels=2.0, error=0.1, condition=9.0)
BILL = Bill("operations", "simulation", 0.1, 100.0, OPERATIONS, {})._replace(
    seconds=Calibration(SECONDS, SECONDS)
)


def table(returns, simulations):
    returns = np.atleast_2d(np.asarray(returns, np.float32))
    simulations = np.broadcast_to(np.int32(simulations), returns.shape)
    whole = np.full(returns.shape, 5, np.int32)
    return {
        "untimed_return": returns,
        "simulations": simulations,
        "looks": 2 * whole,
        "length": whole,
        "levels": 3 * simulations,
    }


def test_timed_return_by_hand():
    values = columns.timed_return(table([1.0, 0.5], [[10, 20]]), 0.01, Rates())
    np.testing.assert_allclose(values, [[0.9, 0.3]])
    values = columns.timed_return(table([1.0, 0.5], [[10, 20]]), 0.01, RATES)
    units = 1.5 * 10 + 0.5 * 10 + 0.25 * 5 + 0.1 * 30, 1.5 * 20 + 0.5 * 10 + 0.25 * 5 + 0.1 * 60
    np.testing.assert_allclose(values, [[1.0 - 0.01 * units[0], 0.5 - 0.01 * units[1]]])


def test_the_best_k_depends_on_the_price():
    curve = {0: table([0.90, 0.90], 0), 4: table([0.94, 0.94], 20), 32: table([0.96, 0.96], 160)}
    assert [choice.k for choice in best_fixed(curve, (0.0, 1e-3, 1e-2), Rates())] == [32, 4, 0]
    assert best_fixed(curve, (1e-3,), Rates())[0].timed == pytest.approx(0.92)
    assert best_fixed(curve, (1e-3,), Rates(simulation=3.0))[0].k == 0


def test_of_equals_the_smallest_k_is_best():
    curve = {8: table([1.0, 1.0], 0), 2: table([1.0, 1.0], 0)}
    assert best_fixed(curve, (0.0,), Rates())[0].k == 2


def charged(agent):
    return dataclasses.replace(agent, rates=BILL.rates(agent.look))


@pytest.fixture
def summary(config):
    rng = np.random.default_rng(0)
    instance = rng.normal(0.9, 0.03, size=64)
    ks = config.sweep.budgets
    agents = [
        (charged(fixed_agent("fixed", k)), table(instance + np.zeros((2, 1)) + 0.001 * k, 5 * k))
        for k in ks
    ]
    agents.append((charged(RANDOM), table(np.stack([instance] * 2), 50)))
    frame = columns.to_frame(agents)
    best = [BestFixed(price, 8, 0.9) for price in config.sweep.prices]
    rows = [(agent, [table]) for agent, table in agents]
    return results.summarize(config, {"jax": "1"}, frame, "visits", best, rows, BILL)


def test_results_have_one_entry_per_agent_and_price(summary, config):
    pairs = [(entry["agent"], entry["k"], entry["price"]) for entry in summary["agents"]]
    expected = [("fixed", k, price) for k in config.sweep.budgets for price in config.sweep.prices]
    expected += [("random", None, price) for price in config.sweep.prices]
    assert pairs == expected
    assert {"study", "config", "versions", "agents"} <= summary.keys()
    for entry in summary["agents"]:
        assert (entry["seeds"], entry["episodes"]) == (2, 64)
        for name in ("untimed", "timed", "simulations", "length"):
            low, high = entry[name]["ci95"]
            assert low <= entry[name]["mean"] <= high


def test_timed_is_untimed_minus_the_bill(summary):
    for entry in summary["agents"]:
        assert entry["timed_by"].keys() == {"simulations", "operations", "seconds"}
        for kind, timed in entry["timed_by"].items():
            rates = entry["rates"][kind]
            units = rates["simulation"] * entry["simulations"]["mean"]
            units += rates["look"] * entry["looks"]["mean"]
            units += rates["decision"] * entry["length"]["mean"]
            units += rates["level"] * entry["levels"]["mean"]
            bill = entry["price"] * units
            assert timed["mean"] == pytest.approx(entry["untimed"]["mean"] - bill)
        assert entry["timed"] == entry["timed_by"]["operations"]
        looks = 0 if entry["agent"] == "fixed" else 50.0 * 10
        operations = 150.0 * entry["simulations"]["mean"] + 100.0 * 5 + looks
        assert entry["operations"]["mean"] == pytest.approx(operations)
        # A simulation of the reference planner is the unit, whatever this planner's take.
        assert entry["rates"]["operations"]["simulation"] == 1.5
        assert entry["rates"]["simulations"] == Rates(level=0.1)._asdict()


def test_what_does_not_plan_evaluates_nothing():
    greedy = Agent("greedy", None, "greedy", "greedy")
    assert BILL.every_rate(greedy)["operations"].decision == 0
    assert BILL.operations_of(greedy, rrplan.Counts(decisions=5)) == 0
    assert BILL._replace(price_per="flop").rates(7.0) == Rates(150.0, 7.0, 100.0, 10.0)


def test_a_rising_curve_has_no_falls_and_a_dip_is_reported(config):
    noise = np.random.default_rng(0).normal(0, 0.01, size=(1, 200))
    curve = {0: noise + 0.9, 2: noise + 0.95, 8: noise + 0.93}
    agents = [(fixed_agent("fixed", k), table(values, k)) for k, values in curve.items()]
    summary = results.summarize(
        config,
        {},
        columns.to_frame(agents),
        "visits",
        [],
        [(agent, [table]) for agent, table in agents],
        BILL,
    )
    assert [(fall["from_k"], fall["to_k"]) for fall in summary["falls"]] == [(2, 8)]


def test_one_row_per_agent_seed_and_episode():
    alike = table(np.zeros((2, 3)), 1)
    stopper = Agent("stopper", None, "stopper-0.001", "learned", 1e-3)
    frame = columns.to_frame([(fixed_agent("fixed", 4), alike), (RANDOM, alike), (stopper, alike)])
    assert frame.shape == (18, 11)
    assert frame["k"].null_count() == 12
    assert frame["depth"].null_count() == 18
    assert frame["price"].to_list() == [None] * 12 + [1e-3] * 6
    assert frame.filter(agent="fixed").select("seed", "episode").rows() == [
        (seed, episode) for seed in range(2) for episode in range(3)
    ]


def test_weighted_counts_of_the_engine_and_of_the_oracle_stand_in_one_frame():
    plain = table(np.zeros((1, 3)), 2)
    engines, oracles = (
        plain | {name: np.full((1, 3), 2.2, kind) for name in columns.WEIGHTED}
        for kind in (np.float32, np.float64)
    )
    oracle = Agent("oracle", None, "oracle", "oracle", 1e-3)
    rows = [(fixed_agent("fixed", 4), engines), (RANDOM, plain), (oracle, oracles)]
    frame = columns.to_frame(rows)
    assert (
        frame["weighted_simulations"].to_list()
        == [float(np.float32(2.2))] * 3 + [None] * 3 + [2.2] * 3
    )
    assert "weighted_levels" not in columns.of_frame(frame.filter(agent="random"))


@pytest.mark.parametrize(
    ("mean", "interval", "digits", "expected"),
    [
        (0.92171, [0.9185, 0.9249], 2, "0.9217 ±.0032"),
        (0.92171, [0.9185, 0.9249], 1, "0.922 ±.003"),
        (350.04, [345.7, 354.3], 2, "350.0 ±4.3"),
        (-21.0, [-24.0, 2.0], 1, "-21 ±13"),
        (0.0, [0.0, 0.0], 2, "0"),
    ],
)
def test_estimates_show_the_digits_that_the_interval_bears(mean, interval, digits, expected):
    assert tables.format_estimate({"mean": mean, "ci95": interval}, digits) == expected


def test_the_markdown_table_marks_the_best_k(summary):
    lines = tables.markdown_table(summary).splitlines()
    assert lines[0] == "| agent | k | simulations | untimed | c = 0.0003 | c = 0.002 |"
    assert len({line.count("|") for line in lines[:7]}) == 1
    assert [line.startswith("| fixed | 8 |") for line in lines if "**" in line] == [True]


def test_the_terminal_table_fits_eighty_columns(summary):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(tables.terminal_table(summary))
    text = console.export_text()
    assert "…" not in text
    assert "*" in text
