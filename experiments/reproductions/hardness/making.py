"""Makes the reproduction: reads finished runs, and tells how hard instances are for planners."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from experiments import loading, runs
from experiments.analysis import hardness
from experiments.analysis.columns import of_frame, read_frame
from experiments.analysis.comparisons import as_json
from experiments.bill import make as make_bill
from experiments.evaluation import TRACED, Domain, build_problem, study_key
from experiments.reproductions import keeping
from experiments.reproductions.hardness import tables, where
from experiments.reproductions.hardness.figures import FIGURES
from experiments.reproductions.hardness.options import HardnessOptions
from experiments.runs import Run
from experiments.studies.planning_depth.config import StudyConfig
from rrplan import Costs
from rrplan.errors import InputError


class Planners(NamedTuple):
    """The planners of one run, a training seed each, on the same ``E`` held-out episodes."""

    name: str
    returns: Mapping[int, np.ndarray]  # untimed, [S, E], by k
    known: np.ndarray  # [E], the largest return of any agent of the run


def reproduce(options: HardnessOptions, say: Callable[[str], None]) -> list[str]:
    """Tell hardness, how planners agree on it, and where an agent thinks; return lines.

    Args:
        options: of the command.
        say: takes a line of progress.

    Raises:
        InputError: a directory holds no finished run; the runs do not meet the same instances; the
            directory holds another reproduction, or this one and it is not resumed.
    """
    found = [runs.load_run(path) for path in options.runs]
    for run in found:
        runs.load_results(run.path)
    _check_alike(found)
    names = _names(options.runs)
    planners = [read(run, name) for run, name in zip(found, names, strict=True)]
    # Names of directories may be alike: what tells the runs apart is what they have earned.
    given = {"returns": [planner.returns for planner in planners]}
    with keeping.claimed(options.directory, options, given):
        return _make(options, found, planners, say)


def _make(
    options: HardnessOptions,
    found: Sequence[Run[StudyConfig]],
    planners: Sequence[Planners],
    say: Callable[[str], None],
) -> list[str]:
    names = [planner.name for planner in planners]
    told = summarize(planners)
    told["maps"] = []
    for run, name in zip(found, names, strict=True):
        made = _map(run, options)
        if made is None:
            say(f"{name}: no map of where its {options.agent} thinks")
        else:
            told["maps"].append({"run": name, **made})
    told |= {"env": found[0].config.env, "agent": options.agent}
    told |= {"options": keeping.tell(options), "versions": runs.versions()}
    return keeping.write(options.directory, told, tables.markdown(told), FIGURES)


def read(run: Run[StudyConfig], name: str) -> Planners:
    """Return what a finished run's planners earned with each k."""
    frame = read_frame(run.episodes)
    fixed = frame.filter(agent="fixed").filter(pl.col("depth").is_null())
    returns = {
        int(k): of_frame(rows)["untimed_return"].astype(float)
        for (k,), rows in fixed.group_by("k", maintain_order=True)
    }
    best = frame.group_by("episode").agg(pl.col("untimed_return").max()).sort("episode")
    return Planners(name, returns, best["untimed_return"].to_numpy().astype(float))


def summarize(planners: Sequence[Planners]) -> dict[str, Any]:
    """Return what ``results.json`` holds of hardness: plain values, the same whenever made.

    The best known return of an instance is the largest of any agent of any of the runs.
    """
    met = min(one.known.shape[0] for one in planners)
    best = np.max([one.known[:met] for one in planners], axis=0)
    found = {}
    for one in planners:
        seeds = next(iter(one.returns.values())).shape[0]
        found[one.name] = np.stack(
            [
                hardness.of_instances({k: own[s, :met] for k, own in one.returns.items()}, best)
                for s in range(seeds)
            ]
        )
    return {
        "reproduction": "hardness",
        "within": hardness.WITHIN,
        "episodes": met,
        "planners": [
            {
                "run": one.name,
                "seeds": len(found[one.name]),
                "ks": sorted(one.returns),
                "shares": hardness.shares(found[one.name], sorted(one.returns)),
            }
            for one in planners
        ],
        "agreement": [_agree(a, b, found) for a, b in _pairs([one.name for one in planners])],
    }


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return each name with itself, then every two of them."""
    return [*((name, name) for name in names), *itertools.combinations(names, 2)]


def _agree(one: str, other: str, found: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the mean rank correlation over pairs of seeds: of one run, or of one of each."""
    first, second = found[one], found[other]
    if one == other:
        pairs = list(itertools.combinations(range(len(first)), 2))
    else:
        pairs = list(itertools.product(range(len(first)), range(len(second))))
    told = None
    if pairs:
        left, right = (list(side) for side in zip(*pairs, strict=True))
        told = hardness.rank_correlation(first[left], second[right])
    return {
        "one": one,
        "other": other,
        "pairs": len(pairs),
        "correlation": None if told is None else as_json(told),
    }


def _map(run: Run[StudyConfig], options: HardnessOptions) -> dict[str, Any] | None:
    """Return where the agent of the first training seed thinks, and where its planner errs."""
    config = run.config
    problem = build_problem(config)
    measure = where.measure_of(problem.environment, problem.env_params)
    results = runs.load_results(run.path)
    prices = [
        entry["price"]
        for entry in results["agents"]
        if entry["agent"] == options.agent and entry["price"] is not None
    ]
    if measure is None or not prices:
        return None
    loaded, price = loading.load(run.path), min(prices)
    if (own := loaded.find(options.agent, price)) is None:
        return None
    bill = make_bill(problem, run.operations, measured=run.calibration)
    decisions = where.play(
        loaded.planner,
        *own,
        measure,
        key=study_key(config, Domain.HELD_OUT),
        episodes=min(options.episodes, config.sweep.episodes),
        decisions=TRACED,
        costs=Costs(price, bill.rates()),
        num_lanes=config.sweep.num_lanes,
    )
    return {"price": price, **where.tell(decisions, measure)}


def _check_alike(found: Sequence[Run[StudyConfig]]) -> None:
    """Refuse runs that do not meet the same instances."""
    first = found[0]
    for run in found[1:]:
        for name in ("env", "env_kwargs", "seed"):
            own, other = getattr(run.config, name), getattr(first.config, name)
            if own != other:
                raise InputError(
                    f"{run.path} has {name} = {own}: expected {other}, as {first.path} has, so that"
                    " both meet the same instances"
                )


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the runs' names: those of their directories, with a number where two are alike."""
    plain = [path.resolve().name for path in paths]
    return [
        name if plain.count(name) == 1 else f"{name} ({place + 1})"
        for place, name in enumerate(plain)
    ]
