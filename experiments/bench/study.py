"""A finished run once more: the lane engine against mctx in lockstep, and over lanes."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import tyro

from experiments import runs
from experiments.analysis.comparisons import as_json
from experiments.bench.lockstep import Outcome, Trained, compile_lockstep, lanes_used
from experiments.bench.search import Report
from experiments.bench.timing import Rounds, check_counts, measure, timed
from experiments.evaluation import (
    Split,
    TrainedSeed,
    build_problem,
    evaluate_agent,
    fixed_agent,
    load_params,
)
from experiments.studies.planning_depth.config import SweepConfig
from rrplan.capabilities import Described, require
from rrplan.errors import InputError
from rrplan.statistics import mean_ci, paired_difference


@dataclass(frozen=True)
class StudyOptions:
    """Run a study's fixed sweep by the lane engine and in lockstep, and at other lanes."""

    run: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Directory of a finished run; nothing is written there."""
    episodes: int = 1024
    """Held-out episodes, from the first."""
    budgets: tuple[int, ...] = ()
    """Simulations a decision, k, of the sweep; the run's own if none are given."""
    k: int = 8
    """Simulations a decision where numbers of lanes are compared."""
    lanes: tuple[int, ...] = (1, 16, 64, 1024)
    """Numbers of lanes, compared pair by pair."""
    rounds: Annotated[Rounds, tyro.conf.arg(name="")] = Rounds(seconds=0.0)
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/bench")
    """Directory of the result, study.json."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace a result that is there already."""

    def __post_init__(self):
        check_counts("episodes", (self.episodes,), least=2)  # an interval needs two
        if self.budgets:
            check_counts("budgets", self.budgets, least=0)
        check_counts("k", (self.k,), least=0)
        check_counts("lanes", self.lanes)
        finished(self.run)


def run_study(options: StudyOptions, report: Report = lambda line: None) -> dict[str, Any]:
    """Measure both parts and return the results as JSON.

    Raises:
        InputError: the run has no trained planner, or there are several devices.
    """
    if jax.device_count() > 1:
        raise InputError(
            f"found {jax.device_count()} devices: expected one, on which both are compared"
        )
    trained = load_trained(options.run, options.episodes, options.budgets)
    config = trained.problem.config
    return {
        "study": {
            "env": config.env,
            "env_kwargs": config.env_kwargs,
            "network": dict(require(trained.problem.network, Described).describe()),
            "acting": trained.acting,
            "c_init": config.search.c_init,
            "c_base": config.search.c_base,
            "value_floor": config.search.value_floor,
            "discount": config.search.discount,
            "seeds": config.seeds,
            "lanes": lanes_used(trained),
        },
        "lockstep": compare_lockstep(trained, options.rounds, report),
        "lanes": compare_lanes(trained, options.k, options.lanes, report),
    }


def load_trained(directory: Path, episodes: int, budgets: tuple[int, ...] = ()) -> Trained:
    """Return a finished run's planners, to evaluate on its first held-out episodes.

    Args:
        directory: of the run.
        episodes: how many.
        budgets: of the sweep; the run's own if empty.

    Raises:
        InputError: there is no run, or it has not finished, or has no intact checkpoint.
    """
    run, acting = finished(directory)
    sweep = _without_depths(run.config.sweep, budgets=budgets or run.config.sweep.budgets)
    problem = build_problem(dataclasses.replace(run.config, sweep=sweep))
    params = [load_params(problem, run, seed) for seed in range(run.config.seeds)]
    return Trained(problem, params, acting, Split.held_out(episodes))


def _without_depths(sweep: SweepConfig, **changes: Any) -> SweepConfig:
    """Return a sweep that is compared at fixed k's alone, whatever depths the study has."""
    return dataclasses.replace(sweep, depths=(), depth_budgets=(), **changes)


def run_engine(trained: Trained, k: int) -> Outcome:
    """Run the agent that always thinks ``k`` simulations by the engine, as the study does."""
    problem, _, acting, split = trained
    agent = fixed_agent("fixed", k)
    rows = [
        evaluate_agent(problem, TrainedSeed(params), agent, split, acting)
        for params in trained.params
    ]
    return Outcome(
        *(np.stack([np.asarray(getattr(row, name)) for row in rows]) for name in Outcome._fields)
    )


def compare_lockstep(
    trained: Trained, rounds: Rounds, report: Report = lambda line: None
) -> dict[str, Any]:
    """Time the sweep by the engine and in lockstep, and compare episode by episode."""
    budgets = trained.problem.config.sweep.budgets
    # The engine's budgets are traced: whatever it compiles, it compiles in its first call.
    first, again = (timed(lambda: run_engine(trained, budgets[0]))[0] for _ in range(2))
    compiling = {"engine": max(0.0, first - again), "lockstep": 0.0}
    cells = []
    for k in budgets:
        cells.append(_compare_at(trained, k, rounds))
        compiling["lockstep"] += cells[-1]["compile_seconds"]
        report(_line(cells[-1]))
    seconds = {name: sum(cell["seconds"][name]["median"] for cell in cells) for name in compiling}
    whole = {name: seconds[name] + compiling[name] for name in compiling}
    total = {
        "seconds": seconds,
        "compile_seconds": compiling,
        "lockstep_over_engine": seconds["lockstep"] / seconds["engine"],
        "lockstep_over_engine_with_compilation": whole["lockstep"] / whole["engine"],
    }
    report(
        f"all k: engine {seconds['engine']:.3g} s, lockstep {seconds['lockstep']:.3g} s,"
        f" {total['lockstep_over_engine']:.1f} times as long"
        f" ({total['lockstep_over_engine_with_compilation']:.1f} with compilation)"
    )
    return {"cells": cells, "total": total}


def compare_lanes(
    trained: Trained, k: int, lanes: Sequence[int], report: Report = lambda line: None
) -> dict[str, Any]:
    """Run the engine on the same episodes with other numbers of lanes, and count what differs."""
    config, outcomes, cells = trained.problem.config, [], []
    for count in lanes:
        sweep = _without_depths(config.sweep, budgets=(k,), num_lanes=count)
        problem = trained.problem._replace(config=dataclasses.replace(config, sweep=sweep))
        outcomes.append(run_engine(trained._replace(problem=problem), k))
        untimed = as_json(mean_ci(outcomes[-1].untimed_return))
        used = min(count, trained.split.episodes)
        cells.append({"lanes": count, "lanes_used": used, "untimed": untimed})
        report(f"lanes = {count:,}, k = {k}: mean return {untimed['mean']:.5g}")
    matrix = [[share_differing(one, other) for other in outcomes] for one in outcomes]
    return {"k": k, "cells": cells, "differing": matrix}


def share_differing(one: Outcome, other: Outcome) -> float:
    """Return the share of episodes of which anything differs, to the last bit."""
    pairs = zip(one, other, strict=True)
    return float(np.any([a != b for a, b in pairs], axis=0).mean())


def _compare_at(trained: Trained, k: int, rounds: Rounds) -> dict[str, Any]:
    compiling, lockstep = timed(lambda: compile_lockstep(trained, k))
    runners = {"engine": lambda: run_engine(trained, k), "lockstep": lockstep}
    warm, outcomes = {}, {}
    for name, run in runners.items():
        warm[name], outcomes[name] = timed(run)
    contestants = {name: lambda number, run=run: run() for name, run in runners.items()}
    timings = measure(contestants, rounds, warm)
    ours, theirs = (outcomes[name].untimed_return for name in ("engine", "lockstep"))
    return {
        "k": k,
        "seconds": timings,
        "compile_seconds": compiling,  # of lockstep, which compiles for each k
        "lockstep_over_engine": timings["lockstep"]["median"] / timings["engine"]["median"],
        "untimed": {"engine": as_json(mean_ci(ours)), "lockstep": as_json(mean_ci(theirs))},
        "difference": as_json(paired_difference(ours, theirs)),
        "differing": float((ours != theirs).mean()),
        "largest_difference": float(np.abs(ours - theirs).max()),
    }


def finished(directory: Path) -> tuple[runs.Run, str]:
    """Return a finished run and the rule of acting that it has chosen."""
    run = runs.load_run(directory)
    if not run.results.exists():
        raise InputError(f"{directory} has not finished: go on with it (rrplan run --resume)")
    return run, runs.load_results(directory)["acting"]


def _line(cell: dict[str, Any]) -> str:
    seconds, untimed = cell["seconds"], cell["untimed"]
    return (
        f"k = {cell['k']}: engine {seconds['engine']['median']:.3g} s,"
        f" lockstep {seconds['lockstep']['median']:.3g} s,"
        f" {cell['lockstep_over_engine']:.1f} times as long;"
        f" mean return {untimed['engine']['mean']:.5g} and {untimed['lockstep']['mean']:.5g},"
        f" {cell['differing']:.2%} of episodes differ"
    )
