"""What a reproduction leaves in its directory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments import runs
from experiments.report.figures.drawing import Draw, draw_all


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
