"""The yoked control: the amounts of thinking of another agent, without knowledge of the state.

Its name is that of experiments in which one subject gets what another one has earned. For each
decision a *donor* is drawn: a decision of another agent in another episode, with the same index
and the same number of legal actions. The yoked agent thinks as long as the donor did, and looks as
often.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rrplan.engine.consult import NO_DEPTH_LIMIT
from rrplan.errors import InputError
from rrplan.types import Array, Control, MetaObservation, MetaPolicy, PyTree, Trace


class Donors(NamedTuple):
    """The decisions to draw from, grouped by index of the decision and number of legal actions."""

    simulations: np.ndarray | Array  # [D] int32, that each ran; those of one group stand together
    looks: np.ndarray | Array  # [D] int32, 1 or more
    start: np.ndarray | Array  # [N, A + 1] int32, place of a group's first
    number: np.ndarray | Array  # [N, A + 1] int32, how many there are; 1 or more


class _Debt(NamedTuple):
    """What is still to be done in a decision, ``[B]`` int32 each."""

    simulations: Array  # that the donor ran, in all
    looks: Array  # left, with the one that comes


def collect(trace: Trace, num_actions: int) -> Donors:
    """Return the donors of a trace: its decisions that had a choice.

    A group in which there is none takes those with the nearest number of legal actions at the same
    decision, of two the smaller; and a decision that there is none of, those of the one before.

    Args:
        trace: ``[E, N]``, of an agent that looks at each decision that has a choice.
        num_actions: ``A``.

    Raises:
        InputError: it has no decision with a choice.
    """
    valid, legal, simulations, looks = (
        np.asarray(column)
        for column in (trace.valid, trace.legal_actions, trace.simulations, trace.looks)
    )
    chosen = valid & (legal > 1) & (looks > 0)
    if not chosen.any():
        raise InputError("the trace has no decision with a choice: expected one or more to draw")
    decision = np.broadcast_to(np.arange(valid.shape[1]), valid.shape)[chosen]
    legal = legal[chosen]
    order = np.lexsort((legal, decision))
    rows, cells = valid.shape[1], num_actions + 1
    group = decision * cells + legal
    count = np.bincount(group, minlength=rows * cells).reshape(rows, cells)
    start = (np.cumsum(count) - count.ravel()).reshape(rows, cells)
    source = _nearest(count > 0)
    return Donors(
        _pad(simulations[chosen][order]),
        _pad(looks[chosen][order]),
        start.ravel()[source].astype(np.int32),
        count.ravel()[source].astype(np.int32),
    )


def _pad(values: np.ndarray) -> np.ndarray:
    """Return values continued with zeros to a power of two: so that few shapes are compiled."""
    size = 1 << max(0, len(values) - 1).bit_length()
    return np.pad(values, (0, size - len(values))).astype(np.int32)


def _nearest(there: np.ndarray) -> np.ndarray:
    """Return for each cell ``[N, C]`` the flat place of the one that stands for it."""
    rows, cells = there.shape
    source = np.zeros((rows, cells), np.int64)
    filled = np.flatnonzero(there.any(axis=1))
    for row in range(rows):
        # Rows before the first one that is filled take that.
        own = filled[max(0, np.searchsorted(filled, row, side="right") - 1)]
        known = np.flatnonzero(there[own])
        distance = np.abs(known[:, None] - np.arange(cells))
        source[row] = own * cells + known[distance.argmin(axis=0)]  # of two, the first
    return source


@functools.cache
def yoked() -> MetaPolicy:
    """Think as long as a donor drawn for the decision, in as many looks. Parameters: the donors.

    The donor's looks are taken one by one, so that they are counted and charged as the donor's own.
    At all but the last ones one simulation is ordered. How often a search is looked at does not
    change it. Decisions after the last row of the donors use the last row.
    """

    def init(batch_size: int) -> _Debt:
        none = jnp.zeros(batch_size, jnp.int32)
        return _Debt(none, none)

    def apply(params: Donors, keys: Array, carry: _Debt, seen: MetaObservation) -> Control:
        new = seen.simulations == 0
        drawn = _draw(params, keys, seen)
        debt = jax.tree.map(lambda a, b: jnp.where(new, a, b), drawn, carry)
        remaining = jnp.maximum(debt.simulations - seen.simulations, 0)
        # A donor that used up the cap was not asked once more to act; all others were.
        asked_to_act = debt.simulations < seen.simulations + seen.simulations_left
        at_once = debt.looks <= 1 + asked_to_act
        extra = jnp.where(at_once, remaining, jnp.minimum(remaining, 1))
        limit = jnp.full_like(extra, NO_DEPTH_LIMIT)
        return Control(extra, limit, debt._replace(looks=debt.looks - 1))

    return MetaPolicy(init, apply)


@functools.cache
def yoked_without_looks() -> MetaPolicy:
    """Think as long as a donor of the decision, and never look. Parameters: the donors.

    By the clock it is what the donors' agent would take if its looks took nothing: its lanes act
    and think in as irregular turns. So the donor is picked by a hash of the root's value, which
    takes next to no time, and is the same whenever the lane is asked.
    """

    def apply(params: Donors, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        del keys
        start, count = _group(params, seen)
        bits = jax.lax.bitcast_convert_type(seen.raw_value, jnp.uint32)
        bits = (bits ^ seen.decision.astype(jnp.uint32)) * jnp.uint32(2654435761)
        place = start + ((bits >> 8) % count.astype(jnp.uint32)).astype(jnp.int32)
        extra = jnp.maximum(jnp.asarray(params.simulations)[place] - seen.simulations, 0)
        return Control(extra, jnp.full_like(extra, NO_DEPTH_LIMIT), carry)

    return MetaPolicy(lambda batch_size: (), apply, looks="never")


def _group(donors: Donors, seen: MetaObservation) -> tuple[Array, Array]:
    """Return where the donors of each lane's decision stand, and how many there are, ``[B]``."""
    row = jnp.minimum(seen.decision, donors.start.shape[0] - 1)
    cell = row, (~seen.invalid_actions).sum(-1)
    return jnp.asarray(donors.start)[cell], jnp.asarray(donors.number)[cell]


def _draw(donors: Donors, keys: Array, seen: MetaObservation) -> _Debt:
    """Return what a donor of each lane's decision did, drawn by the lane's key."""
    start, count = _group(donors, seen)
    place = start + jax.vmap(lambda key, most: jax.random.randint(key, (), 0, most))(keys, count)
    return _Debt(jnp.asarray(donors.simulations)[place], jnp.asarray(donors.looks)[place])
