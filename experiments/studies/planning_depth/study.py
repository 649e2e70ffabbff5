"""The study: train base planners, sweep the budgets, charge the prices, write it down."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from agents.declarations import Rule
from agents.metapolicies.tuning import Candidate, Choice
from agents.training import fit
from envs import is_stochastic
from experiments import memory, modelling, runs
from experiments.analysis import caveats, columns, results
from experiments.analysis.timings import seconds_an_episode
from experiments.bill import Bill
from experiments.bill import make as make_bill
from experiments.cluster import processes
from experiments.evaluation import (
    Agent,
    Domain,
    Split,
    StudyProblem,
    TrainedSeed,
    base_training,
    build_problem,
    fixed_agent,
    list_agents,
    make_planner,
    model_training,
    study_key,
)
from experiments.report import figures
from experiments.report.tables import markdown_table
from experiments.runs import Run
from experiments.runs.progress import Progress
from experiments.runs.tracking import open_tracker
from experiments.studies.planning_depth import (
    oracle_rows,
    pricing,
    probing,
    safety,
    searched,
    training,
)
from experiments.studies.planning_depth.checks import check_agents, warn_of_other_versions
from experiments.studies.planning_depth.config import StudyConfig
from experiments.studies.planning_depth.evaluating import calibrate, evaluate_all
from experiments.studies.planning_depth.planners import alone
from rrplan.costs import Rates
from rrplan.search.final_action import RULES
from rrplan.types import PyTree


def run_study(
    config: StudyConfig,
    directory: Path,
    *,
    resume: bool = False,
    console: Console | None = None,
    log: str | None = None,
) -> dict[str, Any]:
    """Run a whole study in a directory, or go on with one, and return its results.

    The results are written as ``results.json``, drawn under ``figures/``, and at last written as a
    table: a run that has its table has all. The same configuration gives the same results on the
    same machine, interrupted or not.

    Args:
        config: what to run.
        directory: the run's directory; see :mod:`experiments.runs`.
        resume: go on with a run that was begun there.
        console: where progress is shown; None shows nothing.
        log: the tracker that metrics are sent to, see :mod:`experiments.runs.tracking`.

    Raises:
        rrplan.InputError: something in the configuration or the directory is wrong.
    """
    config = pricing.adopt(config, Path(directory))
    problem = build_problem(config, trains=True)
    left_out, config = config.left_out, problem.config
    check_agents(problem)
    with (
        runs.open_run(directory, config, resume=resume) as run,
        open_tracker(log, run) as tracker,
        Progress(console, tracker) as progress,
    ):
        warn_of_other_versions(run, progress)
        for name in left_out:
            progress.print(f"no {name}: its training needs the true model, and --model is learned")
        run = calibrate(problem, run, progress)
        kept: list[Mapping[str, Any]] = [run.operations]

        def keep(counted: Mapping[str, Any]) -> None:
            runs.write_found(run, operations=counted)
            kept.append(counted)

        bill = make_bill(problem, run.operations, keep, run.calibration)
        params = train_models(problem, run, train_planners(problem, run, progress), progress)
        problem, run = pricing.settle(problem, run, params[0], bill, progress)
        config = problem.config
        acting, best_fixed = validate(problem, run, params, bill, progress)
        tuned = tune(problem, run, params, acting, best_fixed, bill, progress)
        run = training.begin(config, run, acting, best_fixed)
        trained = training.train_all(problem, run, params, tuned, acting, bill, progress)
        agents = [*list_agents(problem), *training.list_agents(config, tuned)]
        agents = [bill.charge(problem, agent, trained[0]) for agent in agents]
        held_out = Split.held_out(config.sweep.episodes)
        tables = evaluate_all(problem, run, trained, agents, held_out, acting, progress)
        rows = [(agent, tables[agent.evaluation]) for agent in agents]
        validated = safety.validate(problem, run, trained, agents, best_fixed, acting, progress)
        rows += oracle_rows.work_out(problem, run, trained, acting, bill, progress)
        others = alone.work_out(problem, run, trained, acting, bill, progress)
        rows += others.rows
        deployed, replaced = safety.deploy(rows, validated, best_fixed)
        stacked = [(agent, columns.stack_tables(tables)) for agent, tables in deployed]
        frame = columns.to_frame(stacked)
        runs.write_config(dataclasses.replace(run, operations=kept[-1]))
        columns.write_frame(run.episodes, frame)
        summary = results.summarize(
            config, run.versions, frame, acting, best_fixed, rows, bill, replaced, others.bills
        )
        summary |= {"planners": others.told} if others.told else {}
        summary |= probing.probe_all(problem, run, trained, acting)
        summary |= {"priced": dict(run.priced) or None, "search": caveats.measure(stacked)}
        summary["stochastic"] = is_stochastic(problem.environment, problem.env_params)
        summary["warnings"] = caveats.find(summary)
        runs.write_json(run.results, summary)
        figures.draw(run.path)
        seconds = seconds_an_episode(run.timings, acting)
        runs.write_text(run.table, markdown_table(summary, seconds))
    return summary


def train_only(
    config: StudyConfig,
    directory: Path,
    *,
    resume: bool = False,
    console: Console | None = None,
    log: str | None = None,
) -> None:
    """Train the base planners of a study, and leave the rest to a later ``run --resume``.

    That may have any agents: a run that is begun so has none yet.

    Raises:
        rrplan.InputError: something in the configuration or the directory is wrong.
    """
    config = pricing.adopt(config, Path(directory))
    problem = build_problem(config, trains=True)
    begun = (Path(directory) / "config.json").exists()
    config = problem.config if begun else problem.config.without_agents()
    with (
        runs.open_run(directory, config, resume=resume) as run,
        open_tracker(log, run) as tracker,
        Progress(console, tracker) as progress,
    ):
        train_models(problem, run, train_planners(problem, run, progress), progress)


def train_planners(problem: StudyProblem, run: Run, progress: Progress) -> list[PyTree]:
    """Train each seed's base planner, or go on from its last checkpoint."""
    config, train = problem.config, base_training(problem)
    progress.print(str(memory.estimate(*problem)))
    trained = []
    for training_seed in range(config.seeds):
        key = study_key(config, Domain.TRAINING, training_seed)
        # The run directory has been claimed already, so fit is always free to go on.
        with progress.training(training_seed, config.seeds, config.train.num_chunks) as report:
            directory = run.training(training_seed)
            trained.append(fit.fit(train, key, directory, resume=True, report=report))
    return processes.hand_over(trained)


def train_models(
    problem: StudyProblem, run: Run, params: list[PyTree], progress: Progress
) -> list[PyTree]:
    """Train a model beside each seed's planner, or go on from its last checkpoint.

    Returns:
        The models' parameters; the planners' own where these search in the true model.
    """
    config, found = problem.config, []
    if problem.model is None:
        return params
    for seed, own in enumerate(params):
        made, directory = model_training(problem, own), modelling.directory_of(run, seed)
        chunks = made.config.num_chunks
        with progress.training(seed, config.seeds, chunks, "model") as report:
            key = modelling.key_of(config, seed)
            found.append(fit.fit(made, key, directory, resume=True, report=report))
    return processes.hand_over(found)


def validate(
    problem: StudyProblem, run: Run, params: Sequence[PyTree], bill: Bill, progress: Progress
) -> tuple[str, list[results.BestFixed]]:
    """Choose the rule of acting, and the best fixed k for each price, on validation episodes.

    One rule serves every agent: the one under which the best fixed k earns most, averaged over
    the prices. Values are pooled over training seeds. Where learned agents are there already, it is
    the one that they were trained with.
    """
    config = problem.config
    split = Split.validation(config.sweep)
    asked = run.begun.get("acting", config.search.acting)
    rules = RULES if asked == "validate" else (asked,)
    agents = [fixed_agent("fixed", k) for k in config.sweep.budgets]
    choices = {}
    for acting in rules:
        trained = [TrainedSeed(seed_params) for seed_params in params]
        tables = evaluate_all(problem, run, trained, agents, split, acting, progress)
        curve = {
            agent.k: columns.stack_tables(tables[agent.evaluation])
            for agent in agents
            if agent.k is not None
        }
        choices[acting] = results.best_fixed(curve, config.sweep.prices, bill.rates())
    acting = max(rules, key=lambda rule: np.mean([best.timed for best in choices[rule]]))
    return acting, choices[acting]


def tune(
    problem: StudyProblem,
    run: Run,
    params: Sequence[PyTree],
    acting: str,
    best_fixed: Sequence[results.BestFixed],
    bill: Bill,
    progress: Progress,
) -> dict[str, list[Choice]]:
    """Choose each tuned rule's parameters for each price, on the validation episodes."""
    split = Split.validation(problem.config.sweep)
    grids = training.make_grids(problem, params[0], acting)

    def evaluate(name):
        grid = grids[name]
        trained = [
            TrainedSeed(seed_params, {c.name: (c.meta_policy, c.params) for c in grid})
            for seed_params in params
        ]
        agents = [
            Agent(name, None, c.name, Rule.family, meta_policy=c.name, turns=c.turns) for c in grid
        ]
        tables = evaluate_all(
            problem, run, trained, agents, split, acting, progress, f"tuning {name}"
        )
        return lambda candidate: columns.stack_tables(tables[candidate.name])

    planner = make_planner(problem, params[0], acting)

    def rates(candidate: Candidate, table: Mapping[str, np.ndarray]) -> Rates:
        looks = table.get("traced_looks", table["looks"])  # those of all, as older runs have it
        turns = table["turns"].sum() / max(1, looks.sum()) if "turns" in table else 1.0
        meta_policy, own = candidate.meta_policy, candidate.params
        return bill.rates(bill.look_of(candidate.name, planner, meta_policy, own, turns))

    tuned = training.tune(problem.config, grids, evaluate, rates)
    tuned |= searched.find_all(problem, run, params, acting, best_fixed, split, bill, progress)
    order = [agent.name for agent in problem.config.control.declared()]
    return {name: tuned[name] for name in sorted(tuned, key=order.index)}
