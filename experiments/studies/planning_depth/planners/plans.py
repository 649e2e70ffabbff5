"""How long a control that is a planner of its own is trained, and how large it is: kept on disk.

Seconds differ from one run to the next. So what was planned first is what counts when a run is gone
on with.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from agents.declarations import PlannerAlone
from agents.networks import PlannerNetwork, count_parameters
from agents.training import fit
from experiments import runs
from experiments.bill import Bill, operations_of_network
from experiments.cluster import processes
from experiments.evaluation import (
    Domain,
    StudyProblem,
    TrainedSeed,
    base_training,
    study_key,
)
from experiments.runs import Run
from experiments.seeds import name_key
from experiments.studies.planning_depth import training as meta_training
from experiments.studies.planning_depth.planners import budgets
from experiments.studies.planning_depth.planners.budgets import Spent
from experiments.studies.planning_depth.training import LearnedCase
from rrplan.operations import Operations

RATES = (1 / 3, 1.0, 3.0)
"""Learning rates that are tried, in multiples of that of the study's planner."""


class Plan(NamedTuple):
    """A planner that is trained alone."""

    chunks: int
    width: int | None
    """Units of its hidden layers; None where it has the network of the study's planner."""
    weights: int
    seconds: float
    """That planner and meta-policy were trained for, on average over training seeds."""
    operations: float
    """The same in operations."""


def make(
    problem: StudyProblem,
    run: Run,
    declared: PlannerAlone,
    trained: Sequence[TrainedSeed],
    bill: Bill,
) -> Plan:
    """Return the plan of a control: as it was made first, or made now and kept.

    Args:
        problem: of the study.
        run: where planner and meta-policy were trained, and where the plan is kept.
        declared: the control.
        trained: the study's planners with their meta-policies.
        bill: of the study.
    """
    path = run.path / "control" / f"{declared.training}.json"
    if path.exists():
        return Plan(**runs.read_json(path, missing=f"{path} is missing"))
    case = _case(run, declared)
    spent = _spent(problem, run, case, bill)
    width = None
    weights = count_parameters(trained[0].params)
    if declared.larger:
        meta_policy_params = trained[0].meta_policies[case.label][1]
        weights += count_parameters(meta_policy_params)
        width, weights = widen(problem, weights)
    wanted = problem_of(problem, width)
    mean = Spent(*(sum(column) / len(spent) for column in zip(*spent, strict=True)))
    chunks = _chunks(problem, run, declared, wanted, mean)
    plan = Plan(int(processes.hand_over(np.int32(chunks))), width, weights, *mean)
    runs.write_json(path, plan._asdict())
    return plan


def problem_of(
    problem: StudyProblem, width: int | None, chunks: int | None = None, rate: float = 1.0
) -> StudyProblem:
    """Return a study's problem with another network and another training of its planner.

    Args:
        problem: of the study.
        width: units of hidden layers; the study's own network if None.
        chunks: of the training; as many as the study's if None.
        rate: learning rate, in multiples of the study's.
    """
    config = problem.config
    train = dataclasses.replace(
        config.train,
        num_chunks=chunks or config.train.num_chunks,
        learning_rate=rate * config.train.learning_rate,
    )
    network, built = config.network, problem.network
    if width is not None:
        network = dataclasses.replace(network, width=width)
        assert isinstance(built, PlannerNetwork)  # as the configuration has seen to
        built = dataclasses.replace(built, width=width)
    config = dataclasses.replace(config, network=network, train=train)
    return problem._replace(config=config, network=built)


def widen(problem: StudyProblem, weights: int) -> tuple[int, int]:
    """Return the least width with which a study's network has so many weights, and how many.

    Args:
        problem: of the study.
        weights: at least.
    """

    def count(width: int) -> int:
        network: Any = problem_of(problem, width).network
        return count_parameters(jax.eval_shape(network.init, jax.random.key(0)))

    low, high = problem.config.network.units, problem.config.network.units
    while count(high) < weights:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if count(middle) >= weights else (middle, high)
    return high, count(high)


def operations_of(problem: StudyProblem) -> Operations:
    """Return the operations of a problem's planner."""
    return operations_of_network(problem, problem.network)


def _case(run: Run, declared: PlannerAlone) -> LearnedCase:
    """Return the training that a control is held against: that for the least price."""
    cases = meta_training.list_cases(run.config)
    return next(case for case in cases if case.agent.name == declared.to)


def _spent(problem: StudyProblem, run: Run, case: LearnedCase, bill: Bill) -> list[Spent]:
    """Return what each training seed's planner and meta-policy took together."""
    config, spent = problem.config, []
    chunk = budgets.operations_of_chunk(config.train, bill.planner)
    look = bill.looks[case.label]
    for seed in range(config.seeds):
        own = fit.read_metrics(run.training(seed))
        meta = fit.read_metrics(meta_training.training_directory(run, seed, case))
        planner = Spent(budgets.seconds_of(own), config.train.num_chunks * chunk)
        counted = budgets.operations_of_meta(meta, config.control.ppo, bill.planner, look)
        spent.append(planner + Spent(budgets.seconds_of(meta), counted))
    return spent


def _chunks(
    problem: StudyProblem, run: Run, declared: PlannerAlone, wanted: StudyProblem, spent: Spent
) -> int:
    """Return the chunks that come to what was spent, rounded up."""
    if declared.length == "operations":
        chunk = budgets.operations_of_chunk(wanted.config.train, operations_of(wanted))
        return math.ceil(spent.operations / chunk)
    chunks = problem.config.train.num_chunks
    seeds = range(problem.config.seeds)
    own = [budgets.seconds_of(fit.read_metrics(run.training(seed))) / chunks for seed in seeds]
    factor = 1.0
    if wanted.network != problem.network:
        key = name_key(study_key(problem.config, Domain.CALIBRATION), declared.training)
        factor = budgets.slower(base_training(wanted), base_training(problem), key)
    return math.ceil(spent.seconds / (factor * float(np.mean(own))))
