"""What the engine closes over, what it is given, and what a tick carries over."""

from typing import NamedTuple

import jax.numpy as jnp

from rrplan.capabilities import Priced, offers
from rrplan.costs import Counts
from rrplan.engine.meta_steps import Looks
from rrplan.models import Learned, Perfect
from rrplan.search import trees
from rrplan.types import Array, MetaPolicy, PyTree, Trace


class Engine(NamedTuple):
    """What a compiled program closes over. Hashable, because ``jit`` keys on it."""

    model: Perfect | Learned
    meta_policy: MetaPolicy
    num_lanes: int  # of one device
    max_simulations: int
    trace: int = 0  # decisions recorded of each episode
    record: int = 0  # looks recorded of each lane
    gamma: float = 1.0  # discount of a real step in that record

    @property
    def weighs(self) -> bool:
        """Whether the price depends on the situation."""
        return offers(self.model.environment, Priced)


class Queue(NamedTuple):
    """One device's episodes in the order they are taken up, and a block of first states."""

    ids: Array  # [L] int32, padded at the end
    prices: Array  # [L] float32
    total: Array  # [] int32, how many are episodes; what stands after them is never run
    offset: Array  # [] int32, place in the queue of the block's first entry
    states: PyTree  # [Q, ...]
    observations: PyTree  # [Q, ...]


class Results(NamedTuple):
    """Per-episode sums, in the order of the queue."""

    untimed_return: Array  # [L] float32
    simulations: Array  # [L] int32
    length: Array  # [L] int32
    looks: Array  # [L] int32
    levels: Array  # [L] int32
    flaws: Array  # [L] int32, flags of what must not be
    weighted: Counts | None = None  # [L] float32 each, where the price depends on the situation

    @classmethod
    def zeros(cls, shape: tuple[int, ...], *, weighted: bool) -> "Results":
        """Return the sums of nothing."""
        count, number = jnp.zeros(shape, jnp.int32), jnp.zeros(shape, jnp.float32)
        sums = cls(number, count, count, count, count, count)
        return sums._replace(weighted=Counts(*[number] * 4)) if weighted else sums


class Counters(NamedTuple):
    """Work done since they were last set to zero, which is before they can overflow."""

    ticks: Array  # [] int32
    useful: Array  # [] int32, lane-ticks that moved an episode
    queued_ticks: Array  # [] int32, ticks that began with episodes in the queue
    queued_useful: Array  # [] int32, useful lane-ticks of those
    simulations: Array  # [] int32

    @classmethod
    def zeros(cls) -> "Counters":
        """Return counters that have counted nothing."""
        return cls(*[jnp.int32(0)] * 5)


class EngineState(NamedTuple):
    """Everything that a tick carries over."""

    tree: trees.Tree
    tick: Array  # [] int32
    counters: Counters
    next_place: Array  # [] int32, place in the queue of the next episode
    results: Results
    trace: Trace | None  # [L, N] each; None where nothing is recorded
    looks: Looks | None  # [R, B] each; None where nothing is recorded
    active: Array  # [B] bool, has an episode or is about to take one
    starting: Array  # [B] bool, takes its first episode in this tick
    place: Array  # [B] int32, of its episode in the queue
    root: Array  # [B] int32, slot
    real: PyTree  # [B, ...] the environment's state, where the tree does not hold it
    observation: PyTree  # [B, ...] of the root
    features: Array  # [B, F] of the root
    invalid_actions: Array  # [B, A] bool, of the root
    carry: PyTree  # [B, ...] of the meta-policy
    max_depth: Array  # [B] int32
    ordered: Array  # [B] int32, simulations still to run before the next question
    simulations: Array  # [B] int32, of this decision
    sums: Results  # [B] each, of this episode
    factor: Array | None = None  # [B] float32, of the price at the root; None where it is always 1
