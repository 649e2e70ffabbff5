"""Where a Thinker imagines: over the decisions of an episode, and what comes of its plans."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agents.thinker.inspect.stages import COLUMNS
from experiments.report.formatting import DASH, format_estimate, format_markdown
from rrplan.statistics import RESAMPLES

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

    A mean comes with its 95% interval over training seeds and episodes. It is None where there is
    nothing to take a mean of.

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
    """Return mean and interval of ``(episodes [n], values [n])`` of each seed; NaN counts not.

    Every seed plays the same episodes. Decisions of one episode are no independent draws, so whole
    episodes are drawn again, and seeds, as :func:`rrplan.statistics.mean_ci` does.
    """
    number = 1 + int(max(episodes.max(initial=-1) for episodes, _ in values))
    known = [(e[~np.isnan(v)].astype(int), v[~np.isnan(v)]) for e, v in values]
    total = np.array([np.bincount(e, v, minlength=number) for e, v in known])
    count = np.array([np.bincount(e, minlength=number) for e, _ in known])
    if not count.sum():
        return None
    draw = np.random.default_rng(0)
    times = [draw.multinomial(size, [1 / size] * size, RESAMPLES) for size in count.shape]
    sums, counts = (np.einsum("rs,re,se->r", *times, of, optimize=True) for of in (total, count))
    found = sums[counts > 0] / counts[counts > 0]
    low, high = np.quantile(found, [0.025, 0.975])
    return {"mean": float(total.sum() / count.sum()), "ci95": [float(low), float(high)]}
