"""Sequential choices of which all outcomes are known: what every choice brings, row by row.

A *row* is a moment of an instance at which something is chosen: to stop, which is choice 0, or to
go on in one of several ways. The outcome of each choice was drawn or searched beforehand, so that
any rule can be played on all instances exactly. A rule that is *fair* chooses by what is shown at a
row; the rows of many instances tell what that is worth.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rrplan.errors import InputError

ENDED = -1
"""Instead of a row: nothing follows."""


class Choices(NamedTuple):
    """All rows of ``I`` instances, ``R`` of them, with ``M`` choices each."""

    first: np.ndarray  # [I] int32, the row in which each instance begins
    following: np.ndarray  # [R, M] int32, the row that a choice leads to, or ENDED
    gain: np.ndarray  # [R, M] float64, what it brings at once, less what it costs
    allowed: np.ndarray  # [R, M] bool; choice 0, to stop, always is
    stage: np.ndarray  # [R] int32; a choice leads to a row of a later stage


def check(choices: Choices) -> None:
    """Refuse what is no such table.

    Raises:
        InputError: a row does not allow to stop, or a choice leads to a row of no later stage.
    """
    if not choices.allowed[:, 0].all():
        row = int(np.argmin(choices.allowed[:, 0]))
        raise InputError(f"row {row} does not allow to stop: expected choice 0 in every row")
    onward = choices.allowed & (choices.following != ENDED)
    back = onward & (choices.stage[choices.following] <= choices.stage[:, None])
    if back.any():
        row, choice = np.argwhere(back)[0]
        raise InputError(
            f"choice {choice} of row {row} leads to stage"
            f" {choices.stage[choices.following[row, choice]]} from stage {choices.stage[row]}:"
            " expected a later one"
        )


def evaluate(choices: Choices, chosen: np.ndarray) -> np.ndarray:
    """Return what a rule earns from each row on, ``[R]`` float64.

    Args:
        choices: the table.
        chosen: ``[R]``, the rule's choice in each row.
    """
    rows = np.arange(len(chosen))
    values = np.zeros(len(chosen) + 1)  # one more at the end, where ENDED points to
    gain, following = choices.gain[rows, chosen], choices.following[rows, chosen]
    for own in _from_the_last(choices.stage):
        values[own] = gain[own] + values[following[own]]
    return values[:-1]


def promised(choices: Choices, gains: np.ndarray) -> np.ndarray:
    """Return what each row is worth if going on gains what is promised, ``[R]`` float64.

    That is what stopping brings from there on, with what the rows promise that this leads to.

    Args:
        choices: the table.
        gains: ``[R]``, at least 0: what the best choice is promised to gain over stopping.
    """
    values = np.zeros(len(gains) + 1)
    gain, following = choices.gain[:, 0] + gains, choices.following[:, 0]
    for own in _from_the_last(choices.stage):
        values[own] = gain[own] + values[following[own]]
    return values[:-1]


def worths(choices: Choices, values: np.ndarray) -> np.ndarray:
    """Return what each choice earns if a rule takes over after it, ``[R, M]``.

    Args:
        choices: the table.
        values: ``[R]``, what that rule earns from each row on. -inf for what is not allowed.
    """
    worth = choices.gain + np.append(values, 0.0)[choices.following]
    return np.where(choices.allowed, worth, -np.inf)


def with_hindsight(choices: Choices) -> tuple[np.ndarray, np.ndarray]:
    """Return the best choice of each row, and what it earns, where all outcomes are known.

    No fair rule earns more in any instance.

    Returns:
        ``[R]`` int and ``[R]`` float64; of equal choices the first.
    """
    values = np.zeros(len(choices.stage) + 1)
    chosen = np.zeros(len(choices.stage), int)
    gain = np.where(choices.allowed, choices.gain, -np.inf)
    for own in _from_the_last(choices.stage):
        worth = gain[own] + values[choices.following[own]]
        chosen[own] = worth.argmax(axis=1)
        values[own] = worth.max(axis=1)
    return chosen, values[:-1]


def visits(choices: Choices, chosen: np.ndarray) -> np.ndarray:
    """Return how many instances come to each row under a rule, ``[R]`` int."""
    following = choices.following[np.arange(len(chosen)), chosen]
    count = np.zeros(len(chosen), int)
    at = choices.first
    while at.size:
        count += np.bincount(at, minlength=len(chosen))
        at = following[at]
        at = at[at != ENDED]
    return count


def _from_the_last(stage: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows of each stage, those of the last first."""
    order = np.argsort(-stage, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(stage[order])) + 1)
