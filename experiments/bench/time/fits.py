"""What follows from measured seconds: how much faster than a fixed k, and what a look takes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.analysis.comparisons import reach
from experiments.bench.timing import summarise


class Counted(NamedTuple):
    """What an agent did, an episode on average."""

    kind: str  # of its looks
    decisions: float
    simulations: float
    looks: float


def against_fixed(
    fixed: np.ndarray, earned: Sequence[float], own: np.ndarray, untimed: float
) -> dict[str, Any]:
    """Return the seconds that a fixed k needs for the same return, and how many times the own.

    Both are worked out for each round and summed up by their median, least and most. They are None
    where no fixed k earns as much.

    Args:
        fixed: ``[R, K]`` seconds an episode of the fixed k's, in rounds.
        earned: ``[K]`` untimed returns of the same, in the order of k.
        own: ``[R]`` seconds an episode of the agent.
        untimed: its untimed return.
    """
    needed = [reach(list(zip(row, earned, strict=True)), untimed) for row in fixed.tolist()]
    found = [seconds for seconds in needed if seconds is not None]
    if not found or len(found) < len(needed):
        return {"fixed_seconds": None, "times_as_fast": None}
    ratios = np.array(found) / own
    return {"fixed_seconds": summarise(found), "times_as_fast": summarise(ratios.tolist())}


def cost_of_looks(counted: Sequence[Counted], seconds: np.ndarray) -> dict[str, Any] | None:
    """Return what decisions, simulations and each kind's looks take, by least squares.

    Seconds an episode are fitted to ``a decisions + b simulations + sum of c looks``, a ``c`` for
    each kind of meta-policy, so that squares of relative errors are least: once for each round.

    Args:
        counted: ``[N]``, what each agent did an episode.
        seconds: ``[R, N]`` an episode, in rounds.

    Returns:
        Seconds as median, least and most over rounds; those of a look also in simulations. None
        where the agents do not tell them apart.
    """
    kinds = list(dict.fromkeys(one.kind for one in counted if one.looks > 0))
    matrix = np.array(
        [
            [one.decisions, one.simulations, *(one.looks * (one.kind == kind) for kind in kinds)]
            for one in counted
        ]
    )
    if np.linalg.matrix_rank(matrix) < matrix.shape[1]:
        return None
    fitted = np.stack(
        [np.linalg.lstsq(matrix / row[:, None], np.ones(len(row)))[0] for row in seconds]
    )
    predicted = np.median(fitted, axis=0) @ matrix.T
    error = np.sqrt(np.mean((predicted / np.median(seconds, axis=0) - 1.0) ** 2))
    decision, simulation, *looks = fitted.T
    return {
        "decision": summarise(decision.tolist()),
        "simulation": summarise(simulation.tolist()),
        "looks": {
            kind: {
                "seconds": summarise(own.tolist()),
                "simulations": summarise((own / simulation).tolist()),
            }
            for kind, own in zip(kinds, looks, strict=True)
        },
        "error": float(error),
    }
