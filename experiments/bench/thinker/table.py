"""The table of augmented steps, made from the result file alone."""

from collections.abc import Mapping
from typing import Any

from experiments.report.formatting import format_markdown, format_spread


def table(data: Mapping[str, Any]) -> list[str]:
    """Return steps a second of both agents and of the floor, for each number of lanes."""
    rows = [
        [
            f"{cell['lanes']:,}",
            *(_spread(cell["steps_per_second"][name]) for name in ("thinker", "dynamic", "floor")),
            f"{cell['over_floor']['thinker']:.2f}",
            f"{cell['over_floor']['dynamic']:.2f}",
        ]
        for cell in data["cells"]
    ]
    config = data["config"]
    header = ["lanes", "thinker", "dynamic", "floor", "thinker / floor", "dynamic / floor"]
    caption = (
        f"Augmented steps a second, K = {config['k']}: median (least to most), without compilation."
        " Floor: one step of the environment, one evaluation by the planner's network and one"
        " answer of the agent's, without tree, draws and resets. The last columns are ratios of"
        " times."
    )
    return [format_markdown(header, rows, caption, left=[]).rstrip()]


def _spread(speed: Mapping[str, float]) -> str:
    return format_spread(speed, "{:,.0f}".format)
