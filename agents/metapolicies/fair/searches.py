"""Recorded searches as choices: act now, or search on until a larger k, state by state."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from agents.metapolicies.fair.choices import ENDED, Choices
from agents.metapolicies.fair.network import GainNetwork
from agents.metapolicies.fair.regressing import Shown
from agents.metapolicies.learned.inputs import Inputs
from rrplan.costs import Costs, Counts, charge, weigh
from rrplan.engine.consult import NO_DEPTH_LIMIT
from rrplan.oracle import Records
from rrplan.types import Array, MetaObservation, PyTree

_ENDLESS = 2**30  # simulations of an episode without a budget


class Seen(NamedTuple):
    """Arrays of what a rule may look at: ``P`` places, ``G`` numbers of simulations."""

    ks: Array  # [G] int32
    observation: PyTree  # [P, ...]
    features: Array  # [P, F]
    prior_logits: Array  # [P, A]
    invalid_actions: Array  # [P, A] bool
    value: Array  # [P]
    decision: Array  # [P] int32
    price: Array  # [P] float32, of one simulation
    visit_counts: Array  # [P, G, A] int16
    qvalues: Array  # [P, G, A] float32
    search_value: Array  # [P, G] float32


def to_choices(records: Records, costs: Costs) -> Choices:
    """Return what acting and searching on bring, after each of the records' ``ks``.

    Row ``p G + g`` is place ``p`` with ``ks[g]`` simulations done. Choice 0 acts; choice ``j`` of
    1..G-1 searches on until ``ks[j]``, where there is another look. A look is charged in every row
    in which the engine would ask; so not after the largest k, and not where one action is legal.

    Args:
        records: of :func:`rrplan.oracle.record`.
        costs: price, rates and fees. Cap and budget are not looked at.
    """
    places, size = records.reward.shape
    ks = np.asarray(records.ks)
    searchable = (records.legal_actions > 1)[:, None]
    later = ks[None, :] > ks[:, None]  # [G from, G to]
    asked = searchable & later.any(axis=1)  # [P, G]
    levels = records.found.levels
    onward = np.arange(size) > 0  # all choices but to act
    searched = np.maximum(ks[None, :] - ks[:, None], 0) * onward
    gone = np.maximum(levels[:, None, :] - levels[:, :, None], 0) * onward
    each = np.zeros((places, size, size))
    counts = Counts(each + searched, each + asked[:, :, None], each + ~onward, each + gone)
    gain = -charge(costs, counts, weigh(counts, records.factor[:, None, None].astype(float)))
    gain[:, :, 0] += records.reward
    following = np.full((places, size, size), ENDED, np.int32)
    following[:, :, 1:] = np.arange(places)[:, None, None] * size + np.arange(1, size)
    after = records.following
    following[:, :, 0] = np.where(after == ENDED, ENDED, after * size)
    allowed = searchable[:, :, None] & later[None]
    allowed[:, :, 0] = True
    stage = -records.height[:, None] * size + np.arange(size)
    rows = places * size
    return Choices(
        first=records.first * np.int32(size),
        following=np.where(allowed, following, ENDED).reshape(rows, size),
        gain=gain.reshape(rows, size),
        allowed=allowed.reshape(rows, size),
        stage=stage.reshape(rows).astype(np.int32),
    )


def to_whole_decisions(records: Records, costs: Costs) -> Choices:
    """Return a row for each place, in which choice ``g`` is to act after ``ks[g]`` simulations.

    No look is charged. With hindsight the best choices are the clairvoyant oracle's, if ``ks`` are
    all numbers from 0 to the cap.

    Args:
        records: of :func:`rrplan.oracle.record`.
        costs: price, rates and fees; those of looks, cap and budget are not looked at.
    """
    ks = np.asarray(records.ks, float)
    zero = np.zeros_like(records.found.levels, float)
    counts = Counts(zero + ks, zero, zero + 1.0, zero + records.found.levels)
    cost = charge(costs, counts, weigh(counts, records.factor[:, None].astype(float)))
    searchable = records.legal_actions > 1
    return Choices(
        first=records.first,
        following=records.following,
        gain=records.reward - cost,
        allowed=searchable[:, None] | (ks == 0)[None],
        stage=-records.height,
    )


def to_shown(records: Records, costs: Costs, network: GainNetwork) -> Shown:
    """Return what a rule is shown at the rows of :func:`to_choices`: what the engine would show.

    Args:
        records: of :func:`rrplan.oracle.record`, with the network's ``ks``, of which the last is
            the planner's ``max_simulations``.
        costs: as for :func:`to_choices`.
        network: static; says what is seen.
    """
    own = np.asarray(costs.price) * np.asarray(costs.rates.simulation) * records.factor
    found = records.found
    data = Seen(
        ks=jnp.asarray(records.ks, jnp.int32),
        observation=jax.tree.map(jnp.asarray, records.observation),
        features=jnp.asarray(records.features),
        prior_logits=jnp.asarray(records.prior_logits),
        invalid_actions=jnp.asarray(records.invalid_actions),
        value=jnp.asarray(records.value),
        decision=jnp.asarray(records.decision),
        price=jnp.asarray(own, jnp.float32),
        visit_counts=jnp.asarray(found.visit_counts),
        qvalues=jnp.asarray(found.qvalues),
        search_value=jnp.asarray(found.search_value),
    )
    return Shown(_show_by(network), data)


@functools.cache
def _show_by(network: GainNetwork) -> Callable[[Seen, Array], Inputs]:
    """Return what shows rows to a network: the same function each time, so as to compile once."""
    return lambda data, rows: network.show(observe(data, rows))


def observe(data: Seen, rows: Array) -> MetaObservation:
    """Return what a meta-policy sees at rows ``[B]``."""
    place, at = jnp.divmod(rows, data.ks.shape[0])
    simulations = data.ks[at]
    visits = data.visit_counts[place, at].astype(jnp.int32)
    qvalues = data.qvalues[place, at]
    return MetaObservation(
        observation=jax.tree.map(lambda leaf: leaf[place], data.observation),
        features=data.features[place],
        prior_logits=data.prior_logits[place],
        invalid_actions=data.invalid_actions[place],
        visit_counts=visits,
        qvalues=qvalues,
        qvalue_variances=jnp.zeros_like(qvalues),
        raw_value=data.value[place],
        search_value=data.search_value[place, at],
        simulations=simulations,
        simulations_left=data.ks[-1] - simulations,
        decision=data.decision[place],
        price=data.price[place],
        budget_left=jnp.full_like(simulations, _ENDLESS),
        max_depth=jnp.full_like(simulations, NO_DEPTH_LIMIT),
    )


def fixed_rule(records: Records, k: int) -> np.ndarray:
    """Return the choices of the rule that always runs the k nearest to this one, ``[R]``."""
    ks = np.asarray(records.ks)
    target = int(np.abs(ks - k).argmin())
    wanted = np.where(np.arange(len(ks)) < target, target, 0)
    return np.where(records.legal_actions[:, None] > 1, wanted[None, :], 0).ravel()
