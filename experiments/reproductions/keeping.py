"""What a reproduction leaves in its directory, and whose directory it is."""

import contextlib
import dataclasses
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments import runs
from experiments.analysis import columns
from experiments.analysis.columns import Columns
from experiments.report.figures.drawing import Draw, draw_all
from experiments.runs.codec import first_difference
from rrplan.errors import InputError
from rrplan.types import Episodes, PyTree


def tell(options: Any) -> dict[str, Any]:
    """Return what makes a reproduction itself, in JSON's own types: all options but two.

    Args:
        options: a dataclass with the fields ``out`` and ``resume``. Of a path its name is told.
    """
    told = dataclasses.asdict(options)
    del told["out"], told["resume"]
    return json.loads(json.dumps(told, default=lambda path: path.resolve().name))


@contextlib.contextmanager
def claimed(out: Path, options: Any, given: Mapping[str, PyTree] = {}) -> Iterator[None]:
    """Hold a directory with room for evaluations, made now or by this reproduction before.

    Nobody else may write to it meanwhile.

    Args:
        out: the directory.
        options: as for :func:`tell`.
        given: arrays that were read from files which the options name, by what they are. Where
            they have changed, it is another reproduction.

    Raises:
        InputError: it holds another reproduction, or this one and it is not resumed, or something
            that is no reproduction, or another process is writing to it.
    """
    told = tell(options)
    told |= {name: _checksum(arrays) for name, arrays in given.items()}
    path = out / "options.json"

    def conflict() -> str | None:
        there = runs.read_json(path, missing="")
        if not isinstance(there, dict):
            raise InputError(f"{path} is damaged: no options in it")
        return first_difference(there, told)

    with runs.claimed(out, path.name, "reproduction", conflict, resume=options.resume):
        runs.write_json(path, told)
        (out / "evaluations").mkdir(exist_ok=True)
        yield


def _checksum(arrays: PyTree) -> int:
    checksum = 0
    for array in jax.tree.leaves(arrays):
        checksum = zlib.crc32(np.ascontiguousarray(array).tobytes(), checksum)
    return checksum


def evaluated(path: Path, number: int, evaluate: Callable[[], Episodes]) -> Columns:
    """Return what an evaluation found: read, or run now and kept.

    Args:
        path: of its file.
        number: of its episodes.
        evaluate: runs it.
    """
    table = columns.load_table(path, number)
    if table is None:
        table = columns.to_table(evaluate())
        runs.save_arrays(path, table)
    return table


def write(
    out: Path, results: Mapping[str, Any], table: str, figures: Mapping[str, Draw]
) -> list[str]:
    """Write results, table and figures into a directory; return the table and a line a file.

    Figures are drawn from what the file holds.
    """
    path = out / "results.json"
    runs.write_json(path, results)
    runs.write_text(out / "table.md", table)
    written = runs.read_json(path, missing=f"{out} holds no results")
    drawn = [f"figure:  {figure}" for figure in draw_all(figures, written, out)]
    return [table, f"table:   {out / 'table.md'}", *drawn]
