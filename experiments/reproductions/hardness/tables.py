"""The tables of the reproduction, made from its results alone."""

from collections.abc import Mapping
from typing import Any

from experiments.report.formatting import (
    DASH,
    format_gain_in_full,
    format_markdown,
    format_mean,
)


def markdown(results: Mapping[str, Any]) -> str:
    """Return the distribution of hardness, how planners agree, and where the agent thinks."""
    parts = [_distribution(results), _agreement(results)]
    return "\n".join([*parts, _thinking(results)] if results["maps"] else parts)


def _distribution(results: Mapping[str, Any]) -> str:
    ks = sorted({k for one in results["planners"] for k in one["ks"]})
    names = [*map(str, ks), "inf"]
    rows = [
        [
            one["run"],
            str(one["seeds"]),
            *(f"{one['shares'][n]:.1%}" if n in one["shares"] else DASH for n in names),
        ]
        for one in results["planners"]
    ]
    caption = (
        f"{results['env']}: share of {results['episodes']:,} held-out instances of each hardness."
        " The hardness is the least k from which on every larger k earns within"
        f" {results['within']:.0%} of the best known return; inf: the largest k does not."
    )
    header = ["run", "seeds", *(f"k = {k}" for k in ks), "inf"]
    return format_markdown(header, rows, caption, left=["run"])


def _agreement(results: Mapping[str, Any]) -> str:
    rows = [
        [
            one["one"],
            "its other seeds" if one["one"] == one["other"] else one["other"],
            str(one["pairs"]),
            format_gain_in_full(one["correlation"]),
        ]
        for one in results["agreement"]
    ]
    caption = (
        "Spearman's rank correlation of hardness, mean over pairs of planners, with a 95% interval"
        " over instances. A dash: there is no pair, or one planner finds all equally hard."
    )
    header = ["planner", "other", "pairs", "rank correlation"]
    return format_markdown(header, rows, caption, left=["planner", "other"])


def _thinking(results: Mapping[str, Any]) -> str:
    rows = [
        [
            one["run"],
            f"{one['price']:g}",
            f"{one['decisions']:,}",
            f"{one['errs']:.1%}",
            _mean(one["simulations_where_it_errs"]),
            _mean(one["simulations_elsewhere"]),
        ]
        for one in results["maps"]
    ]
    caption = (
        f"Decisions of the {results['agent']} that have a choice, first training seed. The planner"
        " errs where its action without a search loses some of the best return that could still be"
        " had. The last two columns are mean simulations a decision there, and elsewhere."
    )
    header = ["run", "c", "decisions", "errs", "simulations where it errs", "elsewhere"]
    return format_markdown(header, rows, caption, left=["run"])


def _mean(value: float | None) -> str:
    return DASH if value is None else format_mean(value)
