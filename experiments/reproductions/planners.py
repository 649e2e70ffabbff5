"""Planners that reproductions train for themselves, one a training seed."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agents.training import fit
from experiments.evaluation import (
    Domain,
    StudyProblem,
    base_training,
    build_problem,
    make_planner,
    study_key,
)
from experiments.studies.planning_depth.config import StudyConfig
from experiments.studies.presets import preset
from rrplan.planner import Planner


def build(
    env: str,
    budgets: tuple[int, ...],
    chunks: int | None,
    train: Mapping[str, Any] = {},
    **changed: Any,
) -> StudyProblem:
    """Return the environment and the planners' network of a quick preset; nothing is trained.

    Args:
        env: name of the environment.
        budgets: numbers of simulations; the largest is the most that a decision may have.
        chunks: of a planner's training; those of the preset if None.
        train: what else is changed in its settings.
        changed: fields of the study that are changed.
    """
    config: StudyConfig = preset(env, "quick")
    length = {} if chunks is None else {"num_chunks": chunks}
    config = dataclasses.replace(
        config.without_agents(),
        train=dataclasses.replace(config.train, **train, **length),
        sweep=dataclasses.replace(config.sweep, budgets=budgets),
        **changed,
    )
    return build_problem(config, trains=True)


def train(
    problem: StudyProblem, directory: Path, seed: int, acting: str, report: Callable[[Any], None]
) -> Planner:
    """Return the planner of a training seed, trained or read.

    Args:
        problem: whose planner it is.
        directory: of its training.
        seed: number of the training seed.
        acting: rule of acting.
        report: called with each chunk's metrics.
    """
    key = study_key(problem.config, Domain.TRAINING, seed)
    params = fit.fit(base_training(problem), key, directory, resume=True, report=report)
    return make_planner(problem, params, acting)
