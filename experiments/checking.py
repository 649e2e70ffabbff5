"""Checks that the options of commands share."""

import math
from typing import Any

from experiments.sweep import require


def order(options: Any, **least: float) -> None:
    """Put the values of some fields in order, each once, and refuse those out of range.

    Args:
        options: a frozen dataclass.
        least: the least value of each field, a tuple of numbers.

    Raises:
        InputError: a field is empty, or holds a number below its least, or one that is not finite.
    """
    for name, bound in least.items():
        values = tuple(sorted(set(getattr(options, name))))
        object.__setattr__(options, name, values)
        require(name, values, len(values) > 0, "at least one number")
        for value in values:
            require(name, value, bound <= value < math.inf, f"at least {bound}")


def count(options: Any, **least: int) -> None:
    """Refuse numbers below their least; a field that is None is not given.

    Args:
        options: a dataclass.
        least: the least value of each field.

    Raises:
        InputError: one line that names the field, its value and the least.
    """
    for name, bound in least.items():
        value = getattr(options, name)
        require(name, value, value is None or value >= bound, f"at least {bound}")
