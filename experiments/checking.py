"""Checks that configurations and the options of commands share."""

import dataclasses
import functools
import math
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np
import pydantic
import tyro

from rrplan.errors import InputError


def require(option: str, value: object, holds: object, expected: str) -> None:
    """Refuse an option's value in one line, unless something holds.

    Raises:
        InputError: it does not.
    """
    if not holds:
        raise InputError(f"{option} must be {expected}, got {value}")


def check_types(config: Any, section: str = "") -> None:
    """Refuse a field that does not hold what its annotation says.

    A list or an array will do for a tuple, which then stands in its place, and a number of NumPy's
    for one of Python's.

    Args:
        config: a frozen dataclass, as it is made.
        section: what comes before the name of a field in options.

    Raises:
        InputError: one line that names the first such field, its value and what it should hold.
    """
    for name, hint in typing.get_type_hints(type(config)).items():
        option, value = f"{section}.{name}" if section else name, _plain(getattr(config, name))
        if value is tyro.MISSING:  # a preset, whose positional arguments are yet to be read
            continue
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            require(option, repr(value), isinstance(value, hint), f"a {hint.__name__}")
        elif flaw := _flaw(value, hint):
            places = "".join(f"[{place}]" for place in flaw["loc"] if isinstance(place, int))
            expected = flaw["msg"].removeprefix("Input should be ")
            require(option + places, repr(flaw["input"]), False, expected)
        object.__setattr__(config, name, value)


def _flaw(value: Any, hint: Any) -> Mapping[str, Any] | None:
    """Return the first thing that is wrong with a value, as pydantic tells it."""
    try:
        _reader(hint).validate_python(value)
    except pydantic.ValidationError as error:
        return error.errors()[0]
    return None


@functools.cache
def _reader(hint: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(hint, config=pydantic.ConfigDict(strict=True))


def _plain(value: Any) -> Any:
    """Return what is NumPy's as Python's, a list or an array as a tuple, and all else as it is.

    In a dictionary too: JSON has lists for the tuples that were typed.
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return tuple(map(_plain, value)) if isinstance(value, tuple | list) else value


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
