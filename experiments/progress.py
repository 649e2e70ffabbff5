"""What a person sees while a study runs: bars on a terminal, a line per phase elsewhere."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import rich.progress
from rich.console import Console


class Progress:
    """Progress of a study, shown on a console, or nowhere.

    A context manager; on a terminal its bars move, elsewhere each phase prints a line as it ends.
    """

    def __init__(self, console: Console | None = None):
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
        """Show one training; yields what :func:`agents.fit.fit` reports its chunks to."""
        name = f"training {what}".strip()
        name = name if num_seeds == 1 else f"{name}, seed {seed + 1} of {num_seeds}"
        with self._phase(name, num_chunks) as task:
            evaluated = {"note": ""}

            def report(record: Mapping[str, Any]) -> None:
                if record.get("evaluation_return") is not None:
                    where = "timed" if what else "at k = 0"
                    evaluated["note"] = f"return {record['evaluation_return']:.3f} {where}"
                self._bars.update(task, completed=record["chunk"], **evaluated)

            yield report

    @contextlib.contextmanager
    def evaluations(self, name: str, total: int) -> Iterator["EvaluationBar"]:
        """Show a number of evaluations; yields the bar to move."""
        with self._phase(name, total) as task:
            yield EvaluationBar(self._bars, task)

    @contextlib.contextmanager
    def _phase(self, name: str, total: int) -> Iterator[rich.progress.TaskID]:
        task = self._bars.add_task(name, total=total, note="")
        start = time.perf_counter()
        yield task
        self._bars.update(task, completed=total)
        if not self._console.is_terminal:
            self.print(f"{name}: done in {time.perf_counter() - start:.0f} s")


class EvaluationBar:
    """The bar of a phase of evaluations: whole ones done, and how the one that runs is doing."""

    def __init__(self, bars: rich.progress.Progress, task: rich.progress.TaskID):
        self._bars, self._task = bars, task
        self._name, self._done, self._start = "", 0, 0.0

    def begin(self, name: str) -> None:
        """Say which evaluation runs now."""
        self._name, self._start = name, time.perf_counter()
        self._bars.update(self._task, note=name)

    def report(self, done: int, total: int, simulations: int) -> None:
        """Show how many of its episodes are done; :func:`rrplan.evaluate` calls this."""
        speed = simulations / max(time.perf_counter() - self._start, 1e-9)
        self._bars.update(
            self._task,
            completed=self._done + done / max(total, 1),
            note=f"{self._name}: {done:,} of {total:,} episodes, {speed:,.0f} simulations/s",
        )

    def finish(self) -> None:
        """Count one evaluation as done."""
        self._done += 1
        self._bars.update(self._task, completed=self._done)
