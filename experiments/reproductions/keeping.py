"""What a reproduction leaves in its directory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments import runs
from experiments.report.figures.drawing import Draw, draw_all
from rrplan.errors import InputError


def claim(out: Path, told: Mapping[str, Any], *, resume: bool) -> None:
    """Make a reproduction's directory, or see that it holds this one.

    Args:
        out: the directory.
        told: what makes the reproduction itself, in JSON's own types.
        resume: whether to go on with what is there.

    Raises:
        InputError: it holds another one, or this one and is not to be gone on with.
    """
    path = out / "options.json"
    if path.exists():
        if runs.read_json(path, missing="") != told:
            raise InputError(f"{out} holds another reproduction: choose another --out")
        if not resume:
            raise InputError(
                f"{out} holds this reproduction already: continue it with --resume,"
                " or choose another --out"
            )
    out.mkdir(parents=True, exist_ok=True)
    runs.write_json(path, told)


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
