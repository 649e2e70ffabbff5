"""A trained run's planners at other budgets or prices."""

import dataclasses
from pathlib import Path
from typing import Any

from rich.console import Console

from experiments import runs
from experiments.analysis import columns, results
from experiments.bill import make as make_bill
from experiments.evaluation import (
    Split,
    TrainedSeed,
    build_problem,
    evaluate_agent,
    fixed_agent,
    load_params,
)
from experiments.runs import Run
from experiments.runs.progress import Progress
from experiments.studies.planning_depth.config import ControlConfig, SweepConfig
from rrplan.errors import InputError


def evaluate_trained(
    directory: Path, sweep: SweepConfig, acting: str | None = None, console: Console | None = None
) -> dict[str, Any]:
    """Evaluate the trained planners of a run at other budgets or prices; nothing is written.

    Args:
        directory: a run whose training has ended.
        sweep: the budgets, prices and number of held-out episodes.
        acting: rule of acting; None takes the one that the run has chosen, or was given.
        console: where progress is shown; None shows nothing.

    Returns:
        What ``results.json`` would hold, with the fixed agents alone and no best k: that is
        chosen on validation episodes.

    Raises:
        rrplan.InputError: there is no trained run, or something in the sweep is wrong.
    """
    run = runs.load_run(directory)
    if not sweep.prices:
        raise InputError(f"{directory} has no prices yet: finish the run, or give --prices")
    config = dataclasses.replace(run.config, sweep=sweep, control=ControlConfig())
    problem = build_problem(config)
    acting = acting or _acting_of(run)
    params = [load_params(problem, run, seed) for seed in range(run.config.seeds)]
    split = Split.held_out(sweep.episodes)
    agents = [fixed_agent("fixed", k, depth or None) for k, depth in sweep.pairs]
    evaluated = []
    with (
        Progress(console) as progress,
        progress.evaluations(f"{split.name}, {acting}", len(agents)) as bar,
    ):
        for agent in agents:
            bar.begin(agent.evaluation)
            rows = [
                evaluate_agent(problem, TrainedSeed(seed_params), agent, split, acting, bar.report)
                for seed_params in params
            ]
            table = columns.stack_tables([columns.to_table(episodes) for episodes in rows])
            evaluated.append((agent, table))
            bar.finish()
    bill = make_bill(problem, run.operations, measured=run.calibration)
    evaluated = [(dataclasses.replace(a, rates=bill.rates()), table) for a, table in evaluated]
    frame = columns.to_frame(evaluated)
    rows = [(agent, [table]) for agent, table in evaluated]
    return results.summarize(problem.config, run.versions, frame, acting, (), rows, bill)


def _acting_of(run: Run) -> str:
    if run.config.search.acting != "validate":
        return run.config.search.acting
    missing = f"{run.path} has not chosen a rule of acting yet: finish the run, or give --acting"
    return runs.read_json(run.results, missing=missing)["acting"]
