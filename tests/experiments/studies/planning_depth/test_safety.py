"""The safety net: who is replaced, by what, and that nothing is lost."""

import dataclasses
import json

import numpy as np
import polars as pl
import pytest

from experiments.analysis.results import BestFixed
from experiments.evaluation import Agent, fixed_agent
from experiments.report import tables
from experiments.studies.planning_depth import safety, study
from experiments.studies.planning_depth.config import ControlConfig
from rrplan.costs import Rates
from tests.experiments import made_up

BEST = [BestFixed(0.01, 4, 0.5)]
GATE = Agent("gate", None, "gate-0.01", "learned", 0.01, "gate-0.01", rates=Rates(look=0.5))


def table(untimed, simulations=0, looks=0):
    returns = np.asarray(untimed, np.float32)
    counts = {"simulations": simulations, "looks": looks, "length": 1, "levels": 0}
    return {"untimed_return": returns} | {
        name: np.full(returns.shape, count) for name, count in counts.items()
    }


def deploy(own, fixed=0.54, looks=0):
    """Deploy the gate: it runs 2 simulations, the best fixed k runs 4, at 0.01 each."""
    rows = [
        (fixed_agent("fixed", 4), [table([0.6, 0.7], 4)] * len(own)),
        (GATE, [table([0.8, 0.9], 2, looks)] * len(own)),
    ]
    validated = {
        "fixed-4": [table([fixed, fixed], 4)] * len(own),
        "gate-0.01": [table([each - 0.1, each + 0.1], 2, looks) for each in own],
    }
    return rows, *safety.deploy(rows, validated, BEST)


def test_an_agent_that_earns_less_after_the_bill_is_replaced():
    # 0.54 less 4 simulations is 0.50; 0.515 less 2 is 0.495.
    rows, deployed, replaced = deploy([0.515])
    assert deployed[0] == rows[0]
    agent, tables_ = deployed[1]
    assert tables_ == rows[0][1]
    assert agent == GATE
    one = replaced["gate", 0.01]
    assert (one.k, one.seeds, one.tables) == (4, (0,), rows[1][1])
    np.testing.assert_allclose(one.validation_timed, [0.495], atol=1e-6)
    np.testing.assert_allclose(one.validation_timed_fixed, [0.5], atol=1e-6)


@pytest.mark.parametrize("own", [0.525, 0.9])
def test_an_agent_that_earns_more_stays(own):
    rows, deployed, replaced = deploy([own])
    assert deployed == rows
    assert not replaced


@pytest.mark.parametrize("name", ["direct", "ranks", "stopper-deaf"])
def test_controls_are_not_replaced(name):
    control = dataclasses.replace(GATE, name=name)
    rows = [(fixed_agent("fixed", 4), [table([0.6], 4)]), (control, [table([0.1], 2)])]
    assert safety.deploy(rows, {}, BEST) == (rows, {})


def test_looks_are_charged_too():
    assert not deploy([0.525])[2]
    assert deploy([0.525], looks=2)[2]  # 0.505, less two looks at 0.005


def test_one_failed_training_among_several_is_replaced_alone():
    rows, deployed, replaced = deploy([0.6, 0.1, 0.7])
    (_, fixed), (_, own) = rows
    agent, tables_ = deployed[1]
    assert [id(table) for table in tables_] == [id(own[0]), id(fixed[1]), id(own[2])]
    assert agent == GATE
    assert replaced["gate", 0.01].seeds == (1,)


# In a study


@pytest.fixture
def learning(config):
    control = ControlConfig(agents=("stopper", "gate-priced"))
    return dataclasses.replace(config, seeds=2, control=control)


def entries(results, name):
    return {e["price"]: e for e in results["agents"] if e["agent"] == name}


def test_a_study_tells_of_both(tmp_path, learning, fake_work):
    fake_work.gained = lambda name, seed: -0.3 if (name, seed) == ("stopper", 1) else 0.1
    results = study.run_study(learning, tmp_path)
    stopper = entries(results, "stopper")[3e-4]
    assert "replaced" not in entries(results, "gate-priced")[3e-4]
    best = results["best_fixed"][0]["k"]
    replaced = stopper["replaced"]
    assert (replaced["k"], replaced["seeds"]) == (best, [1])
    own, fixed = (replaced[f"validation_timed{whose}"] for whose in ("", "_fixed"))
    assert own[0] > fixed[0]
    assert own[1] < fixed[1] - 0.2
    # What it earned by itself is not lost, and of the other seed nothing has changed.
    assert replaced["own"]["timed"]["mean"] < stopper["timed"]["mean"] - 0.1
    assert replaced["own"]["looks"]["mean"] == 2 * stopper["looks"]["mean"] == 5
    frame = pl.read_parquet(tmp_path / "episodes.parquet")
    columns = ("untimed_return", "simulations", "looks")
    second = [
        frame.filter(agent=name, seed=1, k=k).select(columns)
        if k is not None
        else frame.filter(agent=name, seed=1).select(columns)
        for name, k in (("stopper", None), ("fixed", best))
    ]
    assert second[0].equals(second[1])
    text = (tmp_path / "table.md").read_text()
    assert text.count(f"k = {best} for stopper at c = 0.0003 in 1 of 2 training seeds") == 2
    assert stopper["evaluation"] == "stopper-0.0003"
    assert "gate-priced†" not in text
    assert "| stopper† |" in text
    stored = json.loads((tmp_path / "results.json").read_text())["agents"]
    assert stored == results["agents"]


def test_who_is_replaced_in_all_seeds_takes_the_time_of_the_fixed_k(tmp_path, config, fake_work):
    fake_work.gained = lambda name, seed: -0.3
    control = ControlConfig(agents=("stopper", "gate-priced"))
    results = study.run_study(dataclasses.replace(config, control=control), tmp_path)
    for choice in results["best_fixed"]:
        entry = entries(results, "gate-priced")[choice["price"]]
        assert entry["evaluation"] == f"fixed-{choice['k']}"
        assert entry["replaced"]["own"]["evaluation"] == f"gate-priced-{choice['price']:g}"
        assert entry["difference"] == {"mean": 0.0, "ci95": [0.0, 0.0]}


def test_a_study_in_which_all_learn_needs_no_net(tmp_path, learning, fake_work):
    results = study.run_study(learning, tmp_path)
    assert not any("replaced" in entry for entry in results["agents"])
    assert "†" not in (tmp_path / "table.md").read_text()


# In tables


def test_tables_mark_who_is_replaced():
    results = made_up.results(("stopper", "stopper-priced"))
    entry = entries(results, "stopper-priced")[2e-3]
    entry["replaced"] = {"k": 2, "seeds": [0], "own": made_up.entry("stopper", 2e-3, 0.5, 1.0)}
    text = tables.markdown_table(results)
    note = (
        "† The best fixed k stands in, as the agent itself earned less than it on validation "
        "episodes: k = 2 for stopper-priced at c = 0.002 (by itself 0.498)."
    )
    assert text.count(note) == 2
    marked = [line for line in text.splitlines() if line.startswith("|") and "†" in line]
    assert len(marked) == 2
    assert all("stopper-priced" in line for line in marked)
