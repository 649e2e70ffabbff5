"""Makes the reproduction: fits and plays fair rules, and tells what splits the gap."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from experiments import loading, runs
from experiments.analysis import columns
from experiments.analysis.columns import of_frame
from experiments.analysis.comparisons import as_json
from experiments.bill import Bill
from experiments.bill import make as make_bill
from experiments.evaluation import build_problem
from experiments.reproductions import keeping
from experiments.reproductions.fair import tables
from experiments.reproductions.fair.figure import draw_split
from experiments.reproductions.fair.options import FairOptions
from experiments.reproductions.fair.playing import KINDS, Rule, Seed
from rrplan.errors import InputError
from rrplan.statistics import mean_ci, paired_difference

FIGURES = {"split": draw_split}
STOPPER = "stopper"


class Found(NamedTuple):
    """Timed returns at one price, on the same held-out episodes."""

    price: float
    best_fixed: np.ndarray  # [S, E]
    stopper: np.ndarray  # [S, E]
    charged: np.ndarray  # [S, E], the rule that pays for its looks
    free: np.ndarray  # [S, E], the rule whose looks are free
    oracle: np.ndarray  # [S, O], of the first O episodes


def reproduce(options: FairOptions, say: Callable[[str], None]) -> list[str]:
    """Fit a rule of each kind for each training seed and price, and write results, table, figure.

    Args:
        options: of the command.
        say: takes a line of progress.

    Raises:
        InputError: there is no such run, or it has no stopper at a price; its states cannot be
            enumerated; the directory holds another reproduction, or this one and it is not resumed.
    """
    run = runs.load_run(options.run)
    results = runs.load_results(run.path)
    prices = _prices(options, run, results)
    problem = build_problem(run.config)
    bill = make_bill(problem, run.operations, measured=run.calibration)
    best = {one["price"]: one["k"] for one in results["best_fixed"]}
    seeds = [
        Seed(options, run.config, loading.load(run.path, number).planner, bill, number, say)
        for number in range(run.config.seeds)
    ]
    # Names of directories may be alike: what tells runs apart is planners, and the bill.
    given = {"planners": [seed.planner.params for seed in seeds], "bill": bill.rates()}
    with keeping.claimed(options.directory, options, given):
        return _make(options, run, prices, seeds, bill, best)


def _make(
    options: FairOptions,
    run: runs.Run,
    prices: tuple[float, ...],
    seeds: Sequence[Seed],
    bill: Bill,
    best: Mapping[float, int],
) -> list[str]:
    frame = columns.read_frame(run.episodes)
    ceilings = [seed.ceiling(prices) for seed in seeds]
    found, fits = [], []
    for price in prices:
        rules = {kind: [seed.rule(kind, price, best[price]) for seed in seeds] for kind in KINDS}
        earned = {
            kind: np.stack([columns.timed_return(r.table, price, r.rates) for r in own])
            for kind, own in rules.items()
        }
        fixed = of_frame(
            frame.filter(agent="fixed", k=best[price]).filter(pl.col("depth").is_null())
        )
        stopper = of_frame(frame.filter(pl.col("price") == price, agent=STOPPER))
        look = bill.looks[f"{STOPPER}-{price:g}"]
        found.append(
            Found(
                price,
                columns.timed_return(fixed, price, bill.rates()),
                columns.timed_return(stopper, price, bill.rates(look)),
                oracle=np.stack([of_seed[price] for of_seed in ceilings]),
                **earned,
            )
        )
        fits += [
            _tell_rule(kind, price, number, rule, seeds[number])
            for kind, own in rules.items()
            for number, rule in enumerate(own)
        ]
    told = summarize(found) | {"fits": fits, "env": run.config.env, "bill": run.config.bill}
    told |= {"best_fixed": [{"price": price, "k": best[price]} for price in prices]}
    told |= {"return_label": run.config.return_label}
    told |= {"options": keeping.tell(options), "versions": runs.versions()}
    return keeping.write(options.directory, told, tables.markdown(told), FIGURES)


def summarize(found: Sequence[Found]) -> dict[str, Any]:
    """Return what ``results.json`` holds of the returns: plain values, the same whenever made.

    The steps of a split add up, as all are on the episodes that the oracle is worked out for.
    """
    return {"reproduction": "fair", "prices": [_tell(one) for one in found]}


def _tell(one: Found) -> dict[str, Any]:
    met = one.oracle.shape[1]
    order = (
        ("best fixed", one.best_fixed),
        ("stopper", one.stopper),
        ("charged", one.charged),
        ("free", one.free),
        ("oracle", one.oracle),
    )
    return {
        "price": one.price,
        "episodes": one.stopper.shape[1],
        "bounded_episodes": met,
        "timed": {name: as_json(mean_ci(own)) for name, own in order},
        "seeds": {name: own.mean(axis=1).tolist() for name, own in order},
        "split": [
            {
                "from": before,
                "to": after,
                "difference": as_json(paired_difference(own[:, :met], other[:, :met])),
            }
            for (before, other), (after, own) in itertools.pairwise(order)
        ],
        "gap": as_json(paired_difference(one.oracle, one.best_fixed[:, :met])),
        "against_stopper": {
            kind: as_json(paired_difference(getattr(one, kind), one.stopper)) for kind in KINDS
        },
    }


def _tell_rule(kind: str, price: float, number: int, rule: Rule, seed: Seed) -> dict[str, Any]:
    table = rule.table
    return {
        "kind": kind,
        "price": price,
        "seed": number,
        "look_operations": rule.look,
        "width": seed.network(kind).seen.config.width,
        "rounds": rule.rounds,
        "kept": rule.kept,
        **{name: float(table[name].mean()) for name in ("simulations", "looks", "untimed_return")},
    }


def _prices(options: FairOptions, run: runs.Run, results: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the prices to do it at: those asked for, and of which the run has a stopper."""
    known = tuple(
        entry["price"]
        for entry in results["agents"]
        if entry["agent"] == STOPPER and entry["price"] is not None
    )
    if not known:
        raise InputError(
            f"{options.run} has no stopper: add one by `rrplan run {run.config.env} --resume"
            " --control.agents stopper`"
        )
    for price in options.prices:
        if price not in known:
            told = ", ".join(f"{one:g}" for one in known)
            raise InputError(f"prices is {price:g}: expected prices of the run's stopper: {told}")
    return options.prices or known
