"""The table of the reproduction, made from its results alone."""

from collections.abc import Mapping
from typing import Any

from experiments.report.formatting import DASH, format_estimate, format_markdown, format_mean

NAMES = {"optimum": "optimum", "dynamic": "Dynamic Thinker", "search": "search (PUCT)"}


def markdown(results: Mapping[str, Any]) -> str:
    """Return the optimum, Dynamic Thinker and the search at each price."""
    rows = []
    for at in results["prices"]:
        for one in at["agents"]:
            name = NAMES[one["agent"]] + ("" if one["k"] is None else f", k = {one['k']}")
            timed, score = one["timed"], one["score"]
            exact = one["agent"] == "optimum"
            rows.append(
                [
                    name,
                    f"{at['price']:g}",
                    f"{one['value']:.4f}" if timed is None else format_estimate(timed),
                    "1" if exact else DASH if score is None else format_estimate(score),
                    DASH if len(one["seeds"]) < 2 else f"{min(one['seeds']):.4f}",
                    format_mean(one["imagined"]),
                    format_mean(one["calls"]),
                ]
            )
    header = ["agent", "c", "timed return", "score", "least seed", "imagined", "model calls"]
    caption = (
        "Score: the timed return as a share of the optimum's; without imagining it is 0. The"
        " optimum is exact. Imagined and model calls are means of a decision; of the search both"
        " are levels and simulations. ± half of the 95% interval, over seeds and episodes. Charged:"
        " model calls alone. Timed returns are the optimum's value, and how an agent differs from"
        " the optimum on the same episodes."
    )
    return format_markdown(header, rows, caption, left=["agent"])
