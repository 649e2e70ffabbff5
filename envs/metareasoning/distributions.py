"""Finite distributions as options: values, and how probable each is."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rrplan.errors import InputError

Numbers = tuple[float, ...]
_EXACT = 1e-9


class Distributions(NamedTuple):
    """Of ``n`` independent quantities; rows are padded to ``O`` with outcomes of no chance."""

    values: np.ndarray  # [n, O] float64
    probabilities: np.ndarray  # [n, O] float64, rows sum to 1
    sizes: np.ndarray  # [n] outcomes that each really has

    @property
    def means(self) -> np.ndarray:
        """Expected values ``[n]``."""
        return (self.probabilities * self.values).sum(axis=1)


def distributions(
    number: int, values: Sequence, probabilities: Sequence | None = None
) -> Distributions:
    """Return the distributions of ``number`` quantities.

    Args:
        number: ``n``.
        values: numbers, which all quantities share, or a row of numbers for each.
        probabilities: of the same form as ``values``; equal for all values of a row if None.

    Raises:
        InputError: one line, for rows that are no finite distributions.
    """
    rows = _rows("values", values, number)
    chances = None if probabilities is None else _rows("probabilities", probabilities, number)
    width = max(map(len, rows))
    padded = np.zeros((2, number, width))
    for index, row in enumerate(rows):
        chance = (1.0 / len(row),) * len(row) if chances is None else chances[index]
        if len(chance) != len(row):
            raise InputError(
                f"probabilities holds {chance}, {len(chance)} numbers, for the {len(row)} values "
                f"{row}: expected as many"
            )
        if min(chance) < 0:
            raise InputError(f"probabilities holds {min(chance)}: expected numbers from 0 on")
        total = math.fsum(chance)
        if abs(total - 1.0) > _EXACT:
            raise InputError(f"probabilities {chance} sum to {total:.12g}: expected 1")
        padded[0, index, : len(row)] = row
        padded[0, index, len(row) :] = row[-1]
        padded[1, index, : len(row)] = np.array(chance) / total
    return Distributions(padded[0], padded[1], np.array([len(row) for row in rows]))


def freeze(values: object) -> object:
    """Return nested lists, tuples and arrays as tuples, so that an environment can be hashed."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, list | tuple):
        return tuple(freeze(value) for value in values)
    return values


def _rows(name: str, given: object, number: int) -> list[Numbers]:
    if not isinstance(given, tuple) or not given:
        raise InputError(f"{name} is {given!r}: expected numbers, such as (-1, 1)")
    if not any(isinstance(row, tuple) for row in given):
        return [_numbers(name, given)] * number
    if len(given) != number:
        raise InputError(f"{name} has {len(given)} rows: expected one, or one for each of {number}")
    return [_numbers(name, row) for row in given]


def _numbers(name: str, row: object) -> Numbers:
    if not isinstance(row, tuple) or not row:
        raise InputError(f"{name} has a row {row!r}: expected numbers, such as (-1, 1)")
    for value in row:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise InputError(f"{name} holds {value!r}: expected a finite number")
    return tuple(map(float, row))
