"""Yoked agents of a study: their donors are decisions of the validation episodes."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agents.declarations import Learned, Yoked
from agents.metapolicies.controls import yoked
from agents.metapolicies.controls.yoked import Donors
from experiments import runs
from experiments.bill import Bill
from experiments.evaluation import (
    Agent,
    Split,
    StudyProblem,
    TrainedSeed,
    evaluate_agent,
)
from experiments.runs import Run
from experiments.runs.progress import Progress
from experiments.studies.planning_depth.config import StudyConfig
from rrplan.errors import InputError
from rrplan.types import MetaPolicy, PyTree

Found = dict[str, tuple[MetaPolicy, PyTree]]


def list_agents(config: StudyConfig) -> list[Agent]:
    """Return the study's yoked agents, one for each price that they are tied at."""
    return [
        Agent(case.name, None, case.label, case.family, case.price, case.label, pays_as=case.donor)
        for case in _cases(config)
    ]


def find_all(
    problem: StudyProblem,
    run: Run,
    trained: TrainedSeed,
    seed: int,
    acting: str,
    bill: Bill,
    progress: Progress,
) -> Found:
    """Return the yoked meta-policies of a training seed, by ``NAME-PRICE``.

    Donors that are on disk are read.

    Args:
        problem: of the study.
        run: where donors are kept.
        trained: the seed's planner, and the meta-policies that others are tied to.
        seed: its number.
        acting: rule of acting.
        bill: of the study.
        progress: of the study.
    """
    config = problem.config
    split = Split.validation(config.sweep)
    cases = list(_cases(config))
    if not cases:
        return {}
    found: Found = {}
    with progress.evaluations(f"donors, seed {seed}", len(cases)) as bar:
        for case in cases:
            path = _path(run, acting, seed, case.label)
            if runs.load_arrays(path) is None:
                bar.begin(case.label)
                donor, family = case.donor, Learned.family
                tied = Agent(case.to, None, donor, family, case.price, donor, traced=True)
                tied = bill.charge(problem, tied, trained)
                episodes = evaluate_agent(problem, trained, tied, split, acting, bar.report)
                assert episodes.trace is not None  # as it is traced
                donors = yoked.collect(episodes.trace, problem.environment.num_actions)
                runs.save_arrays(path, {k: np.asarray(v) for k, v in donors._asdict().items()})
            found[case.label] = yoked.yoked(), _read(path)
            bar.finish()
    return found


def load_all(run: Run, seed: int, acting: str) -> Found:
    """Return the yoked meta-policies of a finished run's training seed, by ``NAME-PRICE``.

    Raises:
        InputError: donors are missing or damaged.
    """
    labels = [case.label for case in _cases(run.config)]
    return {label: (yoked.yoked(), _read(_path(run, acting, seed, label))) for label in labels}


class _Case(NamedTuple):
    """A yoked agent at one of the prices that it is tied at."""

    name: str
    to: str
    family: str
    price: float

    @property
    def label(self) -> str:
        return f"{self.name}-{self.price:g}"

    @property
    def donor(self) -> str:
        """The label of the agent that it is tied to."""
        return f"{self.to}-{self.price:g}"


def _cases(config: StudyConfig) -> Iterator[_Case]:
    for agent in config.control.declared():
        if isinstance(agent, Yoked):
            for price in config.trained_prices:
                yield _Case(agent.name, agent.to, agent.family, price)


def _path(run: Run, acting: str, seed: int, name: str) -> Path:
    return run.evaluation(f"donors-{acting}-seed{seed}-{name}")


def _read(path: Path) -> Donors:
    arrays = runs.load_arrays(path)
    if arrays is None:
        raise InputError(f"{path} is missing or damaged: go on with the run by --resume")
    return Donors(**arrays)
