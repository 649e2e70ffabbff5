"""Evaluations and measurements that are kept on disk: what has finished is read."""

from collections.abc import Sequence
from pathlib import Path

from experiments import calibration, runs
from experiments.analysis import columns
from experiments.evaluation import Agent, Split, StudyProblem, TrainedSeed, evaluate_agent
from experiments.runs import Run
from experiments.runs.progress import Progress
from rrplan.types import Work


def evaluate_all(
    problem: StudyProblem,
    run: Run,
    trained: Sequence[TrainedSeed],
    agents: Sequence[Agent],
    split: Split,
    acting: str,
    progress: Progress,
    phase: str | None = None,
) -> dict[str, list[columns.Columns]]:
    """Return each evaluation's tables, one a seed; those that had finished before are read."""
    distinct = {agent.evaluation: agent for agent in agents}
    tables = {}
    phase = phase or f"{split.name}, {acting}"
    with progress.evaluations(phase, len(distinct) * len(trained)) as bar:
        for name, agent in distinct.items():
            rows = []
            for training_seed, one in enumerate(trained):
                path = file_of(run, split, acting, training_seed, name)
                table = columns.load_table(path, split.episodes)
                if table is None:
                    bar.begin(name)
                    works: list[Work] = []
                    episodes = evaluate_agent(
                        problem, one, agent, split, acting, bar.report, works.append
                    )
                    table = columns.to_table(episodes, agent.turns)
                    runs.save_arrays(path, table)
                    _log_time(run, path.stem, works, table)
                rows.append(table)
                bar.finish()
            tables[name] = rows
    return tables


def file_of(run: Run, split: Split, acting: str, training_seed: int, evaluation: str) -> Path:
    """Return where a run keeps an evaluation of a training seed's agent on a split's episodes."""
    return run.evaluation(f"{split.name}-{acting}-seed{training_seed}-{evaluation}")


def _log_time(run: Run, name: str, works: Sequence[Work], table: columns.Columns) -> None:
    """Log what an evaluation took by the clock; a rollout that does not search logs nothing."""
    for work in works:
        line = {
            "evaluation": name,
            "seconds": round(work.seconds, 3),
            "episodes": len(table["length"]),
            "simulations_per_second": round(work.simulations / work.seconds),
        }
        runs.append_json_line(run.timings, line)


def calibrate(problem: StudyProblem, run: Run, progress: Progress) -> Run:
    """Return the run with its calibration, if its study wants one.

    What was measured when the run began is kept: seconds differ from one measurement to the next,
    and all that is trained, tuned and compared must be charged alike.

    Raises:
        rrplan.InputError: what was measured is of no use, see :func:`experiments.calibration.fit`.
    """
    config = problem.config
    if run.calibration or not (config.calibrate or config.bill == "seconds"):
        return run
    with progress.evaluations("calibration", calibration.measurements(problem)) as bar:
        begun = False

        def measured(name: str) -> None:
            nonlocal begun
            if begun:
                bar.finish()
            bar.begin(name)
            begun = True

        found = calibration.calibrate(problem, measured)
    return runs.write_found(run, calibration=found.to_dict())
