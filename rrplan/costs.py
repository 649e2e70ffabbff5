"""What thinking costs: the prices, what they are charged for, and the one bill made of both."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array
Numbers = Array | np.ndarray | np.number | float  # anything that arithmetic broadcasts


class Rates(NamedTuple):
    """What one of each count costs, in multiples of the price. All scalars."""

    simulation: Array | float = 1.0
    look: Array | float = 0.0
    decision: Array | float = 0.0
    level: Array | float = 0.0


class Costs(NamedTuple):
    """What thinking costs. All fields are traced, so that a sweep compiles once."""

    price: Numbers = 0.0  # [] or [E], in units of return; of one simulation by default
    rates: Rates = Rates()  # what is charged in multiples of the price
    decision_fee: Array | float = 0.0  # [], charged at every decision, whatever the price
    look_fee: Array | float = 0.0  # [], charged at every look, whatever the price
    level_fee: Array | float = 0.0  # [], charged for every level, whatever the price
    cap: Array | int = 2**30  # [] int32, most simulations of one decision
    budget: Array | int = 2**30  # [] int32, most simulations of one episode


class Counts(NamedTuple):
    """What is charged for, of an episode, a decision or a tick: arrays of any equal shape.

    What is left out costs nothing. Booleans count as 0 and 1.
    """

    simulations: Numbers = 0
    looks: Numbers = 0  # answers that the meta-policy computed
    decisions: Numbers = 0
    levels: Numbers = 0  # edges that the simulations went down, over all of them


def traced(costs: Costs) -> Costs:
    """Return costs as arrays, without the price: the engine's queue holds each episode's own."""
    return Costs(
        price=jnp.float32(0.0),
        rates=Rates(*map(jnp.float32, costs.rates)),
        decision_fee=jnp.float32(costs.decision_fee),
        look_fee=jnp.float32(costs.look_fee),
        level_fee=jnp.float32(costs.level_fee),
        cap=jnp.int32(costs.cap),
        budget=jnp.int32(costs.budget),
    )


def counts_of(episodes: Any) -> Counts:
    """Return what is charged for of episodes that tell it: an Episodes, or the engine's sums."""
    return Counts(episodes.simulations, episodes.looks, episodes.length, episodes.levels)


def add_weighted(weighted: Counts, counts: Counts, factor: Array) -> Counts:
    """Return weighted sums with more counts in them, which were made where the factor holds."""
    return Counts(*map(jnp.add, weighted, weigh(counts, factor)))


def weigh(counts: Counts, factor: Numbers) -> Counts:
    """Return counts multiplied by what the situation makes of the price."""
    return Counts(*(factor * count for count in counts))


UNSOUND = "price_factor is NaN, infinite or below 0, expected finite numbers >= 0"
"""What is said of an environment whose factors are not :func:`sound`."""


def sound(factor: Array) -> Array:
    """Return where factors of the price are what they may be: finite, and at least 0."""
    return jnp.isfinite(factor) & (factor >= 0)


def charge(costs: Costs, counts: Counts, weighted: Counts | None = None) -> Any:
    """Return what ``counts`` cost, in units of return and of their shape: the one bill.

    Where the price depends on the situation, it is charged for the counts ``weighted`` by its
    factor; fees are charged for the counts as they are.

    Works on NumPy arrays and on JAX's, traced or not, in the precision that they have, and
    returns an array of the same kind. Cap and budget are no prices: they charge nothing.
    """
    rates, priced = costs.rates, counts if weighted is None else weighted
    units = (
        rates.simulation * priced.simulations
        + rates.look * priced.looks
        + rates.decision * priced.decisions
        + rates.level * priced.levels
    )
    return (
        costs.price * units
        + costs.decision_fee * counts.decisions
        + costs.look_fee * counts.looks
        + costs.level_fee * counts.levels
    )


def timed_return(
    untimed_return: Numbers, costs: Costs, counts: Counts, weighted: Counts | None = None
) -> Any:
    """Return what is left of returns when ``counts`` are charged, see :func:`charge`."""
    return untimed_return - charge(costs, counts, weighted)
