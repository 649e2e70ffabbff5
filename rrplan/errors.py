"""One clear line for bad input: the value, what was expected, the nearest valid choice."""

import difflib
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np


class InputError(ValueError):
    """A value from outside is wrong. Its message is one line, fit to show to a person."""


def unknown(kind: str, name: object, choices: Iterable[str]) -> InputError:
    """Return the error for a name that is not among ``choices``, with the nearest of them."""
    choices = sorted(choices)
    near = difflib.get_close_matches(str(name), choices, n=1, cutoff=0.4)
    if not near:
        lowered = {choice.lower(): choice for choice in choices}
        near = [
            lowered[match]
            for match in difflib.get_close_matches(
                str(name).lower(), list(lowered), n=1, cutoff=0.4
            )
        ]
    if near:
        hint = f"did you mean {near[0]!r}?"
    else:
        shown = ", ".join(choices[:8]) + (", ..." if len(choices) > 8 else "")
        hint = f"expected one of: {shown}"
    return InputError(f"unknown {kind} {name!r}: {hint}")


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number, Python's or NumPy's; True and False are none."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Return whether a value is a real number, or an array of one; True and False are none."""
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        return isinstance(dtype, np.dtype) and dtype.kind in "iuf" and value.shape == ()
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
