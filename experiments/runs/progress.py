"""What a person sees while a study runs: bars on a terminal, a line now and then elsewhere."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import rich.progress
from rich.console import Console

from experiments.runs.tracking import Tracker

EVERY = 25.0
"""Seconds between the lines of a phase, at least, where there is no terminal."""


class Progress:
    """Progress of a study, shown on a console, or nowhere.

    What trainings report goes to a tracker as well, if there is one.

    A context manager; on a terminal its bars move, elsewhere each phase prints a line as it
    begins, one now and then, and one as it ends.
    """

    def __init__(self, console: Console | None = None, tracker: Tracker | None = None):
        self._tracker = tracker
        self._console = console or Console(quiet=True)
        self._bars = rich.progress.Progress(
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(bar_width=24),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TimeRemainingColumn(),
            rich.progress.TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(self, *_) -> None:
        self._bars.stop()

    def print(self, text: str) -> None:
        """Print a line above the bars."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def training(
        self, seed: int, num_seeds: int, num_chunks: int, what: str = ""
    ) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Show one training; yields what :func:`agents.training.fit.fit` reports its chunks to."""
        tracked = "/".join([what or "planner", *([f"seed{seed}"] if num_seeds > 1 else [])])
        name = f"training {what}".strip()
        name = name if num_seeds == 1 else f"{name}, seed {seed + 1} of {num_seeds}"
        with self._phase(name, num_chunks, "chunks") as phase:
            note = ""

            def report(record: Mapping[str, Any]) -> None:
                nonlocal note
                if self._tracker is not None:
                    self._tracker.log(tracked, record)
                if record.get("evaluation_return") is not None:
                    where = "timed" if what else "at k = 0"
                    note = f"return {record['evaluation_return']:.3f} {where}"
                phase.show(record["chunk"], note)

            yield report

    @contextlib.contextmanager
    def evaluations(self, name: str, total: int) -> Iterator["EvaluationBar"]:
        """Show a number of evaluations; yields the bar to move."""
        with self._phase(name, total, "evaluations") as phase:
            yield EvaluationBar(phase)

    @contextlib.contextmanager
    def _phase(self, name: str, total: int, unit: str) -> Iterator["_Phase"]:
        phase = _Phase(self._bars, name, total, unit, self._say_elsewhere)
        yield phase
        phase.end()

    def _say_elsewhere(self, text: str) -> None:
        """Print a line where there are no bars."""
        if not self._console.is_terminal:
            self.print(text)


class _Phase:
    """A phase of a study: a bar, or lines."""

    def __init__(
        self,
        bars: rich.progress.Progress,
        name: str,
        total: int,
        unit: str,
        say: Callable[[str], None],
    ):
        self._bars, self._task = bars, bars.add_task(name, total=total, note="")
        self._name, self._total, self._unit, self._say = name, total, unit, say
        self._begun = self._told = time.perf_counter()
        say(f"{name}: begins, {total:,} {unit}")

    def show(self, done: float, note: str) -> None:
        """Show how much is done, and what is known."""
        self._bars.update(self._task, completed=done, note=note)
        now = time.perf_counter()
        if now - self._told < EVERY or done >= self._total:
            return
        self._told = now
        told = f"{int(done):,} of {self._total:,} {self._unit} after {now - self._begun:.0f} s"
        self._say(f"{self._name}: {told}{note and '; '}{note}")

    def end(self) -> None:
        """Show that all is done."""
        self._bars.update(self._task, completed=self._total)
        self._say(f"{self._name}: done in {time.perf_counter() - self._begun:.0f} s")


class EvaluationBar:
    """The bar of a phase of evaluations: whole ones done, and how the one that runs is doing."""

    def __init__(self, phase: _Phase):
        self._phase = phase
        self._name, self._done, self._start, self._note = "", 0, 0.0, ""

    def begin(self, name: str) -> None:
        """Say which evaluation runs now."""
        self._name, self._start = name, time.perf_counter()
        self._show(self._done, name)

    def report(self, done: int, total: int, simulations: int) -> None:
        """Show how many of its episodes are done; :func:`rrplan.evaluate` calls this."""
        speed = simulations / max(time.perf_counter() - self._start, 1e-9)
        note = f"{self._name}: {done:,} of {total:,} episodes, {speed:,.0f} simulations/s"
        self._show(self._done + done / max(total, 1), note)

    def finish(self) -> None:
        """Count one evaluation as done."""
        self._done += 1
        self._show(self._done, self._note)

    def _show(self, done: float, note: str) -> None:
        self._note = note
        self._phase.show(done, note)
