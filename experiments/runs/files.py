"""Files that a kill leaves whole or absent."""

import json
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rrplan.errors import InputError


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file so that at any moment it is whole or absent, even if power fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with open(temporary, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def write_text(path: Path, text: str) -> None:
    """Write a text atomically."""
    write_atomically(path, lambda file: file.write(text.encode()))


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically. NaN, which JSON does not have, is refused."""
    write_text(path, json.dumps(data, indent=2, allow_nan=False) + "\n")


def read_json(path: Path, *, missing: str) -> Any:
    """Return a JSON file's value.

    Raises:
        InputError: there is no such file (then with the message ``missing``), or it is damaged.
    """
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(missing) from None
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}") from None


def append_json_line(path: Path, data: Mapping[str, Any]) -> None:
    """Append one record to a file of JSON lines."""
    with open(path, "a") as file:
        file.write(json.dumps(data) + "\n")


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays atomically."""
    named: dict[str, Any] = dict(arrays)
    write_atomically(path, lambda file: np.savez_compressed(file, **named))


def load_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Return named arrays, or None where the file is missing or damaged.

    An ``npz`` carries a checksum of each array, so that damage is seen and not read.
    """
    try:
        with np.load(path) as file:
            return {name: file[name] for name in file.files}
    except (OSError, EOFError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return None
