"""The grid of a sweep: options that take several values, and a cell for each combination."""

import contextlib
import dataclasses
import itertools
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments import runs
from rrplan.errors import InputError

ENVIRONMENT = "env"
"""The name under which the environment itself, the first word of ``rrplan run``, is swept."""
_OWN = ("out", "resume")
SEED = "seed"
"""The option whose values are repetitions: tables take the mean over them."""


@dataclasses.dataclass(frozen=True)
class Axis:
    """An option of ``rrplan run`` and the values that it takes.

    Attributes:
        name: the option without its dashes, such as ``train.num-chunks``; or ``env``.
        values: as on a command line; one that holds several words is split as a shell does it.
    """

    name: str
    values: tuple[str, ...]

    def __post_init__(self):
        if self.name in _OWN:
            raise InputError(f"--over {self.name}: each cell has its own, expected another option")
        if not self.values:
            raise InputError(f"--over {self.name} has no values: --over {self.name} VALUE ...")
        for value in self.values:
            if self.values.count(value) > 1:
                raise InputError(f"--over {self.name} has the value {value!r} twice")

    def words(self, value: str) -> list[str]:
        """Return what a value adds to the command line."""
        words = split_words(value, f"--over {self.name}")
        return words if self.name == ENVIRONMENT else [f"--{self.name}", *words]


def split_words(text: str, option: str) -> list[str]:
    """Return the words of a text as a shell would have them.

    Raises:
        InputError: a quotation is not closed; the line names the option.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        told = str(error).lower()
        raise InputError(f"{option} is {text!r}: {told}, expected each quotation closed") from None


@dataclasses.dataclass(frozen=True)
class Cell:
    """One combination: a run of its own.

    Attributes:
        values: by the name of the axis, in their order.
        arguments: of ``rrplan run``, without where it is kept.
    """

    values: Mapping[str, str]
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called, and the folder of its run."""
        told = ",".join(f"{name}={value}" for name, value in self.values.items())
        return re.sub(r"[^\w.,=+-]+", "-", told)

    def directory(self, out: Path) -> Path:
        """Where its run is kept."""
        return out / self.name

    def log(self, out: Path) -> Path:
        """What its process printed."""
        return out / "logs" / f"{self.name}.log"

    def is_done(self, out: Path) -> bool:
        """Whether its run has ended."""
        return (self.directory(out) / "table.md").exists()  # which is written last


@dataclasses.dataclass(frozen=True)
class Grid:
    """A sweep.

    Attributes:
        arguments: of ``rrplan run``, the same in all cells.
        axes: what differs.
    """

    arguments: tuple[str, ...]
    axes: tuple[Axis, ...]

    def __post_init__(self):
        if not self.axes:
            raise InputError("a sweep needs an option with several values: --over NAME VALUE ...")
        names = [axis.name for axis in self.axes]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"--over {name} is given twice: give all its values at once")
        folders = [cell.name for cell in self.cells]
        for folder in folders:
            if folders.count(folder) > 1:
                raise InputError(f"two cells would be kept in the folder {folder!r}")

    @property
    def cells(self) -> list[Cell]:
        """All combinations; values of the last axis change fastest."""
        return [
            self.cell(values) for values in itertools.product(*(axis.values for axis in self.axes))
        ]

    def cell(self, values: Sequence[str]) -> Cell:
        """Return the cell of one value of each axis."""
        pairs = list(zip(self.axes, values, strict=True))
        # The environment is the first word of a command line, and all else is an option.
        pairs.sort(key=lambda pair: pair[0].name != ENVIRONMENT)
        first = [w for axis, v in pairs if axis.name == ENVIRONMENT for w in axis.words(v)]
        rest = [w for axis, v in pairs if axis.name != ENVIRONMENT for w in axis.words(v)]
        named = {axis.name: value for axis, value in zip(self.axes, values, strict=True)}
        return Cell(named, (*first, *self.arguments, *rest))

    def samples(self) -> list[Cell]:
        """Return cells in which each value of each axis comes at least once, and few more."""
        most = max(len(axis.values) for axis in self.axes)
        return [
            self.cell([axis.values[min(place, len(axis.values) - 1)] for axis in self.axes])
            for place in range(most)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return it as ``sweep.json`` has it."""
        over = [{"name": axis.name, "values": list(axis.values)} for axis in self.axes]
        return {"arguments": list(self.arguments), "over": over}


def from_dict(data: Mapping[str, Any]) -> Grid:
    """Return the grid that :meth:`Grid.to_dict` made ``data`` of."""
    axes = (Axis(one["name"], tuple(one["values"])) for one in data["over"])
    return Grid(tuple(data["arguments"]), tuple(axes))


@contextlib.contextmanager
def open_sweep(out: Path, grid: Grid, *, resume: bool) -> Iterator[None]:
    """Write ``sweep.json``, or see to it that what is there is this sweep or a part of it.

    A sweep may be gone on with as one that has more values. Nobody else may write meanwhile.

    Raises:
        InputError: the directory holds another sweep, or this one and ``resume`` is not given, or
            something that is no sweep, or another process is writing to it.
    """
    path = out / "sweep.json"

    def conflict() -> str | None:
        return _first_difference(load(out), grid)

    with runs.claimed(out, path.name, "sweep", conflict, resume=resume):
        runs.write_json(path, grid.to_dict())
        yield


def load(out: Path) -> Grid:
    """Return the sweep that a directory holds.

    Raises:
        InputError: it holds none, or a damaged one.
    """
    path = out / "sweep.json"
    data = runs.read_json(path, missing=f"{out} holds no sweep: sweep.json is missing")
    try:
        return from_dict(data)
    except (KeyError, TypeError):
        raise InputError(f"{path} is damaged: no sweep in it") from None


def _first_difference(there: Grid, here: Grid) -> str | None:
    """Return in words where a sweep is not this one or a part of it."""
    if there.arguments != here.arguments:
        return f"its options are {shlex.join(there.arguments)!r}"
    names = [axis.name for axis in there.axes]
    if names != [axis.name for axis in here.axes]:
        return f"it is over {', '.join(names)}"
    for before, after in zip(there.axes, here.axes, strict=True):
        for value in before.values:
            if value not in after.values:
                return f"{before.name} has the value {value!r} there, not here"
    return None
