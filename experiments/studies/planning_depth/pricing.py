"""Prices that follow the problem: worked out once a run, before anything is tuned or trained.

The *scale* is what the mean return gains from k = 0 to the largest k, per unit of the bill that the
largest k spends on simulations. At a price of one scale, to search as long as possible at every
decision pays for itself exactly; at a higher one it does not, and it matters where to search.
"""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents.training.ranges import one_digit
from experiments import runs
from experiments.analysis import columns
from experiments.analysis.columns import Columns
from experiments.bill import Bill
from experiments.evaluation import Split, StudyProblem, TrainedSeed, fixed_agent
from experiments.runs import Run
from experiments.runs.progress import Progress
from experiments.studies.planning_depth.config import StudyConfig
from experiments.studies.planning_depth.evaluating import evaluate_all
from rrplan.costs import Rates
from rrplan.search.final_action import RULES
from rrplan.types import PyTree

MULTIPLES = (1.5, 4.5, 9.0)
"""Prices, in scales. On the knapsack they come to 3e-4, 1e-3 and 2e-3."""
LEAST_SHARE = 1e-3
"""Where search gains nothing, the scale is no less than that of such a share of the return."""


class Priced(NamedTuple):
    """Prices that were worked out, and what of."""

    prices: tuple[float, ...]
    scale: float
    """In units of return, for what a price is stated for."""
    k: int
    """The largest k, whose return is compared with that of k = 0."""
    acting: str
    """The rule of acting under which it earns most."""
    gain: float
    """What it earns more than k = 0, before the bill."""
    error: float
    """The standard error of that."""
    spent: float
    """What it pays for simulations an episode, at a price of 1."""

    @property
    def pays(self) -> bool:
        """Whether search gains more than could well be chance."""
        return self.gain > self.error

    def to_dict(self) -> dict[str, Any]:
        """Return it as ``config.json`` and ``results.json`` have it."""
        return {
            **self._asdict(),
            "prices": list(self.prices),
            "pays": self.pays,
            "told": told(self),
        }


def adopt(config: StudyConfig, directory: Path) -> StudyConfig:
    """Return a study that is given no prices with those of the run that it goes on with, if any.

    Raises:
        rrplan.InputError: what is in the directory is no run, or a damaged one.
    """
    if config.sweep.prices or not (directory / "config.json").is_file():
        return config
    priced = runs.load_run(directory).priced
    return config.with_prices(tuple(priced["prices"])) if priced else config


def settle(
    problem: StudyProblem, run: Run, params: PyTree, bill: Bill, progress: Progress
) -> tuple[StudyProblem, Run]:
    """Return problem and run with prices: those given, or else worked out, written down first.

    Args:
        problem: of the study.
        run: where they are kept, in ``config.json``.
        params: of the network of training seed 0.
        bill: of the study.
        progress: of the study.
    """
    config = problem.config
    if config.sweep.prices:
        return problem, run
    largest = config.sweep.max_budget if max(config.sweep.budgets) else 0
    split = Split.validation(config.sweep)
    acting = config.search.acting
    found = []
    for rule in RULES if acting == "validate" else (acting,):
        agents = [fixed_agent("fixed", k) for k in sorted({0, largest})]
        seed = [TrainedSeed(params)]
        tables = evaluate_all(
            problem, run, seed, agents, split, rule, progress, "working out prices"
        )
        reactive, searching = (tables[agents[place].evaluation][0] for place in (0, -1))
        found.append(work_out(reactive, searching, bill.rates(), k=largest, acting=rule))
    priced = max(found, key=lambda one: one.gain)
    progress.print(told(priced))
    # What is there may ask for less than this study, which is written when all is computed.
    there = runs.load_run(run.path).config.with_prices(priced.prices)
    run = runs.write_found(run, config=there, priced=priced.to_dict())
    config = config.with_prices(priced.prices)
    return problem._replace(config=config), dataclasses.replace(run, config=config)


def work_out(reactive: Columns, searching: Columns, rates: Rates, *, k: int, acting: str) -> Priced:
    """Return prices from the same episodes played with k = 0 and with the largest k.

    Where the gain is not above its standard error, the standard error takes its place, or
    :data:`LEAST_SHARE` of the mean size of the return if that is more. Where every return is 0, it
    is that share of 1.

    Args:
        reactive: the table of k = 0, ``[E]``.
        searching: the table of the largest k, on the same episodes.
        rates: what a fixed k pays for each count, in multiples of the price.
        k: the largest.
        acting: the rule of acting of both.
    """
    simulated = rates._replace(decision=0.0, look=0.0)
    untimed = searching["untimed_return"].astype(float)
    spent = float(np.mean(untimed - columns.timed_return(searching, 1.0, simulated)))
    gained = untimed - reactive["untimed_return"]
    gain, error = float(gained.mean()), float(gained.std(ddof=1) / np.sqrt(len(gained)))
    worth = gain
    if gain <= error:
        size = float(np.abs(reactive["untimed_return"]).mean())
        worth = max(error, LEAST_SHARE * size) or LEAST_SHARE
    scale = worth / (spent or 1.0)
    prices = tuple(one_digit(multiple * scale) for multiple in MULTIPLES)
    return Priced(prices, scale, k, acting, gain, error, spent)


def told(priced: Priced) -> str:
    """Return in one line where prices come from."""
    *others, last = (f"{price:g}" for price in priced.prices)
    prices, gain = f"{', '.join(others)} and {last}", priced.gain
    if not priced.pays:
        return (
            f"search does not pay here: k = {priced.k} gains {gain:.2g} over k = 0 on validation "
            f"episodes (standard error {priced.error:.2g}); prices then follow what can be told "
            f"from chance: {prices}"
        )
    return (
        f"prices: {prices}, as k = {priced.k} gains {gain:.3g} over k = 0 on validation episodes, "
        f"and pays {priced.spent:.3g} times the price for its simulations"
    )
