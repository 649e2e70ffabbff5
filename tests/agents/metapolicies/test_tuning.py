"""Tuning: the best candidate per price, by hand; the grids; and refusals in one line."""

import inspect
import math
import re
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rrplan
from agents.metapolicies import grids, tuning
from agents.metapolicies.tuning import tune
from rrplan.errors import InputError
from rrplan.planner import Planner

BUDGETS = (0, 1, 2, 4, 8, 32)


def episodes(untimed, simulations):
    return SimpleNamespace(untimed_return=np.array(untimed), simulations=np.array(simulations))


# Means: a earns 0.5 with 0 simulations, b 0.7 with 10, c 0.8 with 40; two seeds, two episodes.
RUNS = {
    "c": episodes([[0.7, 0.9], [0.6, 1.0]], [[30, 50], [40, 40]]),
    "b": episodes([[0.7, 0.7], [0.6, 0.8]], [[10, 10], [5, 15]]),
    "a": episodes([[0.5, 0.5], [0.5, 0.5]], [[0, 0], [0, 0]]),
}


def test_the_best_candidate_of_each_price_by_hand():
    # b overtakes c above 0.1 / 30 = 0.0033 a simulation, a overtakes b above 0.2 / 10 = 0.02.
    choices = tune(RUNS.get, RUNS, [0.03, 0.0, 0.003, 0.004, 0.019])
    assert [(choice.price, choice.candidate) for choice in choices] == [
        (0.03, "a"), (0.0, "c"), (0.003, "c"), (0.004, "b"), (0.019, "b"),
    ]  # fmt: skip
    np.testing.assert_allclose([choice.timed for choice in choices], [0.5, 0.8, 0.68, 0.66, 0.51])
    assert [choice.simulations for choice in choices] == [0, 40, 40, 10, 10]


def test_what_is_charged_is_float64_to_the_last_bit():
    untimed, simulations = np.array([0.1, 0.7]), np.array([3, 4])
    found = tune(lambda _: episodes(untimed, simulations), ["one"], [0.1])[0]
    assert found.timed == untimed.mean() - 0.1 * simulations.mean()


def test_each_candidate_is_run_once():
    asked = []

    def run(name):
        asked.append(name)
        return RUNS[name]

    tune(run, iter(RUNS), iter([0.0, 0.01, 0.1]))
    assert asked == list(RUNS)


def test_of_equals_the_one_with_the_fewest_simulations_then_the_first():
    runs = {
        "long": episodes([1.0, 1.0], [9, 9]),
        "short": episodes([1.0, 1.0], [3, 3]),
        "also short": episodes([1.0, 1.0], [2, 4]),
    }
    assert tune(runs.get, runs, [0.0])[0].candidate == "short"


def test_tables_of_a_sweep_will_do():
    curve = {k: vars(RUNS[name]) for k, name in ((0, "a"), (5, "b"), (20, "c"))}
    choices = tune(curve.get, sorted(curve), [0.0, 0.01, 0.1])
    assert [choice.candidate for choice in choices] == [20, 5, 0]


@pytest.mark.parametrize(
    ("candidates", "prices", "message"),
    [
        ([], [0.1], "no candidates to choose from"),
        (["a"], [], "no prices to choose for"),
        (["a"], [0.1, -0.1], r"price is -0.1: expected a finite number >= 0"),
        (["a"], [math.nan], r"price is nan: expected a finite number >= 0"),
        (["a", "nan"], [0.1], r"candidate nan earned what is NaN or infinite in 1 of 4 episodes"),
        (["a", "flat"], [0.1], r"candidate flat has episodes of shape \(2,\): expected \(2, 2\)"),
        (["odd"], [0.1], r"candidate odd has untimed returns of shape \(2,\) and simulations of"),
        (["none"], [0.1], r"candidate none has untimed returns of shape \(0,\)"),
    ],
)
def test_bad_input_gets_one_clear_line(candidates, prices, message):
    runs = {
        **RUNS,
        "nan": episodes([[0.0, math.nan], [1.0, 1.0]], np.zeros((2, 2))),
        "flat": episodes([0.0, 1.0], [1, 2]),
        "odd": episodes([0.0, 1.0], [1, 2, 3]),
        "none": episodes([], []),
    }
    with pytest.raises(InputError, match=message) as caught:
        tune(runs.get, candidates, prices)
    assert "\n" not in str(caught.value)


GRIDS = {
    "fixed": tuning.fixed_candidates(BUDGETS),
    "margin": tuning.margin_candidates(BUDGETS),
    "entropy": tuning.entropy_candidates(BUDGETS, tuning.entropy_thresholds(4)),
    "vet": tuning.vet_candidates(64, 4, rrplan.Search(c_init=2.0)),
}


@pytest.mark.parametrize("kind", GRIDS)
def test_the_grid_of_a_rule_shares_one_meta_policy_and_has_names_fit_for_files(kind):
    grid = GRIDS[kind]
    names = [str(candidate) for candidate in grid]
    assert len(set(names)) == len(names) <= 40
    assert all(re.fullmatch(rf"{kind}-[\w.-]+", name) for name in names)
    assert len({candidate.meta_policy for candidate in grid}) == 1
    structures = {jax.tree.structure(candidate.params) for candidate in grid}
    kinds = {tuple(type(leaf) for leaf in jax.tree.leaves(each.params)) for each in grid}
    assert len(structures) == len(kinds) == 1


def test_what_the_grids_hold():
    assert [each.params for each in GRIDS["fixed"]] == [0, 1, 2, 4, 8, 32]
    assert [each.params for each in tuning.margin_candidates([4, 2])] == [0, 2, 4]
    params = [each.params for each in GRIDS["entropy"]]
    assert params[0] == (0, math.inf)
    assert {each.k for each in params[1:]} == {1, 2, 4, 8, 32}
    assert len(params) == 1 + 5 * 6
    assert max(each.threshold for each in params[1:]) == 0.8 * math.log(4)
    params = [each.params for each in GRIDS["vet"]]
    assert params[0].cap == 0
    assert {each.cap for each in params[1:]} == {4, 8, 16, 32, 64}
    assert {each.c_init for each in params} == {2.0}
    assert [each.params.cap for each in tuning.vet_candidates(3, 4)] == [0, 3, 3]


@given(st.sets(st.integers(0, 300), min_size=1), st.integers(2, 9))
def test_every_grid_reaches_the_largest_budget(budgets, num_actions):
    largest = max(1, *budgets)  # as the sweep gives it
    planner = SimpleNamespace(
        environment=SimpleNamespace(num_actions=num_actions),
        max_simulations=largest,
        search=rrplan.Search(),
    )
    assert max(each.params for each in grids.margin(planner, budgets)) == max(budgets)
    assert max(each.params.k for each in grids.entropy(planner, budgets)) == max(budgets)
    assert max(each.params.cap for each in grids.vet(planner, budgets)) == largest
    assert max(each.params for each in tuning.fixed_candidates(budgets)) == max(budgets)
    assert set(grids.random_k(sorted(budgets))[1].tolist()) == budgets


def test_entropys_grid_stays_modest_above_16():
    ks = {each.params.k for each in tuning.entropy_candidates(range(257), [0.0])}
    assert ks == {*range(17), 32, 64, 128, 256}
    ks = {each.params.k for each in tuning.entropy_candidates((0, 8, 16, 24, 32, 48, 100), [0.0])}
    assert ks == {0, 8, 16, 24, 48, 100}


def test_quantiles_of_entropy_are_those_of_the_decisions_that_were():
    entropy = np.arange(12.0).reshape(2, 6)
    trace = SimpleNamespace(prior_entropy=entropy, valid=entropy < 11)  # 0, 1, ..., 10
    assert tuning.entropy_quantiles(trace) == pytest.approx((0, 2, 4, 6, 8, 9))
    trace = SimpleNamespace(prior_entropy=entropy, valid=entropy < 0)
    with pytest.raises(InputError, match="the trace holds no decision"):
        tuning.entropy_quantiles(trace)


def test_the_grid_of_vet_holds_no_two_that_cannot_differ():
    """Four visits: distances are 0, 0.5, 1, ..., so that all tolerances up to 0.4 are alike."""
    small = [each.params[:3] for each in GRIDS["vet"] if each.params.cap == 4]
    assert small == [(4, 0.2, 0.1), (4, 0.5, 0.1)]
    # Eight: 0, 0.25, 0.5, ...
    assert [each.params[1:3] for each in GRIDS["vet"] if each.params.cap == 8] == [
        (0.2, 0.1), (0.2, 0.4), (0.5, 0.1), (0.5, 0.4),
    ]  # fmt: skip
    assert sum(each.params.cap == 64 for each in GRIDS["vet"]) == 8


def test_the_example_of_the_page_runs(capsys):
    """With a problem of its own, and an engine that only looks at how it is called."""

    def engine(*args, **kwargs):
        call = inspect.signature(rrplan.evaluate).bind(*args, **kwargs).arguments
        cap = call["meta_params"].cap
        return episodes([1.0 - 0.5 / (cap + 1)] * 2, [cap] * 2)

    page = (Path(__file__).parents[3] / "docs" / "metapolicies.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (example,) = (one for one in examples if "tuning.tune(" in one)
    planner = Planner(SimpleNamespace(num_actions=3), None, None, None)
    exec(
        compile(example.replace("import rrplan\n", ""), "metapolicies.md", "exec"),
        {
            "planner": planner,
            "validation_key": None,
            "rrplan": SimpleNamespace(evaluate=engine),
        },
    )
    assert capsys.readouterr().out.startswith(
        "at 0.0001: vet-cap64-ratio0.2-tolerance0.1 with 64.0"
    )
