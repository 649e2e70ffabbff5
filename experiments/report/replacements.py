"""How tables tell that a fixed k stands in for a learned agent."""

from collections.abc import Mapping
from typing import Any

from experiments.analysis.entries import Entry

MARK = "†"


def is_replaced(entry: Entry) -> bool:
    """Return whether a fixed k stands in for an agent, in one training seed at least."""
    return bool(entry.get("replaced"))


def footnotes(results: Mapping[str, Any]) -> list[str]:
    """Return the sentences that say for whom a fixed k stands in; none if for nobody."""
    told = [_told(entry) for entry in results["agents"] if is_replaced(entry)]
    if not told:
        return []
    return [
        f"{MARK} The best fixed k stands in, as the agent itself earned less than it on validation "
        f"episodes: {'; '.join(told)}."
    ]


def _told(entry: Entry) -> str:
    replaced = entry["replaced"]
    failed, seeds, earned = len(replaced["seeds"]), entry["seeds"], replaced["own"]["timed"]["mean"]
    where = f" in {failed} of {seeds} training seeds" if seeds > 1 else ""
    name, price = entry["agent"], entry["price"]
    return f"k = {replaced['k']} for {name} at c = {price:g}{where} (by itself {earned:.4g})"
