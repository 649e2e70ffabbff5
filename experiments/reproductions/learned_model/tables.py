"""The tables of the study, made from its results alone."""

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
    "true": "true model",
    "learned": "learned model",
    "judged": "true steps, judged by the learned model",
    "beside": "learned model, after learning beside Thinker",
}
THINKERS = {
    "true": "true model",
    "learned": "learned model, left as it is",
    "beside": "learned model, learning beside it",
}
HEADS = {
    "reward": "reward",
    "ended": "end",
    "features": "features",
    "value": "value",
    "best_action": "likeliest action",
    "legal": "legality",
}


def markdown(results: Mapping[str, Any]) -> str:
    """Return returns over k, the best k of each model, and the errors of each model.

    Where Thinker was trained too, what it earns in each model comes first.
    """
    first = [_thinkers(results)] if results.get("thinkers") else []
    return "\n".join([*first, _returns(results), _best(results), _errors(results)])


def _thinkers(results: Mapping[str, Any]) -> str:
    entries = results["thinkers"]
    bills = {"simulations": "simulations", "operations": "whole bill"}
    header = ["Thinker imagines with", "chunks", "untimed", "than in the true model"]
    header += ["than with the model left", "imagined", "model calls"]
    header += [f"c = {at['price']:g}, {bills[at['bill']]}" for at in entries[0]["timed"]]
    rows = [
        [
            THINKERS[entry["kind"]],
            DASH if entry["chunks"] is None else f"{entry['chunks']}",
            format_estimate(entry["untimed"]),
            *(
                DASH if entry[name] is None else format_gain_in_full(entry[name])
                for name in ("than_true", "than_learned")
            ),
            format_mean(entry["imagined"]),
            format_mean(entry["calls"]),
            *(format_estimate(at) for at in entry["timed"]),
        ]
        for entry in entries
    ]
    options = results["options"]
    caption = (
        f"{results['env']}: Thinker with K = {options['thinker_steps']}, trained for as many real"
        f" steps in each row; {options['episodes']:,} held-out episodes x"
        f" {len(entries[0]['seeds'])} training seeds. Chunks: of the model's training before. ±"
        " half of the 95% interval; differences are paired. Imagined and model calls: a decision."
        " Timed at the price c, charged for simulations alone, and for the whole bill."
    )
    return format_markdown(header, rows, caption, left=["Thinker imagines with"])


def _returns(results: Mapping[str, Any]) -> str:
    first = results["arms"][0]
    header = ["searched in", "chunks", *(f"k = {point['k']}" for point in first["curve"])]
    rows = [
        [*_played(entry), *(format_estimate(point["untimed"]) for point in entry["curve"])]
        for entry in results["arms"]
    ]
    seeds = len(first["curve"][0]["seeds"])
    caption = (
        f"{results['env']}: untimed returns of {results['options']['episodes']:,} held-out episodes"
        f" x {seeds} training seeds. Chunks: of the model's training. ± half of the 95% interval."
    )
    return format_markdown(header, rows, caption, left=["searched in"])


def _best(results: Mapping[str, Any]) -> str:
    header = ["searched in", "chunks", "c", "best k", "of each seed", "return", "gain over k = 0"]
    rows = [
        [
            *_played(entry),
            f"{best['price']:g}",
            f"{best['k']}",
            ", ".join(map(str, best["seeds"])),
            format_estimate(best["timed"]),
            format_gain_in_full(best["gain"]),
        ]
        for entry in results["arms"]
        for best in entry["best"]
    ]
    least = results["arms"][0]["best"][0]["least"]
    header[-1] = f"gain over k = {least}"
    caption = (
        "The best k is chosen on other episodes than those of the return. Charged for simulations"
        " alone, at the price c."
    )
    return format_markdown(header, rows, caption, left=["searched in"])


def _errors(results: Mapping[str, Any]) -> str:
    last = len(results["errors"][0]["reward"]) - 1
    header = ["chunks", "after steps", *HEADS.values()]
    rows = [
        [
            f"{entry['chunks']}{note}",
            f"{place + 1}",
            *(format_mean(entry[name][place]) for name in HEADS),
        ]
        for note, entries in (("", results["errors"]), (", then beside", results.get("later", [])))
        for entry in entries
        for place in sorted({0, last})
    ]
    caption = (
        "Errors on play that nothing was learned from, after one imagined step and after the most"
        " that are trained. Reward and value: root of the mean squared error, in units of the"
        " return. End and legality: share told wrong. Features: squared error as a share of their"
        " variance. Likeliest action: share in which it is not the one that the planner's search"
        " likes most."
    )
    if results.get("later"):
        caption += " Then beside: after it has gone on learning beside Thinker."
    return format_markdown(header, rows, caption, left=[])


def _played(entry: Mapping[str, Any]) -> list[str]:
    return [NAMES[entry["kind"]], DASH if entry["chunks"] is None else f"{entry['chunks']}"]
