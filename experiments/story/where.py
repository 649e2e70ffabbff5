"""Where a Thinker imagines: over the decisions of an episode, and what comes of its plans."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats

from agents.thinker.inspect.stages import COLUMNS
from experiments.report.formatting import DASH, format_estimate, format_markdown

_HEADER = {
    "imagined": "imaginary steps",
    "calls": "model calls",
    "walks": "walks",
    "depth": "deepest",
    "first": "first action taken",
    "share": "share of the plan taken",
    "whole": "all of it taken",
}
Told = Mapping[str, np.ndarray]


def summarize(told: Sequence[Told]) -> list[dict[str, Any]]:
    """Return a row for each decision of an episode, and a last one for all decisions, as JSON.

    A mean comes with its 95% interval: of Student's t over training seeds, or where there is one
    alone, over its episodes. It is None where there is nothing to take a mean of.

    Args:
        told: of :func:`agents.thinker.inspect.stages.tell`, for each training seed.
    """
    last = max(int(one["decision"].max()) for one in told)
    rows = []
    for decision in [*range(last + 1), None]:
        chosen = [np.full(len(one["decision"]), True) for one in told]
        if decision is not None:
            chosen = [one["decision"] == decision for one in told]
        row: dict[str, Any] = {"decision": None if decision is None else decision + 1}
        row["stages"] = int(sum(mask.sum() for mask in chosen))
        for name in COLUMNS:
            values = [
                (one["episode"][mask], one[name][mask])
                for one, mask in zip(told, chosen, strict=True)
            ]
            row[name] = _estimate(values)
        rows.append(row)
    return rows


def markdown(results: Mapping[str, Any]) -> str:
    """Return the rows as a table."""
    rows = [
        [
            "all" if row["decision"] is None else f"{row['decision']}",
            f"{row['stages']:,}",
            *(DASH if row[name] is None else format_estimate(row[name]) for name in _HEADER),
        ]
        for row in (*results["decisions"], results["all"])
    ]
    header = ["decision", "number", *_HEADER.values()]
    return format_markdown(header, rows, results["caption"], left=["decision"])


def _estimate(values: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any] | None:
    """Return mean and interval of ``(episodes [n], values [n])`` of each seed; NaN counts not."""
    known = [(e[~np.isnan(v)], v[~np.isnan(v)]) for e, v in values]
    known = [(episodes, found) for episodes, found in known if len(found)]
    if not known:
        return None
    means = np.array([found.mean() for _, found in known])
    if len(known) > 1:
        error = means.std(ddof=1) / np.sqrt(len(means))
        half = scipy.stats.t.ppf(0.975, len(means) - 1) * error
    else:
        # Decisions of one episode are no independent draws: a ratio of sums over episodes.
        episodes, found = known[0]
        _, which = np.unique(episodes, return_inverse=True)
        half = 1.96 * np.sqrt((np.bincount(which, found - found.mean()) ** 2).sum()) / len(found)
    mean = float(means.mean())
    return {"mean": mean, "ci95": [mean - float(half), mean + float(half)]}
