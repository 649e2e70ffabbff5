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
)


def table(data: Mapping[str, Any]) -> list[str]:
    """Return the agents and what they take, then what decisions, simulations and looks take."""
    study, rounds = data["study"], data["config"]["rounds"]
    rows = [
        [
            entries.name(entry),
            "" if entry["price"] is None else f"{entry['price']:g}",
            format_estimate(entry["untimed"]),
            format_mean(entry["simulations"]),
            format_mean(entry["looks"]),
            _spread(entry["seconds"]),
            format_seconds(entry["fixed_seconds"]["median"])
            if entry.get("fixed_seconds")
            else DASH,
            _times(entry.get("times_as_fast")),
        ]
        for entry in data["agents"]
    ]
    header = ["agent", "c", "untimed", "simulations", "looks", "time an episode"]
    header += ["of a fixed k", "times as fast"]
    caption = (
        f"{study['env']}, {study['episodes']:,} held-out episodes, {study['lanes']:,} lanes,"
        f" training seed {study['training_seed']}. Time: median of {rounds} rounds"
        " (least to most), from the first tick to the last, by the number of episodes. Of a fixed"
        " k: the time that one needs for the same untimed return. Times as fast: that time by the"
        " agent's own, in each round."
    )
    parts = [format_markdown(header, rows, caption, left=["agent"]).rstrip()]
    return [*parts, *_looks(data["look"])]


def _looks(look: Mapping[str, Any] | None) -> list[str]:
    if look is None:
        return ["These agents do not tell decisions, simulations and looks apart by the clock."]
    rows = [
        ["a decision", _spread(look["decision"]), ""],
        ["a simulation", _spread(look["simulation"]), "1"],
        *(
            [f"a look of {kind}", _spread(own["seconds"]), _plain(own["simulations"])]
            for kind, own in look["looks"].items()
        ),
    ]
    caption = (
        "Least squares of the times above; median of the rounds (least to most). The error of the"
        f" fit is {look['error']:.0%} of an agent's time. Lanes are many and looks are computed in"
        " groups, so this is what they add to the time of all, not what one takes alone."
    )
    header = ["what", "time", "in simulations"]
    return [format_markdown(header, rows, caption, left=["what"]).rstrip()]


def _spread(timing: Mapping[str, float]) -> str:
    median, least, most = (format_seconds(timing[name]) for name in ("median", "min", "max"))
    return f"{median} ({least} to {most})"


def _plain(numbers: Mapping[str, float]) -> str:
    median, least, most = (f"{numbers[name]:.2g}" for name in ("median", "min", "max"))
    return f"{median} ({least} to {most})"


def _times(ratio: Mapping[str, float] | None) -> str:
    return DASH if ratio is None else _plain(ratio)
