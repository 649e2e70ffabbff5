"""Planners that are trained alone, as controls: trained, chosen on validation episodes, evaluated.

A whole training is spent on the planner, where a learned agent spends a part of it on a
meta-policy. Of three learning rates the one is taken whose planners earn most at k = 0 on the
validation episodes, with the first two training seeds. All training seeds share it, as they share
the best fixed k of each price.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from agents.declarations import PlannerAlone
from agents.training import fit
from experiments import calibration
from experiments.analysis import columns, results
from experiments.analysis.columns import Columns
from experiments.analysis.results import BestFixed
from experiments.bill import Bill
from experiments.cluster import processes
from experiments.evaluation import (
    Agent,
    Domain,
    Split,
    StudyProblem,
    TrainedSeed,
    base_training,
    fixed_agent,
    study_key,
)
from experiments.runs import Run
from experiments.runs.progress import Progress
from experiments.seeds import name_key
from experiments.studies.planning_depth.evaluating import evaluate_all
from experiments.studies.planning_depth.planners import plans
from experiments.studies.planning_depth.planners.plans import RATES, Plan

Row = tuple[Agent, list[Columns]]
TRYING = 2
"""Training seeds, the first ones, with which each learning rate is tried."""


class Alone(NamedTuple):
    """What these controls have brought forth."""

    rows: list[Row]
    """Each at each price with each seed's table ``[E]`` of held-out episodes."""
    bills: Mapping[str, Bill]
    """What each pays, by its name: by its own operations, at the study's price of an operation."""
    told: list[dict[str, Any]]
    """What each training was, as JSON."""


class _Chosen(NamedTuple):
    """The planners of one plan, at the learning rate that was chosen."""

    problem: StudyProblem
    trained: list[TrainedSeed]
    label: str
    bill: Bill
    best: Sequence[BestFixed]
    validated: Mapping[float, float]  # mean return at k = 0, by learning rate


def work_out(
    problem: StudyProblem,
    run: Run,
    trained: Sequence[TrainedSeed],
    acting: str,
    bill: Bill,
    progress: Progress,
) -> Alone:
    """Train the study's planners of their own, and evaluate them; what is on disk is read.

    Args:
        problem: of the study.
        run: where they are kept.
        trained: the study's planners with their meta-policies, whose trainings they are given.
        acting: rule of acting, the same for all agents.
        bill: of the study.
        progress: of the study.
    """
    declared = [a for a in problem.config.control.declared() if isinstance(a, PlannerAlone)]
    rows, bills, told, chosen = [], {}, [], {}
    for agent in declared:
        if agent.training not in chosen:
            plan = plans.make(problem, run, agent, trained, bill)
            found = _choose(problem, run, agent, plan, acting, bill, progress)
            chosen[agent.training] = found
            told.append(_tell(agent, plan, found))
        found = chosen[agent.training]
        bills[agent.name] = found.bill
        rows += _evaluate(run, agent, found, acting, progress)
    return Alone(rows, bills, told)


def _choose(
    problem: StudyProblem,
    run: Run,
    declared: PlannerAlone,
    plan: Plan,
    acting: str,
    bill: Bill,
    progress: Progress,
) -> _Chosen:
    """Train with each learning rate, choose one, and the best fixed k's with it."""
    split = Split.validation(problem.config.sweep)
    found = {}
    for rate in RATES:
        own = plans.problem_of(problem, plan.width, plan.chunks, rate)
        label = f"{declared.training}-lr{own.config.train.learning_rate:g}"
        trained = _train(own, run, declared, label, TRYING, progress)
        tables = _play(own, run, trained, label, [0], split, acting, progress)
        returns = np.stack([table["untimed_return"] for table in tables[0]])
        found[own.config.train.learning_rate] = own, label, float(returns.mean())
    own, label, _ = max(found.values(), key=lambda one: one[-1])
    trained = _train(own, run, declared, label, own.config.seeds, progress)
    curve = _play(own, run, trained, label, own.config.sweep.budgets, split, acting, progress)
    paid = _bill(own, run, plan, bill)
    stacked = {k: columns.stack_tables(tables) for k, tables in curve.items()}
    best = results.best_fixed(stacked, own.config.sweep.prices, paid.rates())
    return _Chosen(own, trained, label, paid, best, {rate: one[-1] for rate, one in found.items()})


def _train(
    own: StudyProblem, run: Run, declared: PlannerAlone, label: str, seeds: int, progress: Progress
) -> list[TrainedSeed]:
    """Train the planners of the first seeds, or go on from their last checkpoints."""
    config, training, params = own.config, base_training(own), []
    for seed in range(min(seeds, config.seeds)):
        key = name_key(study_key(config, Domain.TRAINING, seed), declared.training)
        directory = run.training(seed) / "control" / label
        with progress.training(seed, config.seeds, config.train.num_chunks, label) as report:
            params.append(fit.fit(training, key, directory, resume=True, report=report))
    return [TrainedSeed(one) for one in processes.hand_over(params)]


def _play(
    own: StudyProblem,
    run: Run,
    trained: Sequence[TrainedSeed],
    label: str,
    ks: Sequence[int],
    split: Split,
    acting: str,
    progress: Progress,
) -> dict[int, list[Columns]]:
    """Return each seed's table of each k on a split's episodes, read where it is on disk."""
    agents = {k: Agent(label, k, f"{label}-k{k}", fixed_agent("fixed", k).family) for k in ks}
    phase = f"{split.name}, {label}"
    tables = evaluate_all(own, run, trained, [*agents.values()], split, acting, progress, phase)
    return {k: tables[agent.evaluation] for k, agent in agents.items()}


def _evaluate(
    run: Run, declared: PlannerAlone, found: _Chosen, acting: str, progress: Progress
) -> list[Row]:
    """Return a control's rows: at each price its own k, on the held-out episodes."""
    sweep = found.problem.config.sweep
    ks = {best.price: best.k if declared.k is None else declared.k for best in found.best}
    held_out, distinct = Split.held_out(sweep.episodes), sorted(set(ks.values()))
    trained, label = found.trained, found.label
    tables = _play(found.problem, run, trained, label, distinct, held_out, acting, progress)
    rates = found.bill.rates()
    return [
        (
            Agent(
                declared.name,
                None,
                f"{label}-k{k}",
                declared.family,
                price,
                rates=rates,
                bounded=declared.bounded,
            ),
            tables[k],
        )
        for price, k in ks.items()
    ]


def _bill(own: StudyProblem, run: Run, plan: Plan, bill: Bill) -> Bill:
    """Return what a planner pays: by its own operations or seconds, at the study's prices."""
    if plan.width is None:
        return bill
    seconds = bill.seconds
    if seconds is not None:
        path = run.path / "control" / f"seconds-width{plan.width}.json"
        measured = calibration.of_network(own, path)
        seconds = seconds._replace(planner=measured)
    return bill._replace(planner=plans.operations_of(own), seconds=seconds)


def _tell(declared: PlannerAlone, plan: Plan, found: _Chosen) -> dict[str, Any]:
    """Return what a training was, as ``results.json`` has it."""
    train = found.problem.config.train
    return {
        "training": declared.training,
        "to": declared.to,
        **plan._asdict(),
        "learning_rate": train.learning_rate,
        "validated": [{"learning_rate": r, "mean": mean} for r, mean in found.validated.items()],
        "simulation": found.bill.planner.simulation,
        "best": [{"price": best.price, "k": best.k} for best in found.best],
    }
