"""Trackers: the metrics of trainings, sent where they are watched as they come.

What is sent is what ``metrics.jsonl`` holds, a record a chunk. Nothing is sent unless it is asked
for, and the packages are extras.
"""

import contextlib
import hashlib
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from experiments.runs.codec import to_dict
from experiments.runs.directory import Run
from rrplan.errors import InputError

PACKAGES: Mapping[str, str] = {"tensorboard": "tensorboardX", "wandb": "wandb"}
"""The package that each tracker needs."""
TRACKERS = tuple(PACKAGES)
_STEP = "chunk"


class Tracker(Protocol):
    """Where metrics are sent."""

    def log(self, training: str, record: Mapping[str, Any]) -> None:
        """Send a record of ``metrics.jsonl`` of a training."""
        ...


@contextlib.contextmanager
def open_tracker(kind: str | None, run: Run) -> Iterator[Tracker | None]:
    """Yield the tracker of a run, and close it in the end; None yields None.

    A run that is gone on with goes on there too. What was sent after its last checkpoint is sent
    again, as training repeats it.

    Args:
        kind: one of :data:`TRACKERS`, or None.
        run: whose metrics will be sent.

    Raises:
        InputError: the tracker's package is not installed.
    """
    check(kind)
    if kind is None:
        yield None
        return
    tracker = _TensorBoard(run) if kind == "tensorboard" else _WeightsAndBiases(run)
    try:
        yield tracker
    finally:
        tracker.close()


def check(kind: str | None) -> None:
    """Refuse a tracker whose package is not installed.

    Raises:
        InputError: one line with the command that installs it.
    """
    if kind is not None and importlib.util.find_spec(PACKAGES[kind]) is None:
        raise InputError(f"--log {kind} needs {PACKAGES[kind]}: pip install {PACKAGES[kind]}")


class _TensorBoard:
    """Event files under ``tensorboard/`` in the run's directory, a folder a training."""

    def __init__(self, run: Run):
        self._module = importlib.import_module(PACKAGES["tensorboard"])
        self._directory = run.path / "tensorboard"
        self._writers: dict[str, Any] = {}

    def log(self, training: str, record: Mapping[str, Any]) -> None:
        """Write the numbers of a record."""
        step = record[_STEP]
        if training not in self._writers:
            # What lies there from this step on was written by one that was killed.
            self._writers[training] = self._module.SummaryWriter(
                str(self._directory / training), purge_step=step
            )
        for name, value in _numbers(record).items():
            self._writers[training].add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still held back."""
        for writer in self._writers.values():
            writer.close()


class _WeightsAndBiases:
    """A run of Weights & Biases, with the name of the run's directory."""

    def __init__(self, run: Run):
        module = importlib.import_module(PACKAGES["wandb"])
        place = str(run.path.resolve())
        self._known: set[str] = set()
        self._run = module.init(
            project="rrplan",
            name=run.path.name,
            id=hashlib.sha256(place.encode()).hexdigest()[:16],
            resume="allow",
            dir=place,
            config=to_dict(run.config),
        )

    def log(self, training: str, record: Mapping[str, Any]) -> None:
        """Send the numbers of a record, under the name of its training."""
        # A dot in the name of a step is read as a name inside another, which is then always 0.
        step = f"{training.replace('.', '_')}/{_STEP}"
        if training not in self._known:
            self._known.add(training)
            self._run.define_metric(step, hidden=True)
            self._run.define_metric(f"{training}/*", step_metric=step)
        sent = {f"{training}/{name}": value for name, value in _numbers(record).items()}
        self._run.log({**sent, step: record[_STEP]})

    def close(self) -> None:
        """Wait until all is sent."""
        self._run.finish()


def _numbers(record: Mapping[str, Any]) -> dict[str, float]:
    """Return what a record holds beside its chunk; what is not known has no number."""
    return {
        name: float(value) for name, value in record.items() if name != _STEP and value is not None
    }
