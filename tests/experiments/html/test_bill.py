"""The page's bill, run by Node.js, against the suite's own on every episode."""

import numpy as np
import polars as pl
import pytest

from experiments.html import depth
from rrplan import costs
from tests.experiments.html.pages import run_bill

RATES = {"simulation": 1.5, "look": 0.7, "decision": 0.25, "level": 0.125}


@pytest.fixture
def collected(finished):
    return depth.collect([finished])


def test_every_price_of_the_slider_gives_the_timed_returns_of_the_episodes(finished, collected):
    frame = pl.read_parquet(finished / "episodes.parquet")
    prices = [price for run in collected["runs"] for price in run["prices"]]
    found = run_bill(
        "priceGrid(given.prices).map((price) => [price, given.data.rows.map((row) =>"
        " Object.keys(row.rates).map((bill) => timedReturn(row, price, bill)))])",
        {"prices": prices, "data": collected},
    )
    assert len(found) > 200
    assert {0.0, *prices} <= {price for price, _ in found}
    missing = pl.lit(None)
    for place, row in enumerate(collected["rows"]):
        episodes = frame.filter(
            pl.col("agent") == row["agent"],
            *(
                pl.col(name).eq_missing(missing if row[name] is None else row[name])
                for name in ("k", "depth", "price")
            ),
        )
        counts = costs.Counts(
            *(episodes[name].to_numpy() for name in ("simulations", "looks", "length", "levels"))
        )
        untimed = episodes["untimed_return"].to_numpy().astype(float)
        for kind_place, rates in enumerate(row["rates"].values()):
            for price, timed in found:
                charged = costs.Costs(price, costs.Rates(**rates))
                expected = costs.timed_return(untimed, charged, counts).mean()
                assert timed[place][kind_place] == pytest.approx(expected, abs=1e-9)


def test_a_bill_worked_out_by_hand():
    counts = {"simulations": 4, "looks": 2, "decisions": 8, "levels": 16}
    row = {"untimed": 1.0, "counts": counts, "rates": {"operations": RATES}}
    # 6 + 1.4 + 2 + 2 = 11.4 units
    assert run_bill("timedReturn(given, 0.01, 'operations')", row) == pytest.approx(0.886)


def test_the_best_k_falls_with_the_price_and_is_the_smallest_of_equals():
    rows = [
        {
            "k": k,
            "untimed": 1 - 1 / (k + 1),
            "rates": {"simulations": {**RATES, "look": 0, "decision": 0, "level": 0}},
            "counts": {"simulations": k, "looks": 0, "decisions": 5, "levels": 0},
        }
        for k in (8, 0, 2, 4)
    ]
    prices = [0.0, 1e-3, 0.02, 0.1, 1.0, 10.0]
    best = run_bill(
        "given.prices.map((price) => bestOf(given.rows, price, 'simulations').k)",
        {"rows": rows, "prices": prices},
    )
    expected = [
        max(rows, key=lambda row, c=c: row["untimed"] - 1.5 * c * row["counts"]["simulations"])["k"]
        for c in prices
    ]
    assert best == expected
    assert best == sorted(best, reverse=True)
    free = [{**row, "untimed": 1.0} for row in rows]
    assert run_bill("bestOf(given, 0, 'simulations').k", free) == 0


def test_a_difference_is_paired_and_has_the_error_of_the_episodes(collected):
    data = {"rows": collected["rows"], "groups": collected["groups"]}
    found = run_bill("difference(given, 1, 3, 0.0007, 'simulations')", data)
    (group,) = collected["groups"]
    assert found["paired"]
    assert found["episodes"] == group["episodes"] == 64
    timed = [
        row["untimed"] - 0.0007 * row["counts"]["simulations"]
        for row in (collected["rows"][1], collected["rows"][3])
    ]
    assert found["mean"] == pytest.approx(timed[0] - timed[1], abs=1e-12)
    assert run_bill("difference(given, 2, 2, 0.0007, 'simulations').error", data) == 0


def test_errors_are_those_of_paired_episodes(finished, collected):
    frame = pl.read_parquet(finished / "episodes.parquet").filter(pl.col("agent") == "fixed")
    returns = [
        frame.filter(k=k).sort("episode")["untimed_return"].to_numpy().astype(float) for k in (0, 8)
    ]
    bills = [
        frame.filter(k=k).sort("episode")["simulations"].to_numpy().astype(float) for k in (0, 8)
    ]
    apart = (returns[1] - 0.002 * bills[1]) - (returns[0] - 0.002 * bills[0])
    places = [
        next(i for i, row in enumerate(collected["rows"]) if (row["agent"], row["k"]) == key)
        for key in (("fixed", 8), ("fixed", 0))
    ]
    found = run_bill(
        "difference(given.data, ...given.places, 0.002, 'simulations')",
        {"data": collected, "places": places},
    )
    assert found["mean"] == pytest.approx(apart.mean(), abs=1e-9)
    assert found["error"] == pytest.approx(apart.std() / np.sqrt(apart.size), rel=1e-6)
