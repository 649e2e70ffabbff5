"""The tables of the reproduction, made from its results alone."""

from collections.abc import Mapping
from typing import Any

from experiments.report.formatting import (
    DASH,
    format_estimate,
    format_gain_in_full,
    format_markdown,
    format_mean,
)

NAMES = {
    "search": "search (PUCT)",
    "thinker": "Thinker",
    "bare": "Thinker, no kept tree",
    "dynamic": "Dynamic Thinker",
}


def markdown(results: Mapping[str, Any]) -> str:
    """Return every arm with its returns, then Dynamic Thinker against the best fixed k's."""
    rows = []
    for entry in results["arms"]:
        for price in [entry["price"]] if entry["price"] is not None else results["prices"]:
            timed = {one["bill"]: one for one in entry["timed"] if one["price"] == price}
            rows.append(
                [
                    NAMES[entry["kind"]],
                    "-" if entry["k"] is None else f"{entry['k']}",
                    f"{price:g}",
                    format_estimate(entry["untimed"]),
                    format_estimate(timed["simulations"]),
                    format_estimate(timed["operations"]),
                    *(format_mean(entry[name]) for name in ("levels", "simulations", "looks")),
                ]
            )
    header = ["agent", "k", "c", "untimed", "timed, simulations", "timed, whole bill"]
    header += ["imagined", "model calls", "looks"]
    seeds = len(results["arms"][0]["seeds"])
    caption = (
        f"{results['env']}, {seeds} training seeds. Imagined, model calls and looks are means of a"
        " decision. ± half of the 95% interval."
    )
    arms = format_markdown(header, rows, caption, left=["agent"])
    imagining = _imagining(results)
    if imagining:
        arms = f"{arms}\n{imagining}"
    pairs = [
        [
            f"{one['price']:g}",
            one["bill"],
            f"{NAMES[one['other']]}, k = {one['k']}",
            format_gain_in_full(one["difference"]),
        ]
        for one in results["dynamic"]
    ]
    if not pairs:
        return arms
    caption = (
        "Dynamic Thinker's timed return less that of the best fixed k of the same episodes, paired."
        " The best k is chosen on these episodes, which favours it."
    )
    against = format_markdown(["c", "bill", "other", "gain"], pairs, caption, left=["other"])
    return f"{arms}\n{against}"


def _imagining(results: Mapping[str, Any]) -> str:
    """Return what imagining brings, before the bill; nothing where Thinker has no k above 0."""
    rows = [
        [f"{one['k']}", *(_gain(one[name]) for name in ("none", "search"))]
        for one in results["imagining"]
    ]
    if not rows:
        return ""
    caption = "Untimed return of Thinker less that of the other, paired, with its 95% interval."
    header = ["k", "than Thinker without imagining", "than search with k simulations"]
    return format_markdown(header, rows, caption, left=[])


def _gain(difference: Mapping[str, Any] | None) -> str:
    return DASH if difference is None else format_gain_in_full(difference)
