"""Numbers as tables show them: with the digits that their intervals bear."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

DASH = "-"
"""What stands where there is nothing to tell."""
RULES = {"visits": "most visits", "completed_q": "completed Q"}
"""Rules of acting in words."""


def format_spread(timing: Mapping[str, float], text: Callable[[float], str]) -> str:
    """Return a median with the least and the most, each as ``text`` writes it."""
    median, least, most = (text(timing[name]) for name in ("median", "min", "max"))
    return f"{median} ({least} to {most})"


def format_markdown(
    header: Sequence[str], rows: Iterable[Sequence[str]], caption: str, *, left: Sequence[str]
) -> str:
    """Return a Markdown table with its caption below; columns not named in ``left`` are numbers."""
    rules = ("---" if name in left else "---:" for name in header)
    lines = ("| " + " | ".join(cells) + " |" for cells in (header, [*rules], *rows))
    return "\n".join([*lines, "", caption]) + "\n"


def format_estimate(estimate: Mapping[str, Any], digits: int = 2) -> str:
    """Return mean ± half the width of its 95% interval, to so many digits of the latter."""
    mean, half_width = estimate["mean"], _half_width(estimate)
    if half_width <= 0:
        return f"{mean:.4g}"
    places = _places(half_width, digits)
    return f"{mean:.{places}f} ±{half_width:.{places}f}".replace("±0.", "±.")


def format_gain(estimate: Mapping[str, Any] | None, digits: int = 2) -> str:
    """Return a difference with its sign, ± half the width of its interval; a dash for None."""
    if estimate is None:
        return DASH
    text = format_estimate(estimate, digits)
    signed = f"+{text}" if estimate["mean"] > 0 else text
    return signed.replace("+0.", "+.").replace("-0.", "-.")


def format_gain_in_full(estimate: Mapping[str, Any] | None, digits: int = 2) -> str:
    """Return a difference with its sign, and its interval in brackets; a dash for None."""
    if estimate is None:
        return DASH
    half_width = _half_width(estimate)
    if half_width <= 0:
        return format_gain(estimate)
    places = _places(half_width, digits)
    low, high = estimate["ci95"]
    return f"{estimate['mean']:+.{places}f} [{low:+.{places}f}, {high:+.{places}f}]"


def format_seeds(difference: Mapping[str, Any]) -> str:
    """Return the differences of single seeds, to as many digits as their interval is told."""
    half_width = _half_width(difference["difference"])
    places = _places(half_width, 2) if half_width > 0 else 4
    return ", ".join(f"{one:+.{places}f}" for one in difference["seeds"])


def format_share(estimate: Mapping[str, Any] | None) -> str:
    """Return a share in percent with its interval in brackets; a dash for None."""
    if estimate is None:
        return DASH
    mean, low, high = (round(100 * share) for share in (estimate["mean"], *estimate["ci95"]))
    return f"{mean}%" if low == high else f"{mean}% [{low}, {high}]"


def format_mean(mean: float) -> str:
    """Return three digits of a number, or all before the point."""
    return f"{mean:,.0f}" if abs(mean) >= 99.95 else f"{mean:.3g}"


def format_seconds(seconds: float | None) -> str:
    """Return a time in the unit that suits it; a dash for None."""
    if seconds is None:
        return DASH
    for unit, factor in (("µs", 1e6), ("ms", 1e3)):
        if seconds * factor < 1000:
            return f"{format_mean(seconds * factor)} {unit}"
    return f"{format_mean(seconds)} s"


def _half_width(estimate: Mapping[str, Any]) -> float:
    low, high = estimate["ci95"]
    return (high - low) / 2


def _places(half_width: float, digits: int) -> int:
    """Return how many places after the point show so many digits of an interval's half."""
    return min(6, max(0, digits - 1 - math.floor(math.log10(half_width))))
