"""The chain that splits the stopper's gain adds up, whoever is in it."""

import io
import itertools

import numpy as np
import pytest
from rich.console import Console

from experiments.analysis import chains
from experiments.report import chain_tables
from tests.experiments import made_up

NAMES = ("schedule", "yoked", "stopper-deaf", "stopper", "direct", "ranks")
SPENT = {"yoked": (10.2, 0.0031), "stopper": (10.0, 0.003)}


def describe(names, spent=SPENT):
    drawn = np.random.default_rng(0).normal(size=(len(NAMES) + 2, 2, 40))
    timed = {name: drawn[place] for place, name in enumerate(NAMES) if name in names}
    return chains.describe(3e-4, timed, drawn[-1], drawn[-2], spent), timed, drawn


@pytest.mark.parametrize("names", [*itertools.combinations(NAMES[:3], 2), NAMES[:1], NAMES])
def test_steps_add_up_to_the_stoppers_gain(names):
    chain, timed, drawn = describe({*names, "stopper"})
    steps = [step["difference"]["mean"] for step in chain["steps"]]
    gain = (timed["stopper"] - drawn[-1]).mean()
    assert sum(steps) == pytest.approx(gain)
    assert chain["total"]["mean"] == pytest.approx(gain)
    order = [step["agent"] for step in chain["steps"]]
    assert order == [name for name in NAMES[:4] if name in {*names, "stopper"}]
    assert [step["after"] for step in chain["steps"]] == ["fixed", *order[:-1]]
    assert (chain["yoked"] is None) == ("yoked" not in names)


def test_there_is_no_chain_without_a_stopper_and_another():
    assert describe({"stopper"})[0] is None
    assert describe({"schedule", "yoked"})[0] is None
    assert describe({"schedule", "stopper"})[0]["steps"]
    chain, timed, drawn = describe({"direct"})
    assert (chain["steps"], chain["total"]) == ([], None)
    (direct,) = chain["beside"]
    assert direct["stopper"] is None
    assert direct["to_best_fixed"]["mean"] == pytest.approx((timed["direct"] - drawn[-1]).mean())
    assert direct["to_reactive"]["mean"] == pytest.approx((timed["direct"] - drawn[-2]).mean())


def test_tables_say_what_differs_in_the_amounts_of_the_yoked_agent():
    near, _, _ = describe(set(NAMES))
    assert near["yoked"]["apart"] == pytest.approx(0.02)
    results = {**made_up.results(), "chains": [near]}
    chain, beside = chain_tables.markdown_tables(results)
    rows = [line.split(" | ") for line in chain.splitlines() if line.startswith("| 0.0003")]
    named = ["fixed k = 8", "schedule", "yoked", "stopper-deaf", "stopper", "in all"]
    assert [row[1] for row in rows] == named
    assert "yoked runs 10.2 simulations an episode, the stopper 10." in chain
    assert "more than 5%" not in chain
    assert [line.split(" | ")[1] for line in beside.splitlines()[2:4]] == ["direct", "ranks"]
    console = Console(width=120, record=True, file=io.StringIO())
    for table in chain_tables.terminal_tables(results):
        console.print(table)
    assert 60 < max(len(line.rstrip()) for line in console.export_text().splitlines()) <= 80
    assert "| stopper | sees the search |" in chain
    (short, _) = chain_tables.markdown_tables(
        {**results, "chains": [describe(set(NAMES) - {"stopper-deaf"})[0]]}
    )
    assert "| stopper | knows the state, sees the search |" in short
    far, _, _ = describe(set(NAMES), SPENT | {"yoked": (12.0, 0.0036)})
    (chain, _) = chain_tables.markdown_tables({**results, "chains": [far]})
    assert "more than 5% apart; so -0.0006 of the step to yoked" in chain
    # Where the stopper does not think at all, nor must the yoked agent.
    for own, apart in ((0.0, 0.0), (1.0, None)):
        spent = {"yoked": (own, 0.0), "stopper": (0.0, 0.0)}
        assert describe(set(spent), spent)[0]["yoked"]["apart"] == apart
    assert chain_tables.markdown_tables(made_up.results()) == []
