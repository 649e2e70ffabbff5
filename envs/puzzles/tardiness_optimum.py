"""The least total tardiness on one machine, by dynamic programming over sets of jobs."""

import functools
from types import ModuleType
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from rrplan.errors import InputError

MAX_JOBS = 16  # of which all subsets are gone through


class Layer(NamedTuple):
    """All subsets with ``s`` jobs, ``m`` of them, and where they come from."""

    jobs: np.ndarray  # [m, s] int32, the jobs of each subset
    before: np.ndarray  # [m, s] int32, the place among smaller subsets of the one without this job


def optimal_tardiness(processing_times: Any, due_dates: Any, xp: ModuleType = jnp) -> Any:
    """Return the least total tardiness of all orders of the jobs, which start at time 0.

    The jobs of a set that come first take the same time in every order. So the least tardiness
    of a set is that of the set without its last job, plus the tardiness of the last, at the best
    choice of the last (Held and Karp 1962). The sets are gone through by size: ``2**A * A / 2``
    steps an instance, and memory for the subsets of one size.

    With ``xp=jax.numpy`` it can be traced, under ``jit`` and ``vmap`` too. With ``xp=numpy``
    nothing is compiled.

    Args:
        processing_times: ``[..., A]`` positive integers.
        due_dates: ``[..., A]`` integers.
        xp: the library that computes.

    Returns:
        ``[...]`` integers.

    Raises:
        InputError: for shapes that differ, no jobs, or more than ``MAX_JOBS``.
    """
    times, dates = xp.asarray(processing_times, dtype=int), xp.asarray(due_dates, dtype=int)
    if times.shape != dates.shape or not times.ndim:
        raise InputError(
            f"processing times have shape {times.shape}, due dates {dates.shape}: expected one "
            "shape [..., A]"
        )
    num_jobs = times.shape[-1]
    if not 1 <= num_jobs <= MAX_JOBS:
        raise InputError(f"{num_jobs} jobs: expected 1 to {MAX_JOBS} to go through all subsets")
    best = end = xp.zeros((*times.shape[:-1], 1), dtype=int)  # of the empty set
    for layer in _layers(num_jobs):
        end = end[..., layer.before[:, 0]] + times[..., layer.jobs[:, 0]]
        choices = (
            best[..., before] + xp.maximum(0, end - dates[..., last])
            for last, before in zip(layer.jobs.T, layer.before.T, strict=True)
        )
        best = functools.reduce(xp.minimum, choices)
    return best[..., 0]


@functools.cache
def _layers(num_jobs: int) -> tuple[Layer, ...]:
    """Return the subsets of 1, 2, ..., ``num_jobs`` jobs; bit i of a subset's number is job i."""
    subsets = np.arange(2**num_jobs)
    has = (subsets[:, None] >> np.arange(num_jobs)) % 2 == 1
    size = has.sum(axis=1)
    place = np.zeros(subsets.size, np.int32)
    layers = []
    for s in range(1, num_jobs + 1):
        these = subsets[size == s]
        jobs = np.nonzero(has[these])[1].reshape(-1, s).astype(np.int32)
        layers.append(Layer(jobs, place[these[:, None] - 2**jobs]))
        place[these] = np.arange(these.size)
    return tuple(layers)
