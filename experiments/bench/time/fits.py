"""What follows from measured seconds: how much faster than a fixed k, and what a look takes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.analysis.comparisons import reach
from experiments.bench.timing import summarise


class Counted(NamedTuple):
    """What an agent did, an episode on average."""

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


def cost_of_simulations(counted: Sequence[Counted], seconds: np.ndarray) -> dict[str, Any] | None:
    """Return what a decision and a simulation of the fixed k's take, by least squares.

    Seconds an episode are fitted to ``a decisions + b simulations``, so that squares of relative
    errors are least: once for each round.

    Args:
        counted: ``[K]``, what each fixed k did an episode.
        seconds: ``[R, K]`` an episode, in rounds.

    Returns:
        Seconds as median, least and most over rounds. None where these k's do not tell the two
        apart.
    """
    matrix = np.array([[one.decisions, one.simulations] for one in counted])
    if len(matrix) == 0 or np.linalg.matrix_rank(matrix) < 2:
        return None
    fitted = np.stack(
        [np.linalg.lstsq(matrix / row[:, None], np.ones(len(row)))[0] for row in seconds]
    )
    predicted = np.median(fitted, axis=0) @ matrix.T
    error = np.sqrt(np.mean((predicted / np.median(seconds, axis=0) - 1.0) ** 2))
    decision, simulation = fitted.T
    return {
        "decision": summarise(decision.tolist()),
        "simulation": summarise(simulation.tolist()),
        "error": float(error),
    }


def cost_of_looks(
    own: Counted,
    seconds: np.ndarray,
    unlooked: Counted,
    without: np.ndarray,
    simulation: np.ndarray,
) -> dict[str, Any]:
    """Return what a look of an agent takes: in seconds, and in simulations.

    It is compared with one that thinks as much and never looks. What the two differ by in
    simulations is taken off.

    Args:
        own: what the agent did an episode; it looked.
        seconds: ``[R]`` an episode of the agent, in rounds.
        unlooked: what the other one did.
        without: ``[R]`` seconds an episode of the other one.
        simulation: ``[R]`` seconds of a simulation.

    Returns:
        Both as median, least and most over rounds.
    """
    more = (own.simulations - unlooked.simulations) * simulation
    look = (seconds - without - more) / own.looks
    return {
        "seconds": summarise(look.tolist()),
        "simulations": summarise((look / simulation).tolist()),
    }
