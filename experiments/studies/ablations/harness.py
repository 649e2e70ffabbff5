"""What all ablations share: seeds, intervals, the difference to the first arm, rows, a table.

An *arm* is one setting. Each is trained once a seed, and evaluated on episodes that are the same
for every seed. 95% intervals resample seeds and episodes.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from agents.training.fit import begin
from agents.training.protocol import Training
from experiments.studies.ablations.record import First, Record, Row
from rrplan.errors import InputError
from rrplan.statistics import paired_difference
from rrplan.types import Array, PyTree


class Arm(Protocol):
    """One setting; what else it has is its kind's own."""

    @property
    def label(self) -> str:
        """What is changed, in words: of its own among the arms."""
        ...


class Trial(NamedTuple):
    """One arm, ready to be trained."""

    train: Callable[[int], PyTree]
    """``(seed) -> what was learned``."""
    evaluate: Callable[[PyTree], Mapping[str, Array]]
    """``(what was learned) -> columns [E]`` of held-out episodes, by name."""
    instances: str = ""
    """Arms with equal ones meet the same episodes, so that their difference can be taken."""
    facts: Mapping[str, Any] = {}
    """What its row tells beside what was measured, as JSON."""
    summarise: Callable[[Sequence[PyTree]], Row] = lambda learned: {}
    """``(what was learned, of each seed) -> more of the row``: how the trainings went, as JSON."""


def train(training: Training, seed: int) -> PyTree:
    """Return what a training has learned from a seed, after all of its chunks."""
    state, metrics = begin(training, jax.random.key(seed)), None
    for _ in range(training.config.num_chunks):
        state, metrics = training.advance(state)
    jax.block_until_ready(metrics)
    return state.params


class Column(NamedTuple):
    """One column of the table."""

    key: str  # in a row; what is missing there is shown as a dash
    header: str
    style: str  # of its numbers, as format() takes it


class Bench(NamedTuple):
    """The arms of an ablation, and what they are tried on."""

    arms: Sequence[Arm]
    """The others are compared with the first."""
    trial: Callable[[Any], Trial]
    """``(arm) -> trial``; called once for each arm that is not done."""
    compared: str
    """Which of the trials' columns the difference is taken of."""
    describe: Callable[[Mapping[str, np.ndarray]], Row]
    """``(columns [S, E]) -> more of the row``, as JSON."""
    columns: Sequence[Column]
    """Of the table, between the arm and its seconds."""


def choose(name: str, arms: Sequence[Arm], only: str) -> list[Arm]:
    """Return the arms of an ablation whose label contains a text.

    Raises:
        InputError: there is none.
    """
    chosen = [arm for arm in arms if only in arm.label]
    if not chosen:
        labels = ", ".join(repr(arm.label) for arm in arms)
        raise InputError(f"no arm of {name} has {only!r} in its label: expected part of {labels}")
    return chosen


def run(
    bench: Bench, record: Record, seeds: int, report: Callable[[str], None] = lambda line: None
) -> list[Row]:
    """Train and evaluate the arms that are not done; return the rows of all.

    Args:
        bench: the arms, and what they are tried on.
        record: of the arms that are done; it is written after each arm.
        seeds: trainings of each arm.
        report: takes each line of a Markdown table as soon as it is known.

    Raises:
        InputError: the record cannot be written, or a training fails.
    """
    record.write()
    for line in _head(bench.columns):
        report(line)
    done = {row["arm"]: row for row in record.rows}
    before = None
    for arm in bench.arms:
        if arm.label not in done:
            trial = bench.trial(arm)
            if before not in (None, trial.instances):
                # Programs of another environment are of no use; a process holds only so many.
                jax.clear_caches()
            before = trial.instances
            row, returns = _measure(arm, trial, bench, seeds, record.first)
            record.add(row, returns)
            done[arm.label] = row
        report(show(done[arm.label], bench.columns))
    return record.rows


def show(row: Mapping[str, Any], columns: Iterable[Column]) -> str:
    """Return a row as a line of a Markdown table; its seconds are the median of the seeds'."""
    cells = [row["arm"], *(_cell(row.get(column.key), column.style) for column in columns)]
    return _line([*cells, f"{np.median(row['seconds']):.0f}"])


def _measure(
    arm: Arm, trial: Trial, bench: Bench, seeds: int, first: First | None
) -> tuple[Row, First]:
    """Train an arm over the seeds; return its row and its returns."""
    trained, measured, seconds = [], [], []
    for seed in range(seeds):
        begun = time.perf_counter()
        learned = trial.train(seed)
        seconds.append(round(time.perf_counter() - begun, 1))
        trained.append(learned)
        measured.append(trial.evaluate(learned))
    columns = {name: np.stack([np.asarray(one[name]) for one in measured]) for name in measured[0]}
    own = First(columns[bench.compared], trial.instances)
    against = own if first is None else first
    same = against.instances == own.instances
    row = {
        "arm": arm.label,
        **trial.facts,
        **trial.summarise(trained),
        **bench.describe(columns),
        "difference": paired_difference(own.returns, against.returns)._asdict() if same else None,
        "seeds": own.returns.mean(axis=1).tolist(),
        "seconds": seconds,
    }
    return row, own


def _head(columns: Iterable[Column]) -> list[str]:
    headers = ["arm", *(column.header for column in columns), "seconds a seed"]
    return [_line(headers), _line(["---"] + ["---:"] * (len(headers) - 1))]


def _cell(value: Any, style: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return f"{value['mean']:{style}} [{value['low']:{style}}, {value['high']:{style}}]"
    return f"{value:{style}}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
