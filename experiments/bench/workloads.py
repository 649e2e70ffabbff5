"""Workloads: how many simulations decisions ask for, and what the engine did with them."""

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from experiments.bench.problem import BenchProblem
from rrplan.errors import InputError
from rrplan.types import Array, Control, MetaObservation, MetaPolicy

_NO_LIMIT = 2**30


@dataclass(frozen=True)
class Workload:
    """Budgets that decisions draw, each by itself, and how often."""

    name: str
    budgets: tuple[int, ...]
    shares: tuple[float, ...]

    def __post_init__(self):
        if len(self.budgets) != len(self.shares) or not np.isclose(sum(self.shares), 1.0):
            raise InputError(f"workload {self.name}: expected a share for each budget, 1 in all")

    @property
    def largest(self) -> int:
        """The largest budget."""
        return max(self.budgets)

    @property
    def mean(self) -> float:
        """Mean simulations a decision."""
        return float(np.dot(self.budgets, self.shares))


class RandomBudgets(NamedTuple):
    """Parameters of the random meta-policy; ``O`` options."""

    budgets: Array  # [O] int32
    thresholds: Array  # [O] float32, cumulative shares


def sparse(share: float, largest: int) -> Workload:
    """Return the workload in which a share of decisions thinks and the others act at once."""
    return Workload(f"{share:.0%} at {largest}", (0, largest), (1.0 - share, share))


def steady_mean(mean: int, largest: int) -> Workload:
    """Return budgets 0 or ``largest`` with a given mean."""
    if mean > largest:
        raise InputError(f"the largest budget is {largest}: expected at least the mean, {mean}")
    return Workload(
        f"mean {mean}, at most {largest}", (0, largest), (1.0 - mean / largest, mean / largest)
    )


def heavy_tailed(largest: int) -> Workload:
    """Return powers of two up to ``largest``, a Pareto law of index 1 cut off there.

    A decision asks for at least k simulations with probability 1/k.
    """
    budgets = [2**power for power in range(largest.bit_length())]
    budgets = [k for k in budgets if k <= largest]
    tails = [1.0 / k for k in budgets] + [0.0]
    shares = [above - below for above, below in itertools.pairwise(tails)]
    return Workload("heavy tail", tuple(budgets), tuple(shares))


def parameters(workload: Workload) -> RandomBudgets:
    """Return what the random meta-policy takes for a workload."""
    return RandomBudgets(
        jnp.asarray(workload.budgets, jnp.int32),
        jnp.asarray(np.cumsum(workload.shares), jnp.float32),
    )


def draw_budgets(params: RandomBudgets, keys: Array) -> Array:
    """Return budgets ``[B]`` drawn from ``keys [B]``."""
    uniform = jax.vmap(jax.random.uniform)(keys)
    option = (uniform[:, None] >= params.thresholds[:-1]).sum(-1)
    return params.budgets[option]


def _apply(params: RandomBudgets, keys: Array, carry: Any, seen: MetaObservation) -> Control:
    new = seen.simulations == 0
    extra = jnp.where(new, draw_budgets(params, keys), 0)
    return Control(extra, max_depth=jnp.full_like(extra, _NO_LIMIT), carry=carry)


# One object for all workloads, so that they share compiled programs.
RANDOM = MetaPolicy(init=lambda batch_size: (), apply=_apply)


class Count(NamedTuple):
    """What an evaluation did; the same in every repeat."""

    decisions: int
    simulations: int
    ticks: int
    least_ticks: int  # of lanes that never wait, replayed from the episodes' work
    lane_ticks: int  # ticks x lanes
    useful: float  # share of lane-ticks, of the whole run with its end
    useful_while_queued: float  # share of lane-ticks of ticks that began with episodes queued


def evaluate(
    problem: BenchProblem, workload: Workload, num_lanes: int, episodes: int
) -> tuple[rrplan.Episodes, rrplan.Work]:
    """Run :func:`rrplan.evaluate` on a workload until its results are there.

    On one device only, as the planners in lockstep that it is compared with.
    """
    works: list[rrplan.Work] = []
    results = rrplan.evaluate(
        problem.planner(workload.largest),
        RANDOM,
        parameters(workload),
        key=jax.random.key(3),
        episodes=episodes,
        num_lanes=num_lanes,
        devices=jax.local_devices()[:1],
        on_work=works.append,
    )
    return jax.block_until_ready(results), works[0]


def count_work(problem: BenchProblem, workload: Workload, num_lanes: int, episodes: int) -> Count:
    """Run the engine once and return what it did.

    The engine counts a lane-tick as useful when it moved an episode: a simulation, a real step,
    or the taking of a lane's first episode. :func:`schedule` says independently, from nothing but
    the episodes' simulations and lengths, in how many ticks lanes that never wait are through.
    """
    results, work = evaluate(problem, workload, num_lanes, episodes)
    lengths = np.asarray(results.length, np.int64)
    moves = np.asarray(results.simulations, np.int64) + lengths
    return Count(
        decisions=int(lengths.sum()),
        simulations=work.simulations,
        ticks=work.ticks,
        least_ticks=schedule(moves.tolist(), num_lanes),
        lane_ticks=work.lane_ticks,
        useful=work.useful / work.lane_ticks,
        useful_while_queued=work.useful_share,
    )


def schedule(work: Sequence[int], num_lanes: int) -> int:
    """Return the ticks that ``num_lanes`` lanes need if each takes the next episode at once.

    The first tick hands out the first episodes; one of ``w`` lane-ticks ends ``w`` ticks after it
    was handed out, and its lane takes the next episode in that same tick.
    """
    free = [0] * min(num_lanes, len(work))
    for lane_ticks in work:
        heapq.heappush(free, heapq.heappop(free) + lane_ticks)
    return max(free) + 1
