"""Ranking the agents of one run or several at each price."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rich.box
import rich.table

from experiments import runs, studies
from experiments.analysis import entries
from experiments.report import bills, replacements
from experiments.report.formatting import DASH, format_estimate
from rrplan.errors import InputError

_REPORTED = ("agent", "k", "seeds", "episodes", "timed", "untimed", "simulations")


def load(directories: Sequence[Path]) -> dict[str, Mapping[str, Any]]:
    """Return the results of runs on one environment by a short name of each directory.

    Raises:
        InputError: a directory holds no results or damaged ones, or is given twice, or the runs
            are of more than one environment.
    """
    directories = [Path(directory) for directory in directories]
    resolved = [directory.resolve() for directory in directories]
    for directory, place in zip(directories, resolved, strict=True):
        if resolved.count(place) > 1:
            raise InputError(f"{directory} is given more than once")
    loaded = [runs.load_results(directory) for directory in directories]
    for directory, results in zip(directories, loaded, strict=True):
        if _environment(results) != _environment(loaded[0]):
            raise InputError(
                f"{directory} is a run of {_environment(results)}, {directories[0]} of "
                f"{_environment(loaded[0])}: only runs of one environment can be compared"
            )
    return dict(zip(_short_names(resolved), loaded, strict=True))


def rank(runs_by_name: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return for each price the agents of all runs, those that earn most first, as JSON.

    Of the fixed sweep the k that was best on validation episodes takes part, and is marked. What
    was worked out for fewer episodes than the other agents of its run, as the oracle is, comes
    last and without a rank: other episodes may be easier.
    """
    prices = {price for results in runs_by_name.values() for price in entries.prices(results)}
    return [{"price": price, "ranking": _rank_at(runs_by_name, price)} for price in sorted(prices)]


def terminal_table(runs_by_name: Mapping[str, Mapping[str, Any]]) -> rich.table.Table:
    """Return the ranking as a table for :mod:`rich`."""
    several = len(runs_by_name) > 1
    first = next(iter(runs_by_name.values()))
    table = rich.table.Table(
        title=f"{_environment(first)}: agents by timed return",
        caption=_caption(runs_by_name),
        title_justify="left",
        caption_justify="left",
        box=rich.box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for name in ("", "agent", *(["run"] if several else [])):
        table.add_column(name, overflow="fold")
    for name in ("episodes", "timed", "untimed", "simulations"):
        table.add_column(name, justify="right", no_wrap=True)
    for group in rank(runs_by_name):
        table.add_row("", f"[bold]c = {group['price']:g}[/]")
        for entry in group["ranking"]:
            table.add_row(*_cells(entry, several))
        table.add_section()
    return table


def _rank_at(runs_by_name: Mapping[str, Mapping[str, Any]], price: float) -> list[dict[str, Any]]:
    taking_part = [
        (name, entry, _is_on_fewer(results, entry))
        for name, results in runs_by_name.items()
        for entry in _best_and_others(results, price)
    ]
    taking_part.sort(key=lambda one: (one[2], -one[1]["timed"]["mean"]))
    return [
        {
            "rank": None if on_fewer else place,
            "run": name,
            "best_fixed": entry["agent"] == "fixed",
            "replaced": replacements.is_replaced(entry),
            **{field: entry[field] for field in _REPORTED},
        }
        for place, (name, entry, on_fewer) in enumerate(taking_part, start=1)
    ]


def _is_on_fewer(results: Mapping[str, Any], entry: entries.Entry) -> bool:
    """Return whether an entry stands for fewer episodes than others of its run."""
    counts = [other["episodes"] for other in results["agents"]]
    return None not in counts and entry["episodes"] < max(counts)


def _best_and_others(results: Mapping[str, Any], price: float) -> list[entries.Entry]:
    best = entries.best_fixed(results, price)
    others = [e for e in results["agents"] if e["agent"] != "fixed" and e["price"] == price]
    return others if best is None else [best, *others]


def _cells(entry: Mapping[str, Any], several: bool) -> list[str]:
    name = entries.name(entry) + (replacements.MARK if entry["replaced"] else "")
    rank, episodes = entry["rank"], entry["episodes"]
    return [
        DASH if rank is None else str(rank),
        f"[bold]{name}*[/]" if entry["best_fixed"] else name,
        *([entry["run"]] if several else []),
        DASH if episodes is None else f"{'first ' if rank is None else ''}{episodes:,}",
        *(format_estimate(entry[field], 1) for field in ("timed", "untimed", "simulations")),
    ]


def _caption(runs_by_name: Mapping[str, Mapping[str, Any]]) -> str:
    first = next(iter(runs_by_name.values()))
    study = studies.of_results(first)
    charged = "; ".join(dict.fromkeys(map(bills.short, runs_by_name.values())))
    timed = f"Timed: {charged}. " if study is studies.PLANNING_DEPTH else ""
    marked = f"{timed}± half of the 95% interval. Marked: {study.best}."
    if any(replacements.is_replaced(e) for r in runs_by_name.values() for e in r["agents"]):
        marked += f" {replacements.MARK} The best fixed k stands in: see the run's own table."
    everybody = [(r, entry) for r in runs_by_name.values() for entry in r["agents"]]
    if not any(_is_on_fewer(results, entry) for results, entry in everybody):
        return marked
    return f"{marked} Without a rank: on the first episodes only, which may be easier or harder."


def _environment(results: Mapping[str, Any]) -> str:
    config = results["config"]
    options = (f"{key}={value}" for key, value in sorted(config.get("env_kwargs", {}).items()))
    return " ".join([config["env"], *options])


def _short_names(directories: Sequence[Path]) -> list[str]:
    """Return the last part of each path, with as many more as tell all of them apart."""
    names: list[str] = []
    for parts in range(1, max(len(directory.parts) for directory in directories) + 1):
        names = [str(Path(*directory.parts[-parts:])) for directory in directories]
        if len(set(names)) == len(names):
            break
    return names
