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
        rows.append(
            [
                f"{price:g}",
                agent,
                entries.name(best) if best else other,
                format_gain_in_full(claim["difference"]),
                _format_p(claim["p_holm"]),
                format_seeds(claim),
            ]
        )
    if not rows:
        return ""
    caption = (
        f"Difference of timed returns ({bills.short(results)}) over training seeds, with Student's"
        " 95% interval. p: two-sided, with Holm's correction over all rows of the agent; bold"
        f" below {_ALPHA:g}; none where no training has changed either agent."
    )
    header = ["c", "agent", "less", "over seeds", "p", "each seed"]
    return format_markdown(header, rows, caption, left=["agent", "less"])


def _format_p(p_value: float | None) -> str:
    if p_value is None:
        return "-"
    text = f"{p_value:.2g}" if p_value >= _LEAST else f"< {_LEAST}"
    return f"**{text}**" if p_value < _ALPHA else text
