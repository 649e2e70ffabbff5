"""The file of an ablation: its rows, written after each arm, so that it can be gone on with."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments import runs
from rrplan.errors import InputError

Row = dict[str, Any]


class First(NamedTuple):
    """What the other arms are compared with: returns of the first."""

    returns: np.ndarray  # [S, E]
    instances: str  # which episodes they are of


@dataclasses.dataclass
class Record:
    """What is known so far of an ablation, in memory and in a file.

    Attributes:
        out: the JSON file; None for none. ``OUT.first.npz`` beside it keeps the returns of the
            first arm.
        settings: what makes the ablation itself, as JSON.
        rows: of the arms that are done.
        first: None before the first arm is done.
    """

    out: Path | None
    settings: Mapping[str, Any]
    rows: list[Row] = dataclasses.field(default_factory=list)
    first: First | None = None

    def add(self, row: Row, returns: First) -> None:
        """Keep an arm that is done. Its returns are written before its row is."""
        if self.first is None:
            self.first = returns
            if self.out is not None:
                runs.save_arrays(_first_path(self.out), returns._asdict())
        self.rows.append(row)
        self.write()

    def write(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            InputError: it cannot be written.
        """
        if self.out is None:
            return
        data = {"settings": self.settings, "versions": _versions(), "rows": self.rows}
        try:
            runs.write_json(self.out, data)
        except OSError as error:
            raise InputError(f"cannot write {self.out}: {error.strerror}") from None


def open_record(out: Path | None, settings: Mapping[str, Any], *, resume: bool) -> Record:
    """Return a new record, or with ``resume`` the one that a file holds. Writes nothing.

    Raises:
        InputError: the file exists and ``resume`` is not given, or it holds something else, or
            there is no file to go on with.
    """
    if out is None:
        if resume:
            raise InputError("--resume needs the file to go on with: --out FILE")
        return Record(None, settings)
    if not out.exists():
        return Record(out, settings)
    if not out.is_file():
        raise InputError(f"{out} is not a file: choose another --out")
    if not resume:
        raise InputError(f"{out} exists already: go on with --resume, or choose another --out")
    rows = _load_rows(out, settings)
    return Record(out, settings, rows, _load_first(out) if rows else None)


def _load_rows(out: Path, settings: Mapping[str, Any]) -> list[Row]:
    kept = runs.read_json(out, missing=f"{out} is missing")
    if not isinstance(kept, Mapping) or not {"settings", "rows"} <= kept.keys():
        raise InputError(f"{out} holds no ablation: choose another --out")
    for name in (*settings, *kept["settings"]):
        there, here = kept["settings"].get(name), settings.get(name)
        if there != here:
            told = f"{name} is {there!r} there, {here!r} here"
            raise InputError(f"{out} holds another ablation ({told}): choose another --out")
    return list(kept["rows"])


def _load_first(out: Path) -> First:
    path = _first_path(out)
    kept = runs.load_arrays(path)
    if kept is None or kept.keys() != set(First._fields):
        raise InputError(f"{path} is missing or damaged: choose another --out")
    return First(kept["returns"], str(kept["instances"]))


def _first_path(out: Path) -> Path:
    return out.with_name(f"{out.name}.first.npz")


@functools.cache
def _versions() -> Mapping[str, str]:
    return runs.versions()
