"""The table of claims: what a learned agent earns more than others, seed by seed."""

from collections.abc import Mapping
from typing import Any

from experiments.analysis import entries
from experiments.report import bills
from experiments.report.formatting import format_gain_in_full, format_markdown, format_seeds

_ALPHA = 0.05
_LEAST = 0.0001  # p-values below this are not told apart


def markdown_table(results: Mapping[str, Any]) -> str:
    """Return the table as Markdown; an empty text where there is one training seed."""
    rows = []
    for claim in results.get("claims", ()):
        agent, other, price = claim["agent"], claim["other"], claim["price"]
        best = entries.best_fixed(results, price) if other == "fixed" else None
        p_value = f"{claim['p_holm']:.2g}" if claim["p_holm"] >= _LEAST else f"< {_LEAST}"
        rows.append(
            [
                f"{price:g}",
                agent,
                entries.name(best) if best else other,
                format_gain_in_full(claim["difference"]),
                f"**{p_value}**" if claim["p_holm"] < _ALPHA else p_value,
                format_seeds(claim),
            ]
        )
    if not rows:
        return ""
    caption = (
        f"Difference of timed returns ({bills.short(results)}) over training seeds, with Student's"
        " 95% interval. p: two-sided, with Holm's correction over all rows of the agent; bold"
        f" below {_ALPHA:g}."
    )
    header = ["c", "agent", "less", "over seeds", "p", "each seed"]
    return format_markdown(header, rows, caption, left=["agent", "less"])
