"""Exact gains: what each answer is worth in each state of enumerable episodes.

The oracle (:mod:`rrplan.oracle`) searches every state that can be reached, and says what is earned
from there on by acting after each k. Two things of this are hindsight, and a learner should know:

* what comes after the decision is what the oracle would earn, which pays for no looks;
* an answer of m simulations is worth what acting right after them earns. A stopper may look again
  then, and decide better.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from agents.metapolicies.learned.inputs import Inputs
from agents.metapolicies.learned.network import MetaNetwork
from agents.metapolicies.learners.playing import Walk
from rrplan import oracle
from rrplan.costs import Costs, Counts, charge, timed_return, weigh
from rrplan.errors import InputError
from rrplan.planner import Planner
from rrplan.types import Array

_ROUNDING = 1e-6  # relative: answers that differ by less are worth the same


class Gains(NamedTuple):
    """What is known of some episodes. Tables are padded, so that most share a program."""

    walk: Walk
    worth: Array  # [N, K + 1] float32, timed return from a node on, acting after k simulations
    look: Array  # [N] float32, what another look there costs


def check(network: MetaNetwork, prices: tuple[float, float], learner: str) -> None:
    """Refuse what exact gains are of no use to.

    Raises:
        InputError: the network answers with actions or depths, or is for several prices.
    """
    answers = "as ppo, remax and leave-one-out can"
    if network.act is not None:
        raise InputError(
            f"learner {learner} got a network that chooses actions: expected a gate or a stopper "
            f"({answers})"
        )
    if network.config.depths:
        raise InputError(
            f"learner {learner} got depths {network.config.depths}: expected none ({answers})"
        )
    if prices[0] != prices[1]:
        raise InputError(
            f"learner {learner} got prices from {prices[0]:g} to {prices[1]:g}: expected one price "
            f"({answers})"
        )


def tabulate(planner: Planner, key: Array, episodes: int, costs: Costs, num_lanes: int) -> Gains:
    """Return the gains of the episodes ``0..episodes - 1`` of a key.

    Args:
        planner: whose searches they are.
        key: scalar key of the episodes, as :func:`rrplan.evaluate` takes it.
        episodes: how many.
        costs: all that is charged, with the price.
        num_lanes: states that the planner's network evaluates at a time.

    Raises:
        InputError: as :func:`rrplan.oracle.tabulate`, for an environment that lists no states or
            steps by chance among others.
    """
    table = oracle.tabulate(planner, key=key, episodes=episodes, num_lanes=num_lanes)
    return of_table(table, costs)


def of_table(table: oracle.DecisionTable, costs: Costs) -> Gains:
    """Return the gains of what was tabulated.

    Args:
        table: with one depth, no limit.
        costs: all that is charged, with the price.
    """
    graph, action, levels = table.graph, table.action[:, 0], table.levels[:, 0]
    # Two more at the end, where ENDED and UNKNOWN point to: nothing follows.
    value = np.append(oracle.solve(table, costs).value, [0.0, 0.0])
    rows = np.arange(len(action))[:, None]
    earned = graph.reward[rows, action] + value[graph.following[rows, action]]
    counts = Counts(np.arange(action.shape[1]), decisions=1, levels=levels)
    worth = timed_return(earned, costs, counts, weigh(counts, graph.factor[:, None].astype(float)))
    one = Counts(looks=np.ones(len(action)))
    look = charge(costs, one, weigh(one, graph.factor.astype(float)))
    walk = Walk(jnp.asarray(graph.first), _pad(graph.following, np.int32), _pad(action, np.int32))
    return Gains(walk, _pad(worth, np.float32), _pad(look, np.float32))


def gains_of(gains: Gains, network: MetaNetwork, inputs: Inputs, node: Array) -> Array:
    """Return what each answer is worth above acting at once, ``[B, M]``; acting itself is 0.

    Args:
        gains: the tables.
        network: static, whose answers they are.
        inputs: of the looks ``[B, ...]``.
        node: ``[B]``, in which they were taken.
    """
    most = gains.worth.shape[1] - 1
    done = inputs.simulations[:, None]
    after = jnp.minimum(done + jnp.asarray(network.config.menu, jnp.int32), most)
    rows = node[:, None]
    gained = gains.worth[rows, after] - gains.worth[rows, done]
    if network.config.looks == "every":
        # What stops below the cap is asked once more, to say that it acts.
        again = (after > done) & (after < most)
        gained = gained - jnp.where(again, gains.look[rows], 0.0)
    return gained


def best(gained: Array) -> Array:
    """Return the answer worth most, ``[B]``; of equals the one of fewest simulations."""
    most = gained.max(axis=-1, keepdims=True)
    return jnp.argmax(gained >= most - _ROUNDING * (1 + jnp.abs(most)), axis=-1)


def _pad(rows: np.ndarray, kind: type) -> Array:
    """Return rows continued with zeros to a power of two."""
    size = 1 << max(0, len(rows) - 1).bit_length()
    padded = np.pad(rows, [(0, size - len(rows))] + [(0, 0)] * (rows.ndim - 1))
    return jax.device_put(padded.astype(kind))
