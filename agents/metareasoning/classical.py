"""Classical policies of metareasoning problems: which computation to do next, and when to stop.

Each is a policy as :mod:`envs.metareasoning.exact` takes it, a function from beliefs to actions, so
that its value is exact. All but a fixed number of computations estimate, for each computation, how
much more than stopping it brings (its *value of computation*, less what it costs); they do the one
of which they expect most, of equals the first, and stop where none promises more than nothing.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize

from envs.metareasoning import exact
from envs.metareasoning.exact import BeliefTable, Play, Policy
from envs.metareasoning.mdp import MetalevelEnv
from envs.metareasoning.pandora import Pandora, PandoraState, reservation_values

NAMES = ("fixed", "myopic", "blinkered", "vpi", "bmps", "weitzman")


class Weights(NamedTuple):
    """Of BMPS: the first three are at least 0 and sum to 1."""

    myopic: float
    vpi: float
    vpi_sub: float
    cost: float  # from 1 to the number of computations that there can be


class Features(NamedTuple):
    """What BMPS mixes: what computations can be worth, before any cost."""

    vpi: np.ndarray  # [S] of all that can still be computed, for nothing
    vpi_sub: np.ndarray  # [S, N] of what is related to each computation


def defined(env: MetalevelEnv) -> tuple[str, ...]:
    """Return the names of the policies that are defined for a problem."""
    own = ("weitzman",) if isinstance(env, Pandora) else ("blinkered", "vpi", "bmps")
    return ("fixed", "myopic", *own)


def fixed(table: BeliefTable, number: int) -> Policy:
    """Do ``number`` computations in turn, in the order of their numbers, or as many as there are.

    One that is not possible any more is passed over; after the last the first is next.
    """

    def policy(beliefs):
        done = table.beliefs.time[beliefs]
        possible = table.probabilities[beliefs].sum(axis=2) > 0
        count = table.num_computations
        # For each computation, how long until its turn comes.
        wait = (np.arange(count) - done[:, None]) % count
        turn = np.where(possible, wait, count).argmin(axis=1)
        return np.where((done < number) & possible.any(axis=1), turn, count)

    return policy


def fixed_plays(table: BeliefTable) -> list[Play]:
    """Return what 0, 1, 2, ... computations in turn come to, in one walk through the table."""
    plays, spent = [], 0.0
    for number, (reached, chances) in enumerate(exact.walk(table, fixed(table, len(table.layers)))):
        payoff = chances.sum(axis=1) @ table.payoffs[reached]
        plays.append(Play(float(payoff), spent, float(number)))
        spent += float(chances[:, :-1].sum(axis=0) @ table.unit_costs)
    return plays


def myopic(table: BeliefTable, cost: float) -> Policy:
    """Meta-greedy: as if one would stop after the next computation (Russell & Wefald 1991)."""
    return lambda beliefs: exact.choose(exact.gains(table, table.payoffs, cost, beliefs))


def blinkered(table: BeliefTable, cost: float) -> Policy:
    """As if only computations related to the next one could follow it (Hay et al. 2012).

    What those that are related to it are worth is solved for exactly. On Bernoulli selection they
    are the samples of one arm; on Mouselab trees, the nodes that lie on a path with the clicked
    one (our reading: the source has independent actions).
    """
    later = _by_group(table, lambda group: exact.solve(table, cost, group).values)

    def gain(beliefs):
        each = [exact.gains(table, values, cost, beliefs) for values in later]
        return np.stack([gains[:, index] for index, gains in enumerate(each)], axis=1)

    return lambda beliefs: exact.choose(gain(beliefs))


def vpi(table: BeliefTable, cost: float) -> Policy:
    """As if one computation told all that its related ones can tell (Dearden et al. 1998).

    It expects too much of one computation, and nothing of those that are not related to it: where
    computing is dear it stops too late. On Bernoulli selection all that can be told is what the
    samples left can tell.
    """
    return bmps(table, cost, Weights(0.0, 0.0, 1.0, 1.0))


def bmps(
    table: BeliefTable, cost: float, weights: Weights, features: Features | None = None
) -> Policy:
    """Mix the myopic value of a computation with values of perfect information.

    It gains w1 · VOI1 + w2 · VPI + w3 · VPI_sub − w4 · cost (Callaway et al. 2018, arXiv
    1711.06892). VPI is the same for all computations, so that it matters for stopping only.
    """
    given = features or perfect_information(table)

    def gain(beliefs):
        first = exact.gains(table, table.payoffs, 0.0, beliefs)
        mixed = weights.myopic * np.where(np.isfinite(first), first, 0.0)
        mixed += weights.vpi * given.vpi[beliefs, None] + weights.vpi_sub * given.vpi_sub[beliefs]
        mixed -= weights.cost * cost * table.unit_costs
        return np.where(np.isfinite(first), mixed, -np.inf)

    return lambda beliefs: exact.choose(gain(beliefs))


def perfect_information(table: BeliefTable) -> Features:
    """Return what knowing more could bring: the gain where computations cost nothing."""
    free = exact.solve(table, 0.0).values - table.payoffs
    each = _by_group(table, lambda group: exact.solve(table, 0.0, group).values - table.payoffs)
    return Features(free, np.stack(each, axis=1))


def fit_bmps(table: BeliefTable, cost: float, *, rounds: int = 12, seed: int = 0) -> Weights:
    """Return the weights of the BMPS policy that earns most, by differential evolution.

    Every trial is evaluated exactly, on the problem itself: nothing is left to chance but the
    search. The myopic policy and those of either VPI alone are among its first trials.

    Args:
        table: of :func:`envs.metareasoning.exact.tabulate`.
        cost: of a computation.
        rounds: generations of 16 trials.
        seed: of the search.
    """
    features = perfect_information(table)
    most = max(1, len(table.layers) - 1)

    def weigh(point):
        low, high = sorted(point[:2])
        return Weights(low, high - low, 1.0 - high, most ** point[2])

    def loss(point):
        policy = bmps(table, cost, weigh(point), features)
        return -exact.play(table, policy).value(cost)

    corners = [[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    others = np.random.default_rng(seed).uniform(size=(13, 3))
    found = optimize.differential_evolution(
        loss,
        [(0.0, 1.0)] * 3,
        init=np.concatenate([corners, others]),
        maxiter=rounds,
        tol=0.0,
        polish=False,
        seed=seed,  # pyright: ignore[reportCallIssue] - scipy takes it, and draws others for `rng`
    )
    return weigh(found.x)


def weitzman(env: Pandora, table: BeliefTable, cost: float) -> Policy:
    """Open the closed box of the largest reservation value, while it is above the best prize.

    It is optimal (Weitzman 1979).
    """
    values, known = reservation_values(env, cost), table.beliefs
    assert isinstance(known, PandoraState)  # the table is of this problem

    def gain(beliefs):
        gains = values - table.payoffs[beliefs, None]
        return np.where(known.opened[beliefs], -np.inf, gains)

    return lambda beliefs: exact.choose(gain(beliefs))


def _by_group(table: BeliefTable, work: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
    """Return ``work(related [N])`` for each computation, done once for equal groups."""
    done: dict[bytes, np.ndarray] = {}
    for group in table.related:
        if group.tobytes() not in done:
            done[group.tobytes()] = work(group)
    return [done[group.tobytes()] for group in table.related]
