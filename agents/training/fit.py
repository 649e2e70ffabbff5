"""The loop around training: progress, metrics, evaluation, checkpoints, resuming."""

import dataclasses
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agents.training import checkpoints, keeping
from agents.training.protocol import Metrics, State, Training
from rrplan.errors import InputError
from rrplan.types import Array, PyTree

Report = Callable[[dict[str, Any]], None]


def fit(
    train: Training,
    key: Array,
    directory: Path | str,
    *,
    resume: bool = False,
    report: Report | None = None,
) -> PyTree:
    """Train from ``key`` and return the parameters of the network that is trained.

    They are the last, unless earlier ones earned significantly more on the held-out episodes of
    the training's evaluations (:mod:`agents.training.keeping`); the last line of metrics says
    which, as ``kept_chunk``.

    Writes ``metrics.jsonl``, one line per chunk, and ``checkpoints/``. A run killed at any
    moment and resumed returns the same parameters, bit for bit, as one that was not.

    Args:
        train: what is trained, and how: a base planner, a meta-policy, or any other training.
        key: typed PRNG key; the network's first parameters come from it too.
        directory: of this training alone; made if missing.
        resume: go on from the last checkpoint, or begin where there is none.
        report: called with each chunk's metrics; without it a progress bar is drawn if
            standard error is a terminal.

    Raises:
        InputError: where the directory holds another training (or this one, and ``resume``
            is false), where no checkpoint is intact, or where NaN or infinity turns up in
            observations, rewards or losses.
    """
    directory = Path(directory)
    state, best = _begin(train, key, directory, begin(train, key), resume)
    if int(state.chunk) >= train.config.num_chunks:
        return load_params(directory, state.params)
    params = state.params
    bar = report is None and sys.stderr.isatty()
    with _progress(disable=not bar) as progress:
        task = progress.add_task("training", total=train.config.num_chunks, note="")
        progress.update(task, completed=int(state.chunk))
        while int(state.chunk) < train.config.num_chunks:
            state, record, latest, evaluated = _advance(train, state)
            params = state.params
            if evaluated is not None:
                best = keeping.better(best, evaluated)
            if evaluated is not None and record["chunk"] == train.config.num_chunks:
                chosen = keeping.kept(best, evaluated)
                record["kept_chunk"] = chosen.chunk
                if chosen is not evaluated:
                    params = jax.tree.map(jnp.asarray, chosen.params)
            _append(directory / "metrics.jsonl", record)
            if _due(record["chunk"], train.config.checkpoint_every, train.config.num_chunks):
                keeping.save(directory / "best", record["chunk"], best)
                _save(train, key, directory, state, params)
            progress.update(task, completed=record["chunk"], note=_note(latest))
            if report is not None:
                report(record)
    return params


def begin(train: Training, key: Array) -> State:
    """Return a training from ``key`` that has learned nothing yet."""
    params_key, train_key = jax.random.split(key)
    return train.init(train_key, train.network.init(params_key))


def load_params(directory: Path | str, template: PyTree) -> PyTree:
    """Return the parameters that :func:`fit` left in ``directory``.

    Args:
        directory: that ``fit`` was given.
        template: parameters of the same network, arrays or their shapes.

    Raises:
        InputError: where there is no intact checkpoint, or it holds another network.
    """
    return checkpoints.load_params(Path(directory) / "checkpoints", template)


def check_belongs(train: Training, key: Array, directory: Path | str) -> None:
    """Refuse checkpoints that another training has left.

    What an older version did not write down is not compared.

    Args:
        train: that they should be of.
        key: that :func:`fit` was given.
        directory: that :func:`fit` was given.

    Raises:
        InputError: they are of another; one line that says what differs.
    """
    found = checkpoints.read_metadata(Path(directory) / "checkpoints") or {}
    expected = _fingerprint(train, key)
    changed = sorted(_differences(found, expected, ""))
    if changed:
        raise InputError(
            f"{directory} holds checkpoints of another training ({', '.join(changed)} differ): "
            "expected those of the run that its config.json tells of"
        )


def read_metrics(directory: Path | str) -> list[dict[str, Any]]:
    """Return the lines of ``metrics.jsonl``, without a last line that a kill cut short."""
    path = Path(directory) / "metrics.jsonl"
    records = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


def _begin(
    train: Training, key: Array, directory: Path, state: State, resume: bool
) -> tuple[State, keeping.Evaluated | None]:
    directory.mkdir(parents=True, exist_ok=True)
    saved = directory / "checkpoints"
    if not resume and (checkpoints.list_steps(saved) or read_metrics(directory)):
        raise InputError(f"{directory} holds a training already: resume it or choose another")
    fingerprint = _fingerprint(train, key)
    found = checkpoints.read_metadata(saved)
    if found is not None and found != fingerprint:
        changed = sorted(n for n, value in found.items() if not _holds(value, fingerprint.get(n)))
        if changed:
            raise InputError(f"{directory} holds another training: {', '.join(changed)} differ")
    restored = checkpoints.restore_latest(saved, state)
    best = None
    if restored is not None:
        state = restored.tree
        best = keeping.restore(directory / "best", restored.step, state.params)
    _trim(directory, int(state.chunk))
    return state, best


def _advance(
    train: Training, state: State
) -> tuple[State, dict[str, Any], float, keeping.Evaluated | None]:
    """Return what follows, what is logged of it, its mean return, and its evaluation if due."""
    start = time.perf_counter()
    state, metrics = train.advance(state)
    metrics = jax.tree.map(float, metrics)
    record: dict[str, Any] = {"chunk": int(state.chunk), **_finite_or_none(metrics)}
    rows = getattr(train.config, "rows_per_chunk", None)
    if rows is not None:
        record["steps"] = record["chunk"] * rows
    _refuse_nan(metrics, record["chunk"])
    latest, evaluated = float(metrics.mean_return), None
    if _due(record["chunk"], train.config.evaluate_every, train.config.num_chunks):
        returns = np.asarray(train.evaluate(state.params))
        # Copies: what follows may be written where the state is.
        params = jax.tree.map(np.array, state.params)
        evaluated = keeping.Evaluated(record["chunk"], params, returns)
        latest = record["evaluation_return"] = float(returns.mean())
        record["evaluation_error"] = float(returns.std() / math.sqrt(len(returns)))
    record["seconds"] = round(time.perf_counter() - start, 3)
    return state, record, latest, evaluated


def _refuse_nan(metrics: Metrics, chunk: int) -> None:
    if not metrics.finite_input:
        raise InputError(
            f"NaN or infinity in an observation or reward (chunk {chunk}): the environment must "
            "return finite numbers"
        )
    if not math.isfinite(metrics.loss):
        raise InputError(
            f"the loss is {metrics.loss} (chunk {chunk}): try a lower learning_rate, or a "
            "return_scale near the size of an episode's return"
        )


def _finite_or_none(metrics: Metrics) -> dict[str, float | None]:
    # A chunk in which no episode ended has no mean return; JSON has no NaN.
    named = metrics._asdict()
    del named["finite_input"]
    return {name: float(value) if math.isfinite(value) else None for name, value in named.items()}


def _due(chunk: int, every: int, last: int) -> bool:
    return chunk % every == 0 or chunk == last


def _save(train: Training, key: Array, directory: Path, state: State, params: PyTree) -> None:
    metadata = _fingerprint(train, key)
    checkpoints.save(directory / "checkpoints", int(state.chunk), state, params, metadata)


def _fingerprint(train: Training, key: Array) -> dict[str, Any]:
    """Return what makes a training itself, in JSON's own types."""
    return {
        "train": dataclasses.asdict(train.config),
        "network": json.loads(json.dumps(dataclasses.asdict(train.network))),
        "key": np.asarray(jax.random.key_data(key)).tolist(),
        **json.loads(json.dumps(train.identity)),
    }


def _differences(found: Any, expected: Any, name: str) -> Iterator[str]:
    """Yield the names of what differs, of all that both hold."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in found.keys() & expected.keys():
            yield from _differences(found[key], expected[key], f"{name}.{key}".lstrip("."))
    elif found != expected:
        yield name


def _holds(found: Any, expected: Any) -> bool:
    """Return whether all that was written down is as expected.

    What older versions did not write down is not compared, down to the fields of a configuration.
    """
    if isinstance(found, dict) and isinstance(expected, dict):
        return all(key in expected and _holds(found[key], expected[key]) for key in found)
    return found == expected


def _append(path: Path, record: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")


def _trim(directory: Path, chunk: int) -> None:
    """Drop what was logged after the checkpoint, so that resuming repeats no line."""
    kept = [record for record in read_metrics(directory) if record["chunk"] <= chunk]
    temporary = directory / ".metrics.jsonl.tmp"
    temporary.write_text("".join(json.dumps(record) + "\n" for record in kept))
    os.replace(temporary, directory / "metrics.jsonl")


def _progress(*, disable: bool) -> Progress:
    from rich.console import Console

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        disable=disable,
    )


def _note(latest: float) -> str:
    return f"return {latest:.3f}" if math.isfinite(latest) else ""
