"""The table of steps of Sokoban, made from the result file alone."""

from collections.abc import Mapping
from typing import Any

from experiments.report.formatting import DASH, format_markdown, format_spread


def table(data: Mapping[str, Any]) -> list[str]:
    """Return a row for each contestant."""
    config, rows = data["config"], []
    for name, speed in data["steps_per_second"].items():
        ratio = data["rrplan_over"].get(name)
        rows.append(
            [
                name,
                format_spread(speed, "{:,.0f}".format),
                DASH if ratio is None else f"{ratio['median']:.2f}",
            ]
        )
    played = data["played"]
    caption = (
        f"Random play at {config['lanes']:,} lanes, {config['steps']:,} steps each in one program, "
        f"on {data['levels']['count']:,} levels of {data['levels']['size']} with "
        f"{data['levels']['boxes']} boxes ({data['levels']['source']}). A step returns the "
        "observation, the reward and the end; an episode that ends is followed by another. "
        "Medians of rounds (least to most). "
        f"All did the same: {played['episodes']:,} episodes ended, {played['solved']:,} of them "
        "solved."
    )
    header = ["environment", "steps a second", "rrplan / it"]
    parts = [format_markdown(header, rows, caption, left=["environment"]).rstrip()]
    made = data["levels_per_second"]
    if made is not None:
        parts.append(f"The generator makes {made:,.0f} such levels a second (on one core).")
    if data["missing"]:
        parts.append(f"Left out: {data['missing']}.")
    return parts
