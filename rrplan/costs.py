"""What thinking costs: the prices, what they are charged for, and the one bill made of both."""

from typing import NamedTuple

import jax
import numpy as np

Array = jax.Array
Numbers = Array | np.ndarray | float  # anything that arithmetic broadcasts


class Costs(NamedTuple):
    """What thinking costs. All fields are traced, so that a sweep compiles once."""

    price: Array | float = 0.0  # [] or [E], of one simulation, in units of return
    decision_fee: Array | float = 0.0  # [], charged at every decision
    look_fee: Array | float = 0.0  # [], charged at every ask of the meta-policy
    level_fee: Array | float = 0.0  # [], charged for every level that a simulation descends
    cap: Array | int = 2**30  # [] int32, most simulations of one decision
    budget: Array | int = 2**30  # [] int32, most simulations of one episode


class Counts(NamedTuple):
    """What is charged for, of an episode, a decision or a tick: arrays of any equal shape.

    What is left out costs nothing. Booleans count as 0 and 1.
    """

    simulations: Numbers = 0
    looks: Numbers = 0  # asks of the meta-policy
    decisions: Numbers = 0
    levels: Numbers = 0  # edges that the simulations went down, over all of them


def charge(costs: Costs, counts: Counts) -> Numbers:
    """Return what ``counts`` cost, in units of return and of their shape: the one bill.

    Works on NumPy arrays and on JAX's, traced or not, in the precision that they have. Cap and
    budget are no prices: they charge nothing.
    """
    return (
        costs.price * counts.simulations
        + costs.decision_fee * counts.decisions
        + costs.look_fee * counts.looks
        + costs.level_fee * counts.levels
    )


def timed_return(untimed_return: Numbers, costs: Costs, counts: Counts) -> Numbers:
    """Return what is left of returns when ``counts`` are charged."""
    return untimed_return - charge(costs, counts)
