"""Meta-policies that go by a rule: the prior's entropy, the margin of visits, virtual visits.

None looks at the price: their parameters are tuned for each price on validation episodes, by
:mod:`agents.metapolicies.tuning`. All parameter values of a rule share one compiled program.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from agents.metapolicies.rules.constant import no_carry, order
from rrplan.engine.consult import rows_seen
from rrplan.errors import InputError
from rrplan.logits import entropy_of
from rrplan.search.action_selection import puct
from rrplan.search.qtransforms import by_parent_and_siblings
from rrplan.search.trees import Rows, argmax_by_prior
from rrplan.types import Array, Control, MetaObservation, MetaPolicy, PyTree, Trace


class EntropyParams(NamedTuple):
    """Parameters of :func:`entropy`, scalars."""

    k: Array | int  # int32, simulations where the prior is in doubt
    threshold: Array | float  # float32, nats; -inf always searches, inf never does


class VetParams(NamedTuple):
    """Parameters of :func:`vet`, scalars."""

    cap: Array | int  # int32, N: simulations of a decision that is not stopped
    ratio: Array | float = 0.2  # float32, r: the share of the cap that is always run
    tolerance: Array | float = 0.1  # float32, epsilon: L1 distance below which to stop
    c_init: Array | float = 1.25  # float32, of the search's PUCT formula
    c_base: Array | float = 19652.0  # float32, of the search's PUCT formula


@functools.cache
def entropy() -> MetaPolicy:
    """Search ``k`` where the prior's entropy exceeds a threshold, else act at once.

    Parameters: :class:`EntropyParams`.
    """

    def apply(params: EntropyParams, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        del keys
        in_doubt = prior_entropy(seen) > params.threshold
        return order(jnp.where(in_doubt, jnp.maximum(params.k - seen.simulations, 0), 0), carry)

    return MetaPolicy(no_carry, apply, looks="once")


def prior_entropy(seen: MetaObservation) -> Array:
    """Return the entropy ``[B]`` of the prior over legal actions, in nats."""
    return entropy_of(jnp.where(seen.invalid_actions, 0.0, jax.nn.softmax(seen.prior_logits)))


@functools.cache
def margin() -> MetaPolicy:
    """Up to ``k`` simulations; stop as soon as what is left cannot change the most visited action.

    An agent that acts by visits takes exactly the actions of :func:`agents.metapolicies.fixed`,
    ties (broken by prior, then by index) included, with fewer simulations. Where a rival is ``d``
    visits too many from being out of reach, each simulation brings it at most two nearer to that:
    one visit to the best action, and one less that is left. So ``ceil(d / 2)`` simulations can be
    ordered at once, and the search stops at the very simulation at which asking after every one
    would have stopped it.

    Parameters: ``k``, int32 scalar.
    """

    def apply(k: Array, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        del keys
        left = jnp.clip(k - seen.simulations, 0, seen.simulations_left)
        return order((visits_to_settle(seen, left) + 1) // 2, carry)

    return MetaPolicy(no_carry, apply)


def visits_to_settle(seen: MetaObservation, left: Array) -> Array:
    """Return by how many visits ``[B]`` the closest rival could still win; 0 where none can.

    Args:
        seen: the search so far.
        left: ``[B]`` int32, simulations to come.
    """
    visits, prior = seen.visit_counts, seen.prior_logits
    scores = jnp.where(seen.invalid_actions, -jnp.inf, visits.astype(jnp.float32))
    best = argmax_by_prior(scores, prior)[:, None]
    best_visits, best_prior = (
        jnp.take_along_axis(column, best, axis=-1) for column in (visits, prior)
    )
    index = jnp.arange(visits.shape[-1])
    wins_ties = (prior > best_prior) | ((prior == best_prior) & (index < best))
    lead = visits + left[:, None] - best_visits + wins_ties
    return jnp.where(seen.invalid_actions | (index == best), 0, lead).max(-1, initial=0)


@functools.cache
def vet(max_simulations: int, num_actions: int) -> MetaPolicy:
    """Virtual Expanded Termination: stop when the search's forecast of itself holds still.

    The forecast after ``k`` simulations is where all ``N`` visits would be if the ``N - k`` to
    come found nothing new (:func:`expand_virtually`). The search stops at the first
    ``k >= r N`` at which the forecasts after ``k`` and ``k // 2`` simulations, as distributions
    over actions, are less than ``epsilon`` apart in L1 distance.

    It asks once to reach the first ``k`` that a comparison can look back to, and after every
    simulation from there on. The engine acts by its own rule; the source acts by the forecast.

    Parameters: :class:`VetParams`.

    Source: Ye et al. 2022, "Spending Thinking Time Wisely" (arXiv 2210.12628), V-MCTS.

    Args:
        max_simulations: static bound on ``N``; a larger ``N`` is cut to it.
        num_actions: of the environment.

    Raises:
        InputError: one of them is below 1.
    """
    for name, value in (("max_simulations", max_simulations), ("num_actions", num_actions)):
        if value < 1:
            raise InputError(f"{name} is {value}: expected 1 or more")

    def init(batch_size: int) -> Array:
        # Forecasts by the k that they were made at; a comparison looks back to k / 2 at most.
        return jnp.zeros((batch_size, max_simulations // 2 + 1, num_actions), jnp.int32)

    def apply(params: VetParams, keys: Array, forecasts: Array, seen: MetaObservation) -> Control:
        del keys
        cap = jnp.minimum(params.cap, max_simulations)
        least = least_simulations(params.ratio, cap)
        first = least // 2
        k = seen.simulations

        left = jnp.where(k < first, 0, cap - k)
        forecast = expand_virtually(seen, left, params.c_init, params.c_base)
        lanes = jnp.arange(k.shape[0])
        forecasts = forecasts.at[lanes, k].set(forecast, mode="drop")
        distance = jnp.abs(forecast - forecasts[lanes, k // 2]).sum(-1) / jnp.maximum(cap, 1)

        settled = (k >= least) & (distance < params.tolerance)
        onward = jnp.where(settled | (k >= cap), 0, 1)
        return order(jnp.where(k < first, first - k, onward), forecasts)

    return MetaPolicy(init, apply)


def virtual_visits(trace: Trace, cap: int, ratio: float) -> np.ndarray:
    """Return how many virtual visits :func:`vet` gave away in each recorded episode, ``[E]``.

    At the first look of a decision, where there is nothing to compare with yet, it gives none; from
    the ``first`` k on it looks after every simulation, and gives ``N - k`` each time.

    Args:
        trace: of its episodes.
        cap: its ``N``.
        ratio: its ``r``.
    """
    first = int(least_simulations(ratio, jnp.int32(cap))) // 2
    forecasts = np.maximum(np.asarray(trace.looks) - (first > 0), 0)
    given = forecasts * (cap - first) - forecasts * (forecasts - 1) // 2
    return np.where(trace.valid, np.maximum(given, 0), 0).sum(axis=1)


def least_simulations(ratio: Array | float, cap: Array) -> Array:
    """Return the fewest simulations that are ``ratio`` of the cap, and at least 1."""
    # The slack is for rounding, which may make 0.3 x 10 more than 3.
    return jnp.maximum(jnp.ceil(ratio * cap - 1e-4).astype(jnp.int32), 1)


def expand_virtually(
    seen: MetaObservation, left: Array, c_init: Array | float, c_base: Array | float
) -> Array:
    """Return the root's visit counts ``[B, A]`` if the simulations left were to find nothing new.

    They go to root actions by PUCT, one by one: visits grow, Q-values stay as they are.

    Source: Ye et al. 2022 (virtual expansion).

    Args:
        seen: the search so far.
        left: ``[B]`` int32, simulations to give away in each lane.
        c_init: of the PUCT formula.
        c_base: of the PUCT formula.
    """
    rows = rows_seen(seen)
    # Once for all: an action without a Q-value must not get one from a virtual visit.
    qvalues = by_parent_and_siblings(rows)
    index = jnp.arange(rows.visit_counts.shape[-1])

    def body(carry: tuple[Array, Rows]) -> tuple[Array, Rows]:
        left, rows = carry
        scores = puct(rows, c_init=c_init, c_base=c_base, qtransform=lambda rows: qvalues)
        scores = jnp.where(seen.invalid_actions, -jnp.inf, scores)
        action = argmax_by_prior(scores, rows.prior_logits)
        going = left > 0
        visited = (index == action[:, None]) & going[:, None]
        rows = rows._replace(
            visit_counts=rows.visit_counts + visited, node_visits=rows.node_visits + going
        )
        return left - going, rows

    _, rows = jax.lax.while_loop(lambda carry: (carry[0] > 0).any(), body, (left, rows))
    return rows.visit_counts
