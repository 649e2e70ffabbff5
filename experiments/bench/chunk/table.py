"""The table of a chunk and its parts, made from the result file alone."""

from collections.abc import Mapping
from typing import Any

from experiments.report.formatting import format_markdown, format_seconds, format_spread


def table(data: Mapping[str, Any]) -> list[str]:
    """Return a row for each part, their sum, and the chunk."""
    rows = [
        [
            part["what"],
            f"{part['calls']:,}",
            format_seconds(part["seconds"]["median"]),
            format_seconds(part["calls"] * part["seconds"]["median"]),
        ]
        for part in data["parts"]
    ]
    rows += [
        ["sum of the parts", "", "", format_spread(data["sum"], format_seconds)],
        ["the chunk", "1", "", format_spread(data["chunk"], format_seconds)],
    ]
    ratio = data["chunk_over_sum"]
    network = data["network"]
    caption = (
        f"A chunk of training on {data['env']}: {data['lanes']} lanes, {data['steps']} steps, "
        f"{data['simulations']} simulations a step, {data['updates']} gradient steps on batches of "
        f"{data['batch']}; network {network['kind']} with {network['parameters']:,} parameters. "
        "Medians of rounds (least to most); parts are compiled and called alone. "
        f"The chunk takes {ratio['median']:.2f} times the sum of its parts "
        f"({ratio['min']:.2f} to {ratio['max']:.2f})."
    )
    header = ["part", "calls", "a call", "all calls"]
    return [format_markdown(header, rows, caption, left=["part"]).rstrip()]
