"""Makes the study: trains planners and models, searches in each, and writes what they say."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from experiments import runs
from experiments.analysis import columns
from experiments.analysis.columns import Columns
from experiments.analysis.comparisons import as_json
from experiments.reproductions import keeping
from experiments.reproductions.learned_model import arms, tables, thinkers
from experiments.reproductions.learned_model.arms import SPLITS, Arm
from experiments.reproductions.learned_model.figures import draw_returns
from experiments.reproductions.learned_model.options import LearnedModelOptions
from experiments.reproductions.learned_model.thinkers import Imagining, Played, list_thinkers
from rrplan.costs import Rates
from rrplan.statistics import mean_ci, paired_difference

FIGURES = {"returns": draw_returns}

Curves = Mapping[str, Mapping[int, Columns]]
"""By split, then by k: tables ``[S, E]``."""


def reproduce(options: LearnedModelOptions, say: Callable[[str], None]) -> list[str]:
    """Train and evaluate every arm, and write results, table and figure; return lines.

    Args:
        options: of the command.
        say: takes a line of progress.

    Raises:
        InputError: the directory holds another reproduction, or this one and it is not resumed.
    """
    with keeping.claimed(options.directory, options):
        return _make(options, say)


def _make(options: LearnedModelOptions, say: Callable[[str], None]) -> list[str]:
    problem = arms.build(options)
    listed = arms.list_arms(options)
    rows: dict[Arm, list[dict[str, dict[int, Columns]]]] = {arm: [] for arm in listed}
    wrong: dict[int, list[dict[str, list[float]]]] = {chunks: [] for chunks in options.chunks}
    later = {chunks: [] for chunks in options.chunks if options.thinker_steps}
    imagining: dict[Imagining, list[Played]] = {one: [] for one in list_thinkers(options)}
    for seed in range(options.seeds):
        planner = arms.train_planner(problem, options, seed, lambda record: None)
        say(f"seed {seed}: planner trained")
        models: dict[int | None, Any] = {None: None}
        for chunks in options.chunks:
            given = problem, planner, options, chunks, seed
            models[chunks] = arms.train_model(*given, lambda record: None)
            wrong[chunks].append(arms.find_errors(problem, planner, options, models[chunks]))
            say(f"seed {seed}: model trained for {chunks} chunks")
        beside: dict[int | None, Any] = {}
        for one in imagining:
            given = problem, planner, options, one, models[one.chunks], seed
            played = thinkers.run(*given, lambda record: None)
            imagining[one].append(played)
            mean = float(played.table["untimed_return"].mean())
            say(f"seed {seed}: {one.label} earns {mean:.4f}")
            if one.kind == "beside" and one.chunks is not None:
                beside[one.chunks] = played.searched.params
                found = arms.find_errors(problem, planner, options, played.searched.params)
                later[one.chunks].append(found)
        for arm in listed:
            of = beside if arm.kind == "beside" else models
            equipped = arms.equip(problem, planner, arm, of[arm.chunks])
            rows[arm].append(arms.run(problem, equipped, options, arm, seed))
            means = (found["untimed_return"].mean() for found in rows[arm][-1]["held-out"].values())
            say(f"seed {seed}: {arm.label} earns {', '.join(f'{mean:.4f}' for mean in means)}")
    stacked = {arm: _stack(found) for arm, found in rows.items()}
    results = summarize(stacked, wrong, options.prices)
    results["later"] = _errors(later)
    results["thinkers"] = thinkers.summarize(imagining, options.prices)
    results |= {"env": options.env, "return_label": problem.config.return_label}
    results |= {"options": keeping.tell(options), "versions": runs.versions()}
    return keeping.write(options.directory, results, tables.markdown(results), FIGURES)


def _stack(seeds: Sequence[Mapping[str, Mapping[int, Columns]]]) -> Curves:
    """Return the tables of all seeds in one, by split and k."""
    return {
        split: {k: columns.stack_tables([one[split][k] for one in seeds]) for k in seeds[0][split]}
        for split in SPLITS
    }


def summarize(
    curves: Mapping[Arm, Curves],
    wrong: Mapping[int, Sequence[Mapping[str, Sequence[float]]]],
    prices: Sequence[float],
) -> dict[str, Any]:
    """Return what ``results.json`` holds: plain values, the same whenever it is made.

    Args:
        curves: of each arm.
        wrong: errors of each seed's model, by the chunks of its training.
        prices: of a simulation, the only thing that is charged.
    """
    return {
        "reproduction": "learned-model",
        "prices": list(prices),
        "arms": [_entry(arm, curve, prices) for arm, curve in curves.items()],
        "errors": _errors(wrong),
    }


def _errors(
    wrong: Mapping[int, Sequence[Mapping[str, Sequence[float]]]],
) -> list[dict[str, Any]]:
    """Return the mean errors of all seeds' models, by the chunks of their training."""
    return [
        {
            "chunks": chunks,
            **{name: np.mean([one[name] for one in seeds], axis=0).tolist() for name in seeds[0]},
        }
        for chunks, seeds in wrong.items()
    ]


def _entry(arm: Arm, curves: Curves, prices: Sequence[float]) -> dict[str, Any]:
    held_out = curves["held-out"]
    return {
        "kind": arm.kind,
        "chunks": arm.chunks,
        "curve": [
            {
                "k": k,
                "untimed": as_json(mean_ci(table["untimed_return"].astype(float))),
                "seeds": table["untimed_return"].mean(axis=1).tolist(),
            }
            for k, table in held_out.items()
        ],
        "best": [_best(curves, price) for price in (0.0, *prices)],
    }


def _best(curves: Curves, price: float) -> dict[str, Any]:
    """Return the k that earns most on validation episodes, and what it gains on held-out ones."""

    def timed(split: str, k: int) -> np.ndarray:
        return np.asarray(columns.timed_return(curves[split][k], price, Rates()))

    ks = sorted(curves["validation"])
    earned = np.stack([timed("validation", k).mean(axis=1) for k in ks])  # [K, S]
    k = ks[int(earned.mean(axis=1).argmax())]
    gain = paired_difference(timed("held-out", k), timed("held-out", ks[0]))
    return {
        "price": price,
        "k": k,
        "seeds": [ks[int(place)] for place in earned.argmax(axis=0)],
        "timed": as_json(mean_ci(timed("held-out", k))),
        "least": ks[0],
        "gain": as_json(gain),
    }
