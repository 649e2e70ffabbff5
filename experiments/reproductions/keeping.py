"""What a reproduction leaves in its directory."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments import runs
from experiments.report.figures.drawing import Draw, draw_all
from rrplan.errors import InputError


def told(options: Any) -> dict[str, Any]:
    """Return what makes a reproduction itself, in JSON's own types.

    Args:
        options: of the command, a dataclass; where it is kept and whether it is resumed are not of
            it.
    """
    found = dataclasses.asdict(options)
    del found["out"], found["resume"]
    return json.loads(json.dumps(found))


def claim(out: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
    """Make the directory of a reproduction, or see that it holds this one.

    Args:
        out: the directory.
        settings: what makes the reproduction itself: of :func:`told`.
        resume: whether one that was begun may be gone on with.

    Raises:
        InputError: it holds another reproduction, or this one and it is not to be gone on with.
    """
    path = out / "options.json"
    if path.exists():
        if runs.read_json(path, missing="") != settings:
            raise InputError(f"{out} holds another reproduction: choose another --out")
        if not resume:
            raise InputError(
                f"{out} holds this reproduction already: continue it with --resume,"
                " or choose another --out"
            )
    (out / "evaluations").mkdir(parents=True, exist_ok=True)
    runs.write_json(path, settings)


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
