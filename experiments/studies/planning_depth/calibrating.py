"""When a study measures what thinking takes by the clock, and that it does so once."""

from experiments import calibration, runs
from experiments.evaluation import StudyProblem
from experiments.runs import Run
from experiments.runs.progress import Progress


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
