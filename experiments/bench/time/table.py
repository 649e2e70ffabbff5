"""The tables of thinking by the clock, made from the result file alone."""

from collections.abc import Mapping
from typing import Any

from experiments.analysis import entries
from experiments.report.formatting import (
    DASH,
    format_estimate,
    format_markdown,
    format_mean,
    format_seconds,
    format_spread,
)


def table(data: Mapping[str, Any]) -> list[str]:
    """Return the agents and what they take, then what a decision and a simulation take."""
    study, rounds = data["study"], data["config"]["rounds"]
    rows = [
        [
            entries.name(entry),
            "" if entry["price"] is None else f"{entry['price']:g}",
            format_estimate(entry["untimed"]),
            format_mean(entry["simulations"]),
            format_mean(entry["looks"]),
            _spread(entry["seconds"]),
            _spread(entry["without_looks"]["seconds"]) if "without_looks" in entry else "",
            _plain(entry["look"]["simulations"]) if "look" in entry else "",
            format_seconds(entry["fixed_seconds"]["median"])
            if entry.get("fixed_seconds")
            else DASH,
            _times(entry.get("times_as_fast")),
        ]
        for entry in data["agents"]
    ]
    header = ["agent", "c", "untimed", "simulations", "looks", "time an episode"]
    header += ["without looks", "a look, in simulations", "of a fixed k", "times as fast"]
    caption = (
        f"{study['env']}, {study['episodes']:,} held-out episodes, {study['lanes']:,} lanes,"
        f" training seed {study['training_seed']}. Time: median of {rounds} rounds"
        " (least to most), from the first tick to the last, by the number of episodes. Without"
        " looks: of one that thinks as much and never looks; a look takes what it saves. Of a fixed"
        " k: the time that one needs for the same untimed return. Times as fast: that time by the"
        " agent's own, in each round."
    )
    parts = [format_markdown(header, rows, caption, left=["agent"]).rstrip()]
    return [*parts, _fixed(data["fixed"])]


def _fixed(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "These k's do not tell decisions and simulations apart by the clock."
    decision, simulation = (_spread(found[name]) for name in ("decision", "simulation"))
    return (
        f"By least squares over the fixed k's, a decision takes {decision} and a simulation"
        f" {simulation}: median of the rounds (least to most). The error is {found['error']:.0%} of"
        " an agent's time."
    )


def _spread(timing: Mapping[str, float]) -> str:
    return format_spread(timing, format_seconds)


def _plain(numbers: Mapping[str, float]) -> str:
    return format_spread(numbers, "{:.2g}".format)


def _times(ratio: Mapping[str, float] | None) -> str:
    return DASH if ratio is None else _plain(ratio)
