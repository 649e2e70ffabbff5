"""Warnings: each where it is due, and nowhere else."""

import dataclasses
import json

import numpy as np
import pytest

from experiments.analysis import caveats
from experiments.cli import main as cli
from experiments.evaluation import Agent, fixed_agent
from experiments.report import tables
from experiments.studies.planning_depth import study
from experiments.studies.planning_depth.config import ControlConfig
from tests.experiments import made_up

GAINS = {
    "least_k": 0,
    "largest_k": 8,
    "difference": made_up.around(0.027),
    "alike": False,
}


def results(best=(2, 2), search=GAINS, prices=made_up.PRICES, agents=made_up.ALL, **others):
    """Return made-up results in which nothing is wrong, but for what is given."""
    made = made_up.results(agents, prices)
    made["best_fixed"] = [{"price": p, "k": k} for p, k in zip(prices, best, strict=True)]
    for entry in made["agents"]:
        if entry["agent"] == "random":
            entry["difference"] = made_up.around(-0.01)
    return {**made, "search": search, "priced": None, "stochastic": False, **others}


def test_nothing_is_warned_of_where_nothing_is_wrong():
    assert caveats.find(results()) == []
    older = made_up.older(made_up.results(("entropy",)))
    assert caveats.find({**older, "best_fixed": []}) == []


def test_search_that_lowers_the_return():
    search = GAINS | {"difference": made_up.around(-0.4, 0.1)}
    assert caveats.find(results(search=search)) == [
        "search lowers the return: k = 8 earns 0.4 [0.3, 0.5] less than k = 0, before the bill"
    ]
    within_noise = GAINS | {"difference": made_up.around(-0.4, 0.5)}
    assert caveats.find(results(search=within_noise)) == []


def test_a_short_search_that_lowers_the_return():
    falls = [
        {"from_k": 0, "to_k": 2, "difference": -0.3, "p_holm": 0.0},
        {"from_k": 0, "to_k": 4, "difference": -0.2, "p_holm": 0.0},
        {"from_k": 2, "to_k": 4, "difference": -0.5, "p_holm": 0.0},
        {"from_k": 0, "to_k": 8, "difference": -0.6, "p_holm": 0.0},  # the largest: told elsewhere
    ]
    made = results(search=GAINS) | {"falls": falls, "acting": "completed_q"}
    assert caveats.find(made) == [
        "a short search lowers the return: k = 2 earns 0.3 less than k = 0, before the bill; where "
        "the network's values err by that much, a larger --search.value-floor helps (it is 0.05)"
    ]
    assert caveats.find(made | {"acting": "visits"}) == []


def test_who_goes_round_in_circles():
    some = {"agent": "gate", "price": 1e-3, "decisions": 0.2, "episodes": 0.04}
    most = {"agent": "entropy", "price": 1e-3, "decisions": 0.7, "episodes": 0.594}
    assert caveats.find(results(circles=[some])) == []
    assert caveats.find(results(circles=[some, most])) == [
        "entropy goes round in circles in 59% of the episodes: half of their decisions or more are "
        "in situations met before in the episode, where a planner without memory does again what "
        "it did"
    ]


def test_agents_that_all_earn_the_same():
    assert caveats.find(results(search=GAINS | {"alike": True})) == [
        "all agents earn the same, 0.92 before the bill, up to chance: thinking changes nothing "
        "here"
    ]


@pytest.mark.parametrize(
    ("best", "where"), [((8, 2), "at c = 0.0003"), ((8, 8), "at c = 0.0003, 0.002")]
)
def test_a_sweep_that_ends_too_soon(best, where):
    assert caveats.find(results(best)) == [f"the best k is the largest, 8, {where}: raise --k"]


def test_random_that_is_better_for_want_of_budgets():
    made = results()
    entry = next(e for e in made["agents"] if e["agent"] == "random" and e["price"] == 2e-3)
    entry["difference"] = made_up.around(0.01)
    assert caveats.find(made) == [
        "random k earns more than the best fixed k at c = 0.002: give --k more values"
    ]


def test_prices_that_are_lost_in_the_return():
    # 48 simulations at 1e-6 beside a return of about 0.95.
    low = results(prices=(1e-7, 1e-6), agents=("entropy",))
    assert caveats.find(low) == [
        "prices are too low to matter: at c = 1e-06 k = 8 pays 4.8e-05 an episode, beside a return "
        "of 0.947; give higher --prices"
    ]
    assert caveats.find(results(prices=(1e-7, 2e-3), agents=("entropy",))) == []
    assert caveats.find(low | {"priced": {"pays": True}}) == []  # they follow what is gained


def test_prices_at_which_nobody_thinks():
    made = results(best=(0, 0))
    line = (
        "prices are so high that nobody thinks, though k = 8 gains 0.027 before the bill; give "
        "lower --prices"
    )
    assert caveats.find(made) == []  # entropy and the stopper do
    made = results(best=(0, 0), agents=("oracle",))
    assert caveats.find(made) == [line]
    nothing_gained = GAINS | {"difference": made_up.around(0.0)}
    assert caveats.find(made | {"search": nothing_gained}) == []


def test_an_environment_of_chance():
    (line,) = caveats.find(results(stochastic=True))
    assert line.startswith("the environment is stochastic: a search takes what it has once sampled")


def test_prices_that_search_does_not_pay_for():
    told = "search does not pay here: ..."
    assert caveats.find(results(priced={"pays": False, "told": told})) == [told]
    assert caveats.find(results(priced={"pays": True, "told": told})) == []


# What search gains


def rows(*untimed, agents=((0, "fixed"), (8, "fixed"))):
    return [
        (
            fixed_agent("fixed", k) if family == "fixed" else Agent(family, None, family, family),
            {"untimed_return": np.atleast_2d(np.asarray(values, np.float32))},
        )
        for (k, family), values in zip(agents, untimed, strict=True)
    ]


def test_what_search_gains_by_hand():
    measured = caveats.measure(rows([1.0, 2.0, 3.0], [1.5, 2.5, 3.5]))
    assert (measured["least_k"], measured["largest_k"], measured["alike"]) == (0, 8, False)
    assert measured["difference"] == {"mean": 0.5, "ci95": [0.5, 0.5]}
    assert caveats.measure(rows([1.0, 2.0], agents=((3, "fixed"),))) is None


def test_who_is_alike():
    rng = np.random.default_rng(0)
    returns = rng.normal(size=200)
    alike = rows(returns, returns + rng.normal(0, 0.1, 200))
    assert caveats.measure(alike)["alike"]
    assert caveats.measure(rows(returns, returns))["alike"]
    agents = ((0, "fixed"), (8, "fixed"), (None, "learned"))
    better = rows(returns, returns, returns + 0.1, agents=agents)
    assert not caveats.measure(better)["alike"]
    # Neither the greedy rule nor the oracle on its fewer episodes says anything of thinking.
    agents = ((0, "fixed"), (8, "fixed"), (None, "greedy"), (None, "ceiling"))
    others = rows(returns, returns, returns + 1, returns[:9] + 1, agents=agents)
    assert caveats.measure(others)["alike"]


# In a study


def test_a_study_keeps_shows_and_prints_its_warnings(tmp_path, config, fake_work, capsys):
    fake_work.stochastic = True
    config = dataclasses.replace(config, control=ControlConfig(agents=("margin",)))
    study.run_study(config, tmp_path)
    made = json.loads((tmp_path / "results.json").read_text())
    assert made["stochastic"] is True
    assert made["search"]["largest_k"] == 32
    assert made["search"]["difference"]["mean"] == pytest.approx(0.06 * 32 / 36, abs=0.003)
    (line,) = made["warnings"]
    assert "stochastic" in line
    assert (tmp_path / "table.md").read_text().endswith(f"\nWarnings:\n\n- {line}\n")
    assert cli.main(["table", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith(f"warning: {line}\n")


def test_a_table_without_warnings_has_no_such_heading():
    assert "Warnings" not in tables.markdown_table(made_up.results())
