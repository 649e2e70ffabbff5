"""Depth in a study: what is swept, what is tuned over it, what the oracle chooses among."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

import rrplan
from agents import networks
from agents.metapolicies import grids
from agents.networks import NetworkConfig
from experiments import roster
from experiments.analysis import entries
from experiments.analysis.entries import depth_curves, fixed_curve
from experiments.evaluation import (
    Domain,
    Split,
    TrainedSeed,
    build_problem,
    evaluate_agent,
    fixed_agent,
    list_agents,
    make_planner,
    study_key,
)
from experiments.report import tables
from experiments.studies.planning_depth import oracle_rows, study, training
from experiments.studies.planning_depth.config import ControlConfig, StudyConfig, SweepConfig
from rrplan.costs import Rates
from rrplan.engine.consult import NO_DEPTH_LIMIT
from rrplan.errors import InputError
from tests.experiments import made_up

SWEEP = SweepConfig(budgets=(0, 2, 8), prices=(3e-4, 2e-3), depths=(0, 4, 1), depth_budgets=(8,))


def test_pairs_are_every_k_and_the_swept_ones_with_each_limit():
    assert SWEEP.depths == (1, 4, 0)
    assert SWEEP.pairs == ((0, 0), (2, 0), (8, 0), (8, 1), (8, 4))
    assert SweepConfig().limited == ()
    assert [k for k, _ in SweepConfig(depths=(2,)).limited] == [8, 16, 32]
    assert SweepConfig(budgets=(0, 3, 5), depths=(2,)).limited == ((5, 2),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depths": (2, -1)}, "sweep.depths must be at least 1, or 0 for no limit, got -1"),
        ({"depth_budgets": (5,)}, r"sweep.depth_budgets must be above 0 and among .*, got 5"),
        ({"depth_budgets": (0,)}, r"sweep.depth_budgets must be above 0 and among .*, got 0"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SWEEP, **changes)


def test_agents_that_need_depths_are_refused_without_them():
    with pytest.raises(InputError, match=r"sweep.depths must be some limits, as fixed-depth"):
        StudyConfig(env="knapsack", control=ControlConfig(agents=("fixed-depth",)))
    with pytest.raises(InputError, match=r"control.depths must be some limits for gate-depth"):
        ControlConfig(agents=("gate-depth",), depths=())


def test_only_agents_of_depth_are_given_the_menu_of_depths():
    control = ControlConfig(agents=("gate", "gate-depth", "stopper-depth"), depths=(0, 2))
    by_name = {agent.name: control.meta(agent) for agent in control.learned()}
    assert by_name["gate"].depths == ()
    assert by_name["gate-depth"].depths == by_name["stopper-depth"].depths == (2, 0)
    assert by_name["gate-depth"].menu == control.gate_menu
    assert by_name["stopper-depth"].menu == control.stopper_menu
    without = set(roster.choosable()) - set(roster.choosable(depth=False))
    assert without == {"fixed-depth", "gate-depth", "stopper-depth"}


def test_the_oracle_chooses_among_what_agents_may():
    def of(agents, depths=(8, 2, 0)):
        control = ControlConfig(agents=(*agents, "oracle"), depths=depths)
        return oracle_rows.depths(StudyConfig(env="knapsack", sweep=SWEEP, control=control))

    assert of(("stopper", "entropy")) == (NO_DEPTH_LIMIT,)
    assert of(("stopper-depth",)) == (2, 8, NO_DEPTH_LIMIT)
    assert of(("fixed-depth",)) == (1, 4, NO_DEPTH_LIMIT)
    assert of(("fixed-depth", "gate-depth")) == (1, 2, 4, 8, NO_DEPTH_LIMIT)
    assert of(("gate-depth",), depths=(3,)) == (3, NO_DEPTH_LIMIT)


# Untimed returns by hand, and levels an episode of one decision.
EARNED = {(0, 0): 0.90, (2, 0): 0.93, (8, 0): 0.955, (8, 1): 0.94, (8, 4): 0.95}
LEVELS = {(0, 0): 0, (2, 0): 3, (8, 0): 32, (8, 1): 8, (8, 4): 20}


def best_pairs(level, prices):
    config = StudyConfig(env="knapsack", sweep=dataclasses.replace(SWEEP, prices=prices))
    grid = {"fixed-depth": grids.fixed_depth(None, SWEEP.pairs)}

    def run(candidate):
        counts = {"simulations": candidate.params[0], "levels": LEVELS[candidate.params]}
        one = {"untimed_return": EARNED[candidate.params], "looks": 0, "length": 1, **counts}
        return {name: np.full((1, 4), value, float) for name, value in one.items()}

    found = training.tune(config, grid, lambda name: run, lambda c, table: Rates(level=level))
    return [choice.candidate.params for choice in found["fixed-depth"]]


def test_the_best_pair_at_each_price():
    # Without a price on levels a limit only loses.
    assert best_pairs(0.0, (0.0, 1e-3, 1e-1)) == [(8, 0), (8, 0), (0, 0)]
    # At 1e-3 and a level for half a simulation: 0.9265, 0.931, 0.928, 0.932, 0.9 as listed below.
    level, price = 0.5, 1e-3
    timed = {pair: EARNED[pair] - price * (pair[0] + level * LEVELS[pair]) for pair in EARNED}
    assert timed[8, 4] == pytest.approx(0.932)
    assert timed[8, 0] == pytest.approx(0.931)
    assert best_pairs(level, (price,)) == [(8, 4)]
    assert best_pairs(4.0, (price,)) == [(2, 0)]


def swept(config):
    return dataclasses.replace(config, sweep=dataclasses.replace(SWEEP, episodes=64))


def test_rows_tell_the_limit(tmp_path, config, fake_work):
    results = study.run_study(swept(config), tmp_path)
    frame = pl.read_parquet(tmp_path / "episodes.parquet")
    of_fixed = frame.filter(agent="fixed")
    assert of_fixed.select("k", "depth").unique(maintain_order=True).rows() == [
        (0, None), (2, None), (8, None), (8, 1), (8, 4),
    ]  # fmt: skip
    assert frame.filter(pl.col("agent") != "fixed")["depth"].null_count() == len(frame) - 5 * 64
    curve = fixed_curve(results, 3e-4)
    assert [(entry["k"], entry["depth"]) for entry in curve] == [(0, None), (2, None), (8, None)]
    ((k, limited),) = depth_curves(results, 3e-4).items()
    assert (k, [entry["depth"] for entry in limited]) == (8, [1, 4, None])
    for entry in limited[:-1]:
        rows = of_fixed.filter(k=8, depth=entry["depth"])
        assert len(rows) == 64
        mean = rows["untimed_return"].cast(float).mean()
        assert entry["untimed"]["mean"] == pytest.approx(mean)
        assert entry["evaluation"] == f"fixed-8-depth{entry['depth']}"
        assert entry["difference"] is not None
    assert entries.best_fixed(results, 3e-4)["depth"] is None
    header, _, *rows = tables.markdown_table(results).splitlines()
    assert header.startswith("| agent | k | depth | simulations | untimed |")
    assert [row.split("|")[2:4] for row in rows if "| 4 |" in row] == [[" 8 ", " 4 "]]


def test_depths_add_to_a_run_and_change_nothing_in_it(tmp_path, config, fake_work):
    """What was run without depths is kept; its numbers stay as they were."""
    sweep = dataclasses.replace(SWEEP, episodes=64, depths=(), depth_budgets=())
    plain = study.run_study(dataclasses.replace(config, sweep=sweep), tmp_path)
    before = len(fake_work.evaluated)
    extended = study.run_study(swept(config), tmp_path, resume=True)
    new = {name for *_, name in fake_work.evaluated[before:]}
    assert new == {"fixed-8-depth1", "fixed-8-depth4"}
    free = [entry for entry in extended["agents"] if entry["depth"] is None]
    assert free == plain["agents"]
    assert extended["best_fixed"] == plain["best_fixed"]
    fewer = dataclasses.replace(swept(config), sweep=dataclasses.replace(sweep, depths=(1,)))
    with pytest.raises(InputError, match=r"holds another run \(sweep.depth"):
        study.run_study(fewer, tmp_path, resume=True)


def test_older_results_are_those_of_agents_without_a_limit():
    older = json.loads(json.dumps(made_up.results()))
    assert all("depth" not in entry for entry in older["agents"])
    assert [entry["k"] for entry in fixed_curve(older, made_up.PRICES[0])] == [0, 2, 8]
    assert depth_curves(older, made_up.PRICES[0]) == {}
    assert entries.best_fixed(older, made_up.PRICES[0])["k"] == 8
    assert "depth" not in tables.markdown_table(older).splitlines()[0]


def test_a_swept_pair_plays_as_the_engine_does_under_that_limit():
    """Episode by episode, against a meta-policy written out here."""
    config = StudyConfig(
        env="knapsack",
        env_kwargs={"num_items": 5},
        network=NetworkConfig(size="tiny"),
        search=rrplan.Search(acting="completed_q"),
        sweep=dataclasses.replace(SWEEP, num_lanes=8),
    )
    problem = build_problem(config)
    _, params = networks.build(
        config.network, problem.environment, problem.env_params, jax.random.key(5)
    )
    names = [agent.evaluation for agent in list_agents(problem) if agent.depth]
    assert names == ["fixed-8-depth1", "fixed-8-depth4"]
    split = Split("held-out", Domain.HELD_OUT, 16)
    agents = [fixed_agent("fixed", 8, depth) for depth in (1, 4, None)]
    found = [
        evaluate_agent(problem, TrainedSeed(params), agent, split, "completed_q")
        for agent in agents
    ]

    def apply(limit, keys, carry, seen):
        extra = jnp.where(seen.simulations == 0, 8, 0)
        return rrplan.Control(extra, jnp.full_like(extra, limit), carry)

    meta_policy = rrplan.MetaPolicy(lambda batch: (), apply, "once")
    for limit, episodes in zip((1, 4, NO_DEPTH_LIMIT), found, strict=True):
        expected = rrplan.evaluate(
            make_planner(problem, params, "completed_q"),
            meta_policy,
            jnp.int32(limit),
            key=study_key(config, Domain.HELD_OUT),
            episodes=16,
            num_lanes=8,
        )
        for name in ("untimed_return", "simulations", "levels", "length"):
            np.testing.assert_array_equal(getattr(episodes, name), getattr(expected, name))
        # Also where a node comes again; the last item that fits is packed without a search.
        assert set((episodes.length - episodes.simulations // 8).tolist()) <= {0, 1}
        assert not (episodes.simulations % 8).any()
    one, four, none = (episodes.levels.sum() for episodes in found)
    assert one == found[0].simulations.sum()
    assert one < four <= none
