"""Whether agents that predict what thinking gains are right: their reliability."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.stats

from experiments import runs
from experiments.evaluation import StudyProblem, TrainedSeed
from experiments.runs import Run
from experiments.studies.planning_depth.training import list_cases
from rrplan.statistics import Interval

BINS = 8
"""Groups of decisions for each k, of as many decisions each, by what was predicted."""


def probe_all(
    problem: StudyProblem, run: Run, trained: Sequence[TrainedSeed], acting: str
) -> dict[str, Any]:
    """Return predicted and found gains as ``results.json`` has them; nothing if nobody predicts.

    The decisions of all training seeds are pooled. What is on disk is read.
    """
    entries = []
    for case in list_cases(problem.config):
        if case.label in trained[0].probes:
            tables = [
                _probe(run, f"gains-{acting}-seed{seed}-{case.label}", case.label, one)
                for seed, one in enumerate(trained)
            ]
            entries += [{"agent": case.agent.name, **row} for row in reliability(tables)]
    return {"gains": entries} if entries else {}


def _probe(run: Run, name: str, label: str, trained: TrainedSeed) -> dict[str, np.ndarray]:
    path = run.evaluation(name)
    table = runs.load_arrays(path)
    if table is None:
        _, params = trained.meta_policies[label]
        table = {k: np.asarray(column) for k, column in trained.probes[label](params).items()}
        runs.save_arrays(path, table)
    return table


def reliability(tables: Sequence[dict[str, np.ndarray]], bins: int = BINS) -> list[dict[str, Any]]:
    """Return how predicted gains stand to found ones, a row for each k and group of decisions.

    Args:
        tables: of one training seed each: ``menu [K]``, ``predicted`` and ``found [N, K]``,
            ``weight [N]``, 0 for decisions that do not count, and ``lane [N]``, which lane met it:
            decisions of one lane, with whichever seed, are no independent draws.
        bins: groups for each k, of as many decisions each; those of one prediction stay together.
    """
    menu = tables[0]["menu"]
    # Older tables do not say which lane met a decision.
    tables = [{"lane": np.arange(len(table["weight"])), **table} for table in tables]
    counted = [table["weight"] > 0 for table in tables]
    predicted, found, lane = (
        np.concatenate([t[name][keep] for t, keep in zip(tables, counted, strict=True)])
        for name in ("predicted", "found", "lane")
    )
    rows = []
    for place, k in enumerate(menu):
        edges = np.unique(np.quantile(predicted[:, place], np.linspace(0, 1, bins + 1)))
        group = np.searchsorted(edges[1:-1], predicted[:, place], side="right")
        for number in np.unique(group):
            mine = group == number
            if mine.sum() < 2:
                continue
            interval = _interval(found[mine, place], lane[mine])
            rows.append(
                {
                    "k": int(k),
                    "predicted": float(predicted[mine, place].mean()),
                    "found": {"mean": interval.mean, "ci95": [interval.low, interval.high]},
                    "decisions": int(mine.sum()),
                }
            )
    return rows


def _interval(values: np.ndarray, cluster: np.ndarray) -> Interval:
    """Return the mean ``[N]`` with its 95% interval, where clusters are independent draws."""
    mean = float(values.mean())
    _, place = np.unique(cluster, return_inverse=True)
    residuals = np.bincount(place, values - mean)
    independent = len(residuals)
    error = np.sqrt((residuals**2).sum() * independent / max(1, independent - 1)) / len(values)
    half = float(scipy.stats.norm.ppf(0.975) * error)
    return Interval(mean, mean - half, mean + half)
