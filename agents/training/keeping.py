"""Which parameters a training keeps: the last, unless earlier ones earned significantly more."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agents.training import checkpoints
from rrplan.types import PyTree

SIGNIFICANT = 2.0
"""Standard errors of the paired difference by which earlier parameters must be ahead."""


class Evaluated(NamedTuple):
    """Parameters that were evaluated."""

    chunk: int
    params: PyTree
    returns: np.ndarray  # [E] of the same held-out episodes at each evaluation


def better(best: Evaluated | None, new: Evaluated) -> Evaluated:
    """Return the one that earns more on average; of equals the new one."""
    if best is None or best.returns.shape != new.returns.shape:
        return new
    return best if best.returns.mean() > new.returns.mean() else new


def kept(best: Evaluated | None, last: Evaluated) -> Evaluated:
    """Return ``best`` if it earns significantly more than ``last``, paired by episode."""
    if best is None or best.returns.shape != last.returns.shape:
        return last
    difference = best.returns - last.returns
    error = difference.std() / math.sqrt(len(difference))
    return best if difference.mean() > SIGNIFICANT * error else last


def save(directory: Path, chunk: int, best: Evaluated | None) -> None:
    """Write the best so far under the number of a checkpoint; to be called before that one's."""
    if best is not None:
        told = {"chunk": int(best.chunk), "returns": np.asarray(best.returns).tolist()}
        checkpoints.save(directory, chunk, best.params, best.params, told)


def restore(directory: Path, chunk: int, template: PyTree) -> Evaluated | None:
    """Return the best as :func:`save` wrote it with the checkpoint of ``chunk``, or ``None``.

    Args:
        directory: where it wrote.
        chunk: of the checkpoint that a training goes on from.
        template: parameters of the same network, arrays or their shapes.

    Raises:
        InputError: where it is damaged, or does not fit ``template``.
    """
    found = checkpoints.restore_step(directory, chunk, template)
    if found is None:
        return None
    told = found.metadata
    return Evaluated(told["chunk"], found.tree, np.asarray(told["returns"], np.float32))
