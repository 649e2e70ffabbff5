"""The table of the reproduction, made from its results alone."""

from collections.abc import Mapping
from typing import Any

from experiments.report.formatting import DASH, format_estimate, format_markdown, format_mean

NAMES = {"generated": "generated levels", "given": "given levels"}


def markdown(results: Mapping[str, Any]) -> str:
    """Return the share of levels that each planner solves with each k."""
    rows = [
        [
            NAMES[row["training"]],
            str(row["k"]),
            _percent(row["solved"]),
            DASH if row["moves"] is None else format_mean(row["moves"]),
            format_estimate(row["return"]),
            format_mean(row["simulations"]),
        ]
        for row in results["rows"]
    ]
    header = ["trained on", "k", "solved", "moves", "return", "simulations"]
    trainings = ", ".join(
        f"{NAMES[name]}: {told['chunks']:,} chunks, {told['steps']:,} steps, {told['units']} units"
        for name, told in results["trainings"].items()
    )
    caption = (
        f"Each of {results['levels']:,} levels is played once. Solved: with its 95% interval."
        f" Moves: mean of those that are solved. Simulations: of an episode. Training: {trainings}."
        f" Training seeds: {results['options']['seeds']}."
    )
    return format_markdown(header, rows, caption, left=["trained on"])


def _percent(share: Mapping[str, Any]) -> str:
    low, high = share["ci95"]
    return f"{100 * share['mean']:.1f}% [{100 * low:.1f}, {100 * high:.1f}]"
