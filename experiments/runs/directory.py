"""The run directory: what is in it, and who may write to it.

::

    config.json      the configuration and the versions that ran it
    metrics.jsonl    training, as it goes       (seeds/<n>/ where there are several seeds)
    checkpoints/     training                   (likewise)
    control/         training of learned meta-policies (likewise)
    evaluations/     one file per evaluation that has finished
    episodes.parquet one row per episode and agent
    results.json     what figures and tables are made of
    table.md         the same as a table
    timings.jsonl    seconds, kept apart: results.json is the same whenever it is made
    figures/
"""

import contextlib
import dataclasses
import fcntl
import functools
import importlib.metadata
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import jax

from envs.adapters.extras import REQUIREMENTS, is_installed
from experiments import studies
from experiments.runs.codec import first_difference, from_dict, to_dict
from experiments.runs.files import read_json, write_json
from experiments.studies import Study
from rrplan.errors import InputError

_PACKAGES = ("rrplan", "jax", "jaxlib", "flax", "optax", "mctx", "gymnax", "numpy", "scipy")
_LOCK = ".lock"
_FOUND = (
    "operations",
    "calibration",
    "priced",
    "begun",
)  # kept in config.json beside the configuration


class Seeded(Protocol):
    """The configuration of any study."""

    @property
    def seeds(self) -> int:
        """Training seeds."""
        ...


Config = TypeVar("Config", bound=Seeded)


@dataclass(frozen=True)
class Run(Generic[Config]):
    """A run's place on disk, what it is a run of, and the versions it was started with."""

    path: Path
    config: Config
    versions: Mapping[str, str]
    operations: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What was counted when it was begun, see :mod:`experiments.bill`."""
    calibration: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What was measured when it was begun, see :mod:`experiments.calibration`."""
    priced: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """How its prices were worked out, see :mod:`experiments.studies.planning_depth.pricing`; empty
    where they were given."""
    begun: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What learned agents were begun with: the rule of acting, and the fixed k that each starts
    from. Both stay where a run is extended by budgets under which another one would be chosen."""

    def training(self, seed: int) -> Path:
        """Where training seed ``seed`` keeps its metrics and checkpoints."""
        return self.path if self.config.seeds == 1 else self.path / "seeds" / str(seed)

    def evaluation(self, name: str) -> Path:
        """Where a finished evaluation is kept."""
        return self.path / "evaluations" / f"{name}.npz"

    @property
    def episodes(self) -> Path:
        """One row per episode and agent."""
        return self.path / "episodes.parquet"

    @property
    def results(self) -> Path:
        """What figures and tables are made of."""
        return self.path / "results.json"

    @property
    def table(self) -> Path:
        """The results as a Markdown table."""
        return self.path / "table.md"

    @property
    def timings(self) -> Path:
        """A line for each evaluation that was run: seconds and simulations a second."""
        return self.path / "timings.jsonl"


@contextlib.contextmanager
def open_run(path: Path, config: Config, *, resume: bool) -> Iterator[Run[Config]]:
    """Make a run directory, or enter one to go on with it; nobody else may write meanwhile.

    With ``resume``, a directory that holds nothing yet is simply started: a run that was killed
    in its first moments can be resumed like any other. A finished run can be extended so, by
    agents, prices or budgets: what is done is not done again.

    Raises:
        InputError: the directory holds another run, or this one and ``resume`` is not given, or
            something that is no run, or another process is writing to it.
    """
    path, study = Path(path), studies.of_config(config)

    def conflict() -> str | None:
        return _conflict(load_run(path, study), config)

    with claimed(path, "config.json", "run", conflict, resume=resume) as begun:
        if begun:
            yield dataclasses.replace(load_run(path, study), config=config)
            return
        run = Run(path, config, versions())
        write_config(run)
        yield run


def write_config(run: Run) -> None:
    """Write what a run is of. Of one that is extended, as soon as all that is new is computed.

    Until then ``config.json`` tells what the directory held before, so that a run that was killed
    while it was extended can be gone on with either way.
    """
    data = {"study": studies.of_config(run.config).name, "config": to_dict(run.config)}
    data |= {name: getattr(run, name) for name in ("versions", *_FOUND)}
    write_json(run.path / "config.json", data)


def write_found(run: Run, *, config: Any = None, **found: Mapping[str, Any]) -> Run:
    """Write what was counted, measured or worked out into ``config.json``, which else stays.

    Args:
        run: which it is of.
        config: takes the place of the configuration there; None leaves it.
        **found: ``operations``, ``calibration``, ``priced`` or ``begun``.

    Returns:
        The run with what was found.
    """
    path = run.path / "config.json"
    data = read_json(path, missing=f"{path} is missing") | found
    write_json(path, data if config is None else {**data, "config": to_dict(config)})
    return dataclasses.replace(run, **found)


def _conflict(run: Run, config: Any) -> str | None:
    """Return in words where a configuration is neither that of a run nor extends it.

    Raises:
        InputError: it extends it, and that would change what is done.
    """
    study = studies.of_config(config)
    if study.conflict is None:
        return first_difference(to_dict(run.config), to_dict(config))
    return study.get("conflict")(run.config, config)


def load_run(path: Path, study: Study = studies.PLANNING_DEPTH) -> Run:
    """Return the run that a directory holds, for reading.

    Raises:
        InputError: there is no run, or one of another kind, or its ``config.json`` is damaged.
    """
    path = Path(path)
    data = read_json(path / "config.json", missing=f"{path} holds no run: config.json is missing")
    try:
        found = data.get("study", studies.PLANNING_DEPTH.name)
        if found != study.name:
            raise InputError(f"it is a study of {found}, expected one of {study.name}")
        config = from_dict(data["config"], study.get("config"))
        found = {name: data.get(name, {}) for name in _FOUND}
        return Run(path, config, data["versions"], **found)
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"{path / 'config.json'} is damaged: no configuration in it") from None
    except InputError as error:
        raise InputError(f"{path / 'config.json'}: {error}") from None


def load_results(path: Path) -> dict[str, Any]:
    """Return the results that a run has written.

    Raises:
        InputError: there are none, or they are damaged.
    """
    source = Path(path) / "results.json"
    results = read_json(source, missing=f"{path} holds no results: results.json is missing")
    needed = {"study", "config", "acting", "agents"}
    if not isinstance(results, dict) or not needed <= results.keys():
        raise InputError(f"{source} is damaged: it is not the results of a run")
    return results


@functools.cache
def _installed() -> Mapping[str, str]:
    """Return the versions of packages that decide a run's numbers."""
    extras = filter(is_installed, REQUIREMENTS)
    return {name: importlib.metadata.version(name) for name in (*_PACKAGES, *extras)}


def versions() -> dict[str, str]:
    """Return what else decides a run's numbers: packages, interpreter, platform, devices."""
    devices = jax.devices()
    return {
        "python": platform.python_version(),
        **_installed(),
        "platform": platform.platform(),
        "device": f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform})",
    }


@contextlib.contextmanager
def claimed(
    path: Path, told_by: str, what: str, conflict: Callable[[], str | None], *, resume: bool
) -> Iterator[bool]:
    """Make a directory, or go on with one that holds the same; nobody else may write meanwhile.

    Args:
        path: the directory.
        told_by: the file that says what it holds, written first.
        what: what it is a directory of, in a word.
        conflict: says in words where what it holds is something else; called if it holds any.
        resume: go on with what it holds.

    Yields:
        Whether it holds something to go on with.

    Raises:
        InputError: it cannot be made, or holds something else, or the same and ``resume`` is not
            given, or another process writes to it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{path} is a file, not a directory for a {what}") from None
    except OSError as error:
        raise InputError(f"cannot make the {what} directory {path}: {error.strerror}") from None
    # A process that was killed at its very start leaves no more than these.
    started = (_LOCK, f".{told_by}.tmp")
    foreign = any(entry.name not in started for entry in path.iterdir())
    if foreign and not (path / told_by).exists():
        raise InputError(f"{path} is not empty and holds no {what}: choose another --out")
    with locked(path):
        begun = (path / told_by).exists()
        difference = conflict() if begun else None
        if difference:
            raise InputError(f"{path} holds another {what} ({difference}): choose another --out")
        if begun and not resume:
            raise InputError(
                f"{path} holds this {what} already: continue it with --resume, "
                "or choose another --out"
            )
        yield begun


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a directory's lock; the system lets go of it when a process dies, however it does.

    Raises:
        InputError: another process holds it, or the directory cannot be written to.
    """
    try:
        file = open(path / _LOCK, "w")  # noqa: SIM115 - closed below
    except OSError as error:
        raise InputError(f"cannot write to {path}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{path} is being written by another process") from None
        yield
