"""Planners that reproductions train for themselves, one a training seed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.training import fit
from experiments.evaluation import Domain, StudyProblem, base_training, make_planner, study_key
from rrplan.planner import Planner


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
