"""Metareasoning problems solved exactly: all beliefs in a table, from the last to the first.

Everything here is numpy in double precision: values are exact but for rounding. A *policy* is
``[S]`` whole numbers, a computation for each belief, or ``N`` to stop; or ``[S, N + 1]``
probabilities of these; or a function of the indices of beliefs that returns either for them.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from envs.metareasoning.mdp import MetalevelEnv, MetalevelState
from rrplan.errors import InputError

Policy = np.ndarray | Callable[[np.ndarray], np.ndarray]

MAX_ENTRIES = 200_000_000  # of successors: 2.4 GB with their probabilities
TIE = 1e-12  # gains that are no larger are nothing but rounding


class BeliefTable(NamedTuple):
    """Every belief of a problem, and where each computation leads from it."""

    beliefs: MetalevelState  # [S, ...] numpy arrays
    layers: tuple[np.ndarray, ...]  # beliefs after 0, 1, 2, ... computations, by index
    first: int  # the belief before any computation
    payoffs: np.ndarray  # [S] float64, of stopping
    successors: np.ndarray  # [S, N, O] int32
    probabilities: np.ndarray  # [S, N, O] float64; all 0 where the computation is impossible
    unit_costs: np.ndarray  # [N] float64
    related: np.ndarray  # [N, N] bool

    @property
    def num_computations(self) -> int:
        """``N``, which also stands for stopping."""
        return len(self.unit_costs)


class Solution(NamedTuple):
    """The best that can be done from each belief, for one cost or several, ``[*C]``."""

    values: np.ndarray  # [S, *C] float64
    policy: np.ndarray  # [S, *C] int16


class Play(NamedTuple):
    """What a policy comes to from the first belief on, in expectation."""

    payoff: float
    spent: float  # in multiples of the cost
    computations: float

    def value(self, cost: float) -> float:
        """Return the payoff less what the computations cost."""
        return self.payoff - cost * self.spent


def tabulate(env: MetalevelEnv) -> BeliefTable:
    """Return the table of a problem.

    Raises:
        InputError: there are too many beliefs.
    """
    shape = (env.num_beliefs, env.num_computations)
    outcomes = env.news(env.first_belief(), 0, np).shape[-1]
    if shape[0] * shape[1] * outcomes > MAX_ENTRIES:
        raise InputError(
            f"{env.name} has {shape[0]:,} beliefs with {shape[1]} computations and {outcomes} "
            f"outcomes each: expected at most {MAX_ENTRIES:,} in all for an exact solution"
        )
    beliefs = env.beliefs()
    possible = env.possible(beliefs, np)
    successors = np.zeros((*shape, outcomes), np.int32)
    probabilities = np.zeros((*shape, outcomes))
    for computation in range(env.num_computations):
        chances = np.where(possible[:, computation, None], env.news(beliefs, computation, np), 0)
        probabilities[:, computation] = chances
        for outcome in range(outcomes):
            after = env.index(env.learn(beliefs, computation, outcome, np), np)
            leads = chances[:, outcome] > 0
            successors[leads, computation, outcome] = after[leads]
    order = np.argsort(beliefs.time, kind="stable")
    ends = np.searchsorted(beliefs.time[order], np.arange(1, beliefs.time.max() + 1))
    return BeliefTable(
        beliefs=beliefs,
        layers=tuple(np.split(order, ends)),
        first=int(env.index(env.first_belief(), np)),
        payoffs=np.asarray(env.payoff(beliefs, np), float),
        successors=successors,
        probabilities=probabilities,
        unit_costs=np.array(env.unit_costs, float),
        related=np.asarray(env.related, bool),
    )


def solve(
    table: BeliefTable, cost: float | np.ndarray, among: np.ndarray | None = None
) -> Solution:
    """Return the optimal values and policy, by backward induction.

    Of equal actions stopping is taken, then the first computation.

    Args:
        table: of :func:`tabulate`.
        cost: of a computation, in multiples of its own; any shape ``[*C]``, each solved for.
        among: the computations that may be done, ``[N]`` bool; all if None.
    """
    cost = np.asarray(cost, float)
    values = np.zeros((len(table.payoffs), *cost.shape))
    policy = np.full(values.shape, table.num_computations, np.int16)
    for layer in reversed(table.layers):
        gains = _gains(table, values, cost, layer)
        if among is not None:
            gains[:, ~among] = -np.inf
        best = gains.max(axis=1)
        policy[layer] = choose(gains)
        stops = table.payoffs[layer].reshape(-1, *(1,) * cost.ndim)
        values[layer] = stops + np.where(best > TIE, best, 0.0)
    return Solution(values, policy)


def gains(table: BeliefTable, values: np.ndarray, cost: float, beliefs: np.ndarray) -> np.ndarray:
    """Return how much better than stopping each computation is ``[b, N]``, -inf if impossible.

    Args:
        table: of :func:`tabulate`.
        values: ``[S]``, what each belief is worth once it has been reached.
        cost: of a computation.
        beliefs: ``[b]`` indices.
    """
    return _gains(table, values, np.asarray(cost, float), beliefs)


def choose(gains: np.ndarray) -> np.ndarray:
    """Return what gains most: of equals the first, or to stop where nothing gains.

    Equal is what differs by no more than :data:`TIE`.

    Args:
        gains: ``[b, N, *C]`` of each computation, over stopping.
    """
    best = gains.max(axis=1, keepdims=True)
    first = (gains >= best - TIE).argmax(axis=1)
    return np.where(best[:, 0] > TIE, first, gains.shape[1])


def evaluate(table: BeliefTable, policy: Policy, cost: float) -> np.ndarray:
    """Return the exact value ``[S]`` of a policy from every belief on.

    Raises:
        InputError: the policy is of a wrong shape, or does what is impossible.
    """
    values = np.zeros(len(table.payoffs))
    for layer in reversed(table.layers):
        chances = _chances(table, policy, layer)
        expected = _gains(table, values, np.asarray(cost, float), layer)
        expected = np.where(chances[:, :-1] > 0, expected, 0.0)
        values[layer] = table.payoffs[layer] + (chances[:, :-1] * expected).sum(axis=1)
    return values


def play(table: BeliefTable, policy: Policy) -> Play:
    """Return what a policy comes to from the first belief on.

    Only beliefs that it reaches are looked at.

    Raises:
        InputError: the policy is of a wrong shape, or does what is impossible.
    """
    payoff, spent, done = 0.0, 0.0, 0.0
    for reached, chances in walk(table, policy):
        payoff += chances[:, -1] @ table.payoffs[reached]
        spent += chances[:, :-1].sum(axis=0) @ table.unit_costs
        done += chances[:, :-1].sum()
    return Play(float(payoff), float(spent), float(done))


def walk(table: BeliefTable, policy: Policy) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for 0, 1, 2, ... computations the beliefs that a policy reaches, and what it does.

    Yields:
        Indices ``[b]``, and the probability ``[b, N + 1]`` to be there and do each action.

    Raises:
        InputError: the policy is of a wrong shape, or does what is impossible.
    """
    reach = np.zeros(len(table.payoffs))
    reach[table.first] = 1.0
    for layer in table.layers:
        reached = layer[reach[layer] > 0]
        if not len(reached):
            return
        chances = _chances(table, policy, reached) * reach[reached, None]
        yield reached, chances
        moves = chances[:, :-1, None] * table.probabilities[reached]
        np.add.at(reach, table.successors[reached], moves)


def _gains(
    table: BeliefTable, values: np.ndarray, cost: np.ndarray, beliefs: np.ndarray
) -> np.ndarray:
    """Return ``[b, N, *C]``."""
    flat = (1,) * cost.ndim
    chances = table.probabilities[beliefs]
    expected = (chances.reshape(*chances.shape, *flat) * values[table.successors[beliefs]]).sum(2)
    price = table.unit_costs.reshape(-1, *flat) * cost
    gained = expected - price - table.payoffs[beliefs].reshape(-1, 1, *flat)
    gained[chances.sum(axis=2) == 0] = -np.inf
    return gained


def _chances(table: BeliefTable, policy: Policy, beliefs: np.ndarray) -> np.ndarray:
    """Return probabilities ``[b, N + 1]`` of what a policy does."""
    count = table.num_computations
    if callable(policy):
        chosen = _check_shape(policy(beliefs), len(beliefs), count)
    else:
        chosen = _check_shape(policy, len(table.payoffs), count)[beliefs]
    if chosen.ndim == 1:
        if len(chosen) and not 0 <= chosen.min() <= chosen.max() <= count:
            raise InputError(
                f"a policy holds {chosen.min()} to {chosen.max()}: expected 0 to {count}"
            )
        chances = (chosen[:, None] == np.arange(count + 1)).astype(float)
    else:
        chances = chosen
        if (chances < 0).any():
            raise InputError(
                f"a policy holds a probability {chances.min():g}: expected none below 0"
            )
        if not (np.abs(chances.sum(axis=1) - 1.0) < 1e-6).all():
            raise InputError("a policy holds probabilities that do not sum to 1")
    impossible = table.probabilities[beliefs].sum(axis=2) == 0
    if (chances[:, :-1] * impossible).any():
        where = beliefs[(chances[:, :-1] * impossible).any(axis=1)][0]
        raise InputError(f"a policy does an impossible computation in belief {where}")
    return chances


def _check_shape(policy: np.ndarray, beliefs: int, count: int) -> np.ndarray:
    policy = np.asarray(policy)
    whole = policy.shape == (beliefs,) and np.issubdtype(policy.dtype, np.integer)
    if not whole and policy.shape != (beliefs, count + 1):
        raise InputError(
            f"a policy has shape {policy.shape} of {policy.dtype}: expected [{beliefs}] whole "
            f"numbers or [{beliefs}, {count + 1}] probabilities"
        )
    return policy
