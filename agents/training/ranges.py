"""Ranges of settings, checked as a configuration is made, and numbers rounded to whole units."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from rrplan.errors import InputError, is_number, is_whole


def check_ranges(
    config: Any,
    *,
    whole: Sequence[str],
    positive: Sequence[str],
    not_negative: Sequence[str],
    shares: Sequence[str],
) -> None:
    """Refuse numbers that are not finite, and those of the fields named that are out of range.

    A field that is annotated as an int holds a whole number, one annotated as a float any.

    Args:
        config: a dataclass.
        whole: fields that are at least 1.
        positive: fields above 0.
        not_negative: fields that may be 0.
        shares: fields between 0 and 1.
    """
    for field in fields(config):
        value = getattr(config, field.name)
        if (field.type is int or field.name in whole) and not is_whole(value):
            raise InputError(f"{field.name} must be a whole number, got {value!r}")
        if field.type is float and not is_number(value):
            raise InputError(f"{field.name} must be a number, got {value!r}")
        if is_number(value) and not is_whole(value) and not math.isfinite(value):
            raise InputError(f"{field.name} must be finite, got {value}")
    for name in whole:
        require(config, name, getattr(config, name) >= 1, "at least 1")
    for name in positive:
        require(config, name, getattr(config, name) > 0, "positive")
    for name in not_negative:
        require(config, name, getattr(config, name) >= 0, "zero or more")
    for name in shares:
        require(config, name, 0 <= getattr(config, name) <= 1, "between 0 and 1")


def round_up(number: int, unit: int) -> int:
    """Return the least multiple of ``unit`` from ``number`` on."""
    return -(-number // unit) * unit


def require(config: Any, name: str, holds: bool, expected: str) -> None:
    """Refuse a field of a configuration with one line, unless something holds."""
    if not holds:
        raise InputError(f"{name} must be {expected}, got {getattr(config, name)}")


def halved(numbers: Iterable[int], every: int = 0) -> list[int]:
    """Return the largest number, the next that is at most half of it, and so on, ascending.

    Those above 0 and up to ``every`` are all kept.
    """
    kept: list[int] = []
    for number in sorted({number for number in numbers if number > 0}, reverse=True):
        if number <= every or not kept or 2 * number <= kept[0]:
            kept.insert(0, number)
    return kept


def one_digit(value: float) -> float:
    """Return a number above 0, rounded to one digit."""
    return float(f"{value:.0e}")
