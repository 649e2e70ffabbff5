"""The tables of the reproduction, as Markdown."""

from collections.abc import Mapping
from typing import Any

from experiments.report.formatting import (
    DASH,
    format_estimate,
    format_gain_in_full,
    format_markdown,
    format_mean,
    format_share,
)
from experiments.reproductions.capacity.plateaus import SHARE


def markdown(results: Mapping[str, Any]) -> str:
    """Return returns by width, length and k; what search is worth; and the tests of plateaus."""
    return "\n".join([_returns(results), _worth(results), _plateaus(results)])


def told_factor(worth: Mapping[str, Any]) -> str:
    """Return how many times as large a model is worth as much, with its interval.

    Where no planner of the grid is, ``> largest / own``.
    """
    if worth["factor"] is None:
        text = f"> {format_mean(worth['largest'])}"
        low = worth["low"]
        return text if low is None else f"{text} [{format_mean(low)}, -]"
    text = format_mean(worth["factor"])
    # Some of the resamples may end beyond the grid.
    beyond = f"> {format_mean(worth['largest'])}"
    low, high = (
        beyond if worth[end] is None else format_mean(worth[end]) for end in ("low", "high")
    )
    return f"{text} [{low}, {high}]"


def _returns(results: Mapping[str, Any]) -> str:
    ks = [row["k"] for row in results["planners"][0]["by_k"]]
    header = ["width", "weights", "chunks", *(f"k = {k}" for k in ks), "wins", "ties", "losses"]
    rows = [
        [
            str(one["width"]),
            f"{one['weights']:,}",
            f"{one['chunks']:,}",
            *(format_estimate(row["untimed"], 1) for row in one["by_k"]),
            *(format_share(one["outcomes"][name]) for name in ("wins", "ties", "losses")),
        ]
        for one in results["planners"]
    ]
    caption = (
        "Untimed returns on held-out episodes, ± half of the 95% interval over seeds and episodes."
        f" Wins, ties, losses: share of instances on which k = {results['search']} earns more than"
        " k = 0, as much, and less."
    )
    return format_markdown(header, rows, caption, left=[])


def _worth(results: Mapping[str, Any]) -> str:
    search = results["search"]
    in_operations = {one["width"]: one for one in results["worth"]["operations"]}
    rows = [
        [
            str(one["width"]),
            f"{one['weights']:,}",
            told_factor(one),
            told_factor(in_operations[one["width"]]),
        ]
        for one in results["worth"]["weights"]
    ]
    caption = (
        f"How many times as large a planner without search earns what this one earns with k ="
        f" {search}, at the longest training; with 95% intervals. In operations both pay for their"
        " own: above 1, search is the better use of them. After >: no planner of the grid earns as"
        " much without search; the largest one's size over this one's."
    )
    header = ["width", "weights", "times the weights", "times the operations of a decision"]
    return format_markdown(header, rows, caption, left=[])


def _plateaus(results: Mapping[str, Any]) -> str:
    words = {True: "yes", False: "no", None: DASH}
    rows = [
        [
            str(one["width"]),
            f"{one['chunks']:,}",
            f"{one['rise']:+.5f}",
            words[one["flat"]],
            format_gain_in_full(one["difference"]),
            words[one["doubled"]],
            words[one["plateau"]],
        ]
        for one in results["plateaus"]
    ]
    span = results["range"]
    most = results["plateaus"][0]["most"]
    caption = (
        f"Random play earns {span['random']:.4g}, the best of the grid {span['best']:.4g};"
        f" {SHARE:g} of that range is {most:.2g}. Flat: at k = 0 the last third of the longest"
        " training rises by less, with 95% confidence. Doubled: it is not better"
        " than half the training by more on average."
    )
    header = ["width", "chunks", "rise", "flat", "than half as long", "doubled", "plateau"]
    return format_markdown(header, rows, caption, left=[])
