"""The page of runs of planning depth: what agents earn at any price, and where they think."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments import runs
from experiments.analysis import columns
from experiments.evaluation import Split, fixed_agent
from experiments.html import making, replaying, rows
from experiments.html.page import Page
from experiments.html.rows import Row
from experiments.report import bills, compare
from experiments.report.formatting import RULES
from experiments.runs import Run
from experiments.studies.planning_depth.evaluating import file_of

_SCRIPTS = ["bill", "data", "returns", "front", "thinking", "tables", "pairs", "story", "main"]


def collect(directories: Sequence[Path]) -> dict[str, Any]:
    """Return all that the page shows, as plain values.

    Raises:
        InputError: a directory holds no finished run of planning depth, or one of another
            environment.
    """
    loaded = compare.load(directories)
    told, found, episodes_of = [], [], []
    for place, (directory, (name, results)) in enumerate(
        zip(directories, loaded.items(), strict=True)
    ):
        run = runs.load_run(directory)
        own = rows.load(run.episodes, results, place)
        told.append(_describe(run, directory, name, results, own))
        found += own
        config = run.config
        options = json.dumps(config.env_kwargs, sort_keys=True)
        episodes_of.append((config.env, options, config.seed, config.seeds))
    every = list(loaded.values())
    return {
        "runs": told,
        "rows": [rows.describe(row, every[row.run]) for row in found],
        "groups": rows.groups_of(found, episodes_of),
    }


def _describe(
    run: Run, directory: Path, name: str, results: Mapping[str, Any], own: Sequence[Row]
) -> dict[str, Any]:
    """Return what is told of a run as a whole."""
    config, first = run.config, own[0]
    stories, note = replaying.tell_again(run, results)
    return {
        **making.describe(run, directory, name, results),
        "label": config.return_label,
        "acting": RULES[results["acting"]],
        "prices": list(config.sweep.prices),
        "bill": results.get("bill", {}).get("kind", "simulations"),
        "caption": bills.caption(results),
        "seeds": first.table["length"].shape[0],
        "episodes": first.episodes,
        "best_fixed": results.get("best_fixed", []),
        "validation": _validation(run, results, own),
        "thinking": results.get("thinking", []),
        "stories": stories,
        "story_note": note,
    }


def _validation(run: Run, results: Mapping[str, Any], own: Sequence[Row]) -> list[dict[str, Any]]:
    """Return what each fixed k did on validation episodes; nothing if files are missing."""
    split = Split.validation(run.config.sweep)
    fixed = {
        row.k: row
        for row in own
        if row.agent == "fixed" and row.depth is None and row.k is not None
    }
    read = {}
    for k in fixed:
        name = fixed_agent("fixed", k).evaluation
        files = (
            file_of(run, split, results["acting"], seed, name) for seed in range(run.config.seeds)
        )
        tables = [columns.load_table(file, split.episodes) for file in files]
        found = [table for table in tables if table is not None]
        if len(found) < len(tables):
            return []
        read[k] = found
    return rows.validation_curve(read, fixed)


PAGE = Page(
    body="depth/body.html",
    scripts=tuple(f"depth/{name}.js" for name in _SCRIPTS),
    figures="experiments.html.charts:specifications",
    collect=collect,
)
