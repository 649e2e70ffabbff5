"""Timing contestants side by side, so that what the machine does meanwhile hits all alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax

from rrplan.errors import InputError

Contestant = Callable[[int], Any]
"""``(round) -> what it computed``; must return only when the work is done."""


@dataclass(frozen=True)
class Rounds:
    """How long to measure: rounds go on until there are enough and the time is used up."""

    repeats: int = 3
    """Rounds at least, each with one sample of every contestant."""
    seconds: float = 3.0
    """Seconds for one cell: quick contestants are measured again until they are over."""
    most: int = 15
    """Rounds at most."""
    sample: float = 0.05
    """Seconds of one sample at least: what is quicker is called several times in a row."""

    def __post_init__(self):
        if self.repeats < 1 or self.most < self.repeats:
            raise InputError(f"repeats is {self.repeats}: expected 1 to {self.most}")
        if not 0.0 <= self.seconds < float("inf"):
            raise InputError(f"seconds is {self.seconds}: expected a finite number >= 0")
        if not 0.0 <= self.sample < float("inf"):
            raise InputError(f"sample is {self.sample}: expected a finite number >= 0")


def blocking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` so that it comes back only when its arrays are there."""
    return lambda *arguments: jax.block_until_ready(function(*arguments))


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a call took, and what it returned."""
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def measure(
    contestants: Mapping[str, Contestant], rounds: Rounds, warm: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """Time contestants in turns; every other round in the opposite order.

    Args:
        contestants: by name; compiled and warmed up.
        rounds: how long to go on.
        warm: seconds of one call of each, which decide how many calls make one sample.

    Returns:
        For each name its ``median``, ``min`` and ``max`` seconds a call, the samples ``raw`` in
        the order of the rounds, and ``calls`` a sample.
    """
    calls = {name: max(1, round(rounds.sample / max(warm[name], 1e-6))) for name in contestants}
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    began = time.perf_counter()
    for number in range(1, rounds.most + 1):
        for name in list(contestants)[:: 1 if number % 2 else -1]:
            start = time.perf_counter()
            for _ in range(calls[name]):
                contestants[name](number)
            samples[name].append((time.perf_counter() - start) / calls[name])
        if number >= rounds.repeats and time.perf_counter() - began >= rounds.seconds:
            break
    return {name: summarise(raw) | {"calls": calls[name]} for name, raw in samples.items()}


def summarise(raw: list[float]) -> dict[str, Any]:
    """Return median, least and most of samples in seconds, and the samples themselves."""
    return {"median": statistics.median(raw), "min": min(raw), "max": max(raw), "raw": raw}


def per(timing: Mapping[str, Any], units: float) -> dict[str, float]:
    """Return median, least and most in microseconds for each of ``units`` pieces of work."""
    return {name: 1e6 * timing[name] / units for name in ("median", "min", "max")}


def per_second(timing: Mapping[str, Any], units: float) -> dict[str, float]:
    """Return how many of ``units`` pieces of work are done in a second: median, least and most."""
    ends = {"median": "median", "min": "max", "max": "min"}
    return {name: units / timing[other] for name, other in ends.items()}


def check_counts(name: str, counts: tuple[int, ...], least: int = 1) -> None:
    """Refuse an empty list, and numbers below ``least`` or named twice."""
    if not counts:
        raise InputError(f"{name} is empty: expected numbers >= {least}")
    for count in counts:
        if count < least:
            raise InputError(f"{name} holds {count}: expected numbers >= {least}")
    if len(set(counts)) < len(counts):
        raise InputError(f"{name} names a number twice: expected each once")
