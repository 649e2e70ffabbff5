"""Tuning: the parameters that earn most at each price, chosen on validation episodes.

One routine serves every meta-policy that does not look at the price. Each candidate is run once,
whatever the number of prices: what it earns at a price follows from its untimed returns and its
counts. Choose on episodes that nothing is reported on.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from agents.metapolicies.rules import constant, heuristics
from agents.training.ranges import halved
from rrplan.costs import Costs, Counts, Rates, timed_return
from rrplan.errors import InputError
from rrplan.planner import Search
from rrplan.types import MetaPolicy, PyTree, Trace

ENTROPY_FRACTIONS = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8)
"""Thresholds of entropy, as shares of the largest there can be, log A."""
ENTROPY_EVERY_K = 16
"""Of budgets above it entropy's grid has the largest, the next that is at most half of that, and so
on: this keeps it modest."""
ENTROPY_QUANTILES = (0.2, 0.4, 0.6, 0.8, 0.9)
LEAST_VET_CAP = 4
VET_RATIOS = (0.2, 0.5)
VET_TOLERANCES = (0.1, 0.05, 0.2, 0.4)  # the source's first: it stands for what equals it


# The order of the counts is that of rrplan.Counts.
_COLUMNS = ("untimed_return", "simulations", "looks", "length", "levels")


class Candidate(NamedTuple):
    """A meta-policy with values for its parameters."""

    name: str  # of its own among the candidates, fit for a file's name
    meta_policy: MetaPolicy
    params: PyTree  # of plain numbers
    turns: Callable[[Trace], np.ndarray] | None = None  # -> [E], of its loops in each episode

    def __str__(self) -> str:
        return self.name


C = TypeVar("C")


class Choice(NamedTuple):
    """The candidate that earns most at a price, and what it did where it was chosen."""

    price: float
    candidate: Any
    timed: float  # mean over training seeds and episodes
    simulations: float  # mean over training seeds and episodes


def tune(
    evaluate: Callable[[C], Any],
    candidates: Iterable[C],
    prices: Iterable[float],
    rates: Callable[[C], Rates] | None = None,
) -> list[Choice]:
    """Return the candidate with the largest mean timed return for each price, in their order.

    Of candidates that earn the same, the one with the fewest simulations is chosen, and of those
    the first.

    Args:
        evaluate: runs a candidate on the validation episodes; called once for each. What it
            returns holds ``untimed_return`` and ``simulations``, ``[S, E]`` (training seeds,
            episodes) or ``[E]``, as attributes (:class:`rrplan.Episodes`) or as keys; ``looks``,
            ``length`` and ``levels`` too, where they are charged.
        candidates: :class:`Candidate` or anything else that ``evaluate`` takes, such as budgets.
        prices: in units of return.
        rates: what a candidate pays for each count, in multiples of the price; for simulations
            alone if None. Called after the candidate was run.

    Raises:
        InputError: there is no candidate or no price; a price is negative or not finite;
            candidates were run on other numbers of episodes, or what they earned is not finite.
    """
    candidates, prices = list(candidates), [float(price) for price in prices]
    if not candidates:
        raise InputError("no candidates to choose from: expected at least one")
    if not prices:
        raise InputError("no prices to choose for: expected at least one")
    for price in prices:
        if not 0.0 <= price < math.inf:
            raise InputError(f"price is {price}: expected a finite number >= 0")
    means = _run_all(evaluate, candidates)
    charged = [rates(candidate) if rates else Rates() for candidate in candidates]
    return [_choose(candidates, means, charged, price) for price in prices]


def _run_all(evaluate: Callable[[C], Any], candidates: Sequence[C]) -> np.ndarray:
    """Return each candidate's mean of each column, ``[n, 9]`` float64."""
    means, expected = [], None
    for candidate in candidates:
        columns = _columns(evaluate(candidate), candidate)
        expected = expected or columns.shape
        if columns.shape != expected:
            raise InputError(
                f"candidate {candidate} has episodes of shape {columns.shape[1:]}:"
                f" expected {expected[1:]}, those of the first one"
            )
        means.append(columns.reshape(len(columns), -1).mean(-1))
    return np.stack(means)


def _columns(episodes: Any, candidate: Any) -> np.ndarray:
    """Return the columns as one array, ``[9, ...]`` float64; a count that is not told is 0."""
    told = episodes if isinstance(episodes, Mapping) else _as_mapping(episodes)
    untimed, simulations = (np.asarray(told[name], float) for name in _COLUMNS[:2])
    if untimed.shape != simulations.shape or not untimed.size:
        raise InputError(
            f"candidate {candidate} has untimed returns of shape {untimed.shape} and simulations"
            f" of shape {simulations.shape}: expected one of each for every episode, and a few"
        )
    bad = ~(np.isfinite(untimed) & np.isfinite(simulations))
    if bad.any():
        raise InputError(
            f"candidate {candidate} earned what is NaN or infinite in {bad.sum()} of {bad.size}"
            " episodes: expected finite numbers"
        )
    counts = [told.get(name, 0.0) for name in _COLUMNS[1:]]
    priced = [told.get(f"weighted_{name}", told.get(name, 0.0)) for name in _COLUMNS[1:]]
    columns = (np.asarray(column, float) for column in (untimed, *counts, *priced))
    return np.stack([np.broadcast_to(column, untimed.shape) for column in columns])


def _as_mapping(episodes: Any) -> dict[str, Any]:
    """Return the columns of episodes, with the weighted counts if there are any."""
    told = {name: getattr(episodes, name) for name in _COLUMNS if hasattr(episodes, name)}
    weighted = getattr(episodes, "weighted", None) or ()
    return told | {f"weighted_{n}": c for n, c in zip(_COLUMNS[1:], weighted, strict=False)}


def _choose(
    candidates: Sequence[C], means: np.ndarray, rates: Sequence[Rates], price: float
) -> Choice:
    simulations = means[:, 1]
    timed = np.array(
        [
            timed_return(untimed, Costs(price, own), Counts(*counts[:4]), Counts(*counts[4:]))
            for (untimed, *counts), own in zip(means, rates, strict=True)
        ]
    )
    best = np.lexsort((simulations, -timed))[0]  # stable: of equals, the first
    return Choice(price, candidates[best], float(timed[best]), float(simulations[best]))


def fixed_candidates(budgets: Iterable[int]) -> list[Candidate]:
    """Return every fixed k of a sweep."""
    return [Candidate(f"fixed-k{k}", constant.fixed(), k) for k in sorted(set(budgets))]


def margin_candidates(budgets: Iterable[int]) -> list[Candidate]:
    """Return the margin rule with every k of a sweep; 0 (act at once) is always among them."""
    return [Candidate(f"margin-k{k}", heuristics.margin(), k) for k in sorted({0, *budgets})]


def entropy_candidates(budgets: Iterable[int], thresholds: Iterable[float]) -> list[Candidate]:
    """Return the entropy rule with every threshold, and k's of a sweep up to its largest.

    Up to 16 that is every k; above, the largest, the next that is at most half of it, and so on.
    To act at once, always, is among them: k = 0 with an infinite threshold.

    Args:
        budgets: of the sweep.
        thresholds: in nats, such as :func:`entropy_thresholds` or :func:`entropy_quantiles`.
    """
    ks = halved(budgets, ENTROPY_EVERY_K)
    grid = [(0, math.inf)] + [(k, threshold) for k in ks for threshold in sorted(set(thresholds))]
    return [
        Candidate(
            f"entropy-k{k}-threshold{threshold:g}",
            heuristics.entropy(),
            heuristics.EntropyParams(k, float(threshold)),
        )
        for k, threshold in grid
    ]


def entropy_thresholds(num_actions: int) -> tuple[float, ...]:
    """Return thresholds in nats: 0 (search wherever there is a choice) to 0.8 log A."""
    return tuple(fraction * math.log(num_actions) for fraction in ENTROPY_FRACTIONS)


def entropy_quantiles(trace: Trace) -> tuple[float, ...]:
    """Return thresholds in nats: 0, and quantiles of the entropies that decisions had.

    They divide the decisions evenly, be a planner's priors sharp or flat; shares of log A may
    leave nearly all of them on one side.

    Args:
        trace: of validation episodes, such as those of the reactive agent.

    Raises:
        InputError: the trace holds no decision.
    """
    entropies = np.asarray(trace.prior_entropy, float)[np.asarray(trace.valid)]
    if not entropies.size:
        raise InputError("the trace holds no decision: expected one or more")
    return (0.0, *(float(value) for value in np.quantile(entropies, ENTROPY_QUANTILES)))


def vet_candidates(
    max_simulations: int, num_actions: int, search: Search | None = None
) -> list[Candidate]:
    """Return Virtual Expanded Termination with caps, ratios and tolerances around the source's.

    Caps are 4, 8, 16 and so on, and the largest there can be.
    To act at once, always, is among them: a cap of 0. Tolerances that no forecast can tell apart
    under a cap (few visits make few distances) are there once.

    Args:
        max_simulations: of the evaluation, the largest cap.
        num_actions: of the environment.
        search: of the evaluation, whose PUCT constants the forecasts must share.
    """
    search = search or Search()
    doubled = (LEAST_VET_CAP << times for times in range(max_simulations.bit_length()))
    caps = [*(cap for cap in doubled if cap < max_simulations), max_simulations]
    distinct = {}
    for cap, ratio, tolerance in itertools.product(caps, VET_RATIOS, VET_TOLERANCES):
        # A visit that moves counts twice in an L1 distance.
        effect = (cap, math.ceil(ratio * cap), math.ceil(tolerance * cap / 2))
        distinct.setdefault(effect, (cap, ratio, tolerance))
    return [
        Candidate(
            f"vet-cap{cap}-ratio{ratio:g}-tolerance{tolerance:g}",
            heuristics.vet(max_simulations, num_actions),
            heuristics.VetParams(cap, ratio, tolerance, search.c_init, search.c_base),
            functools.partial(heuristics.virtual_visits, cap=cap, ratio=ratio),
        )
        for cap, ratio, tolerance in [(0, 1.0, 0.0), *distinct.values()]
    ]
