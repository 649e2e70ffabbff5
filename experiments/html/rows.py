"""Rows of a report: what each agent of each run earned and counted, from its episodes.

A timed return is linear in the price: the mean untimed return less the price times the mean bill in
units. So a page needs no episodes to work out any price exactly, only their means; and standard
errors of any row, or of any difference between two, follow from the covariances of means.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments import roster
from experiments.analysis import columns
from experiments.analysis.columns import Columns
from experiments.analysis.entries import Entry
from rrplan.costs import Costs, Counts, Rates, charge
from rrplan.statistics import crossed_covariance

COUNTS = Counts._fields
ONLY_SIMULATIONS = {"simulations": Rates()._asdict()}
"""What older results, which tell no rates, charged."""
_DIGITS = 13  # of covariances: enough for errors of differences between agents that play alike


class Row(NamedTuple):
    """An agent of a run that plays in one way: at all prices, or at its own."""

    run: int
    agent: str
    k: int | None
    depth: int | None
    price: float | None
    """The price that it was tuned or trained for; None where it plays alike at all prices."""
    table: Columns
    """Columns ``[S, E]``."""
    rates: Mapping[str, Mapping[str, float]]
    """What it pays for each count, by the kind of bill."""
    told: Sequence[Entry]
    """What ``results.json`` tells of it, at each price."""

    @property
    def episodes(self) -> int:
        """Episodes of each training seed."""
        return self.table["length"].shape[1]


def load(path: Path, results: Mapping[str, Any], run: int) -> list[Row]:
    """Return the rows of a run, in the order of its ``episodes.parquet``.

    Args:
        path: of the run's ``episodes.parquet``.
        results: of the same run.
        run: its place among the runs of the report.

    Raises:
        InputError: there is no such file, or an older version has written it.
    """
    frame = columns.read_frame(path)
    rows = []
    groups = frame.group_by("agent", "k", "depth", "price", maintain_order=True)
    for (agent, k, depth, price), episodes in groups:
        told = [
            entry
            for entry in results["agents"]
            if (entry["agent"], entry["k"], entry.get("depth")) == (agent, k, depth)
            and price in (None, entry["price"])
        ]
        if told:
            rates = told[0].get("rates") or ONLY_SIMULATIONS
            known = {kind: own for kind, own in rates.items() if own}
            table = columns.of_frame(episodes)
            rows.append(Row(run, agent, k, depth, price, table, known, told))
    return rows


def validation_curve(
    read: Mapping[int, Sequence[Columns]], fixed: Mapping[int, Row]
) -> list[dict[str, Any]]:
    """Return what each fixed k did on validation episodes, as the page needs it.

    Args:
        read: by k, its evaluation of each training seed.
        fixed: by k, its row on held-out episodes, which has the same rates.
    """
    return [
        {"k": k, "rates": fixed[k].rates, **means(columns.stack_tables(read[k]))}
        for k in sorted(read)
        if k in fixed
    ]


def describe(row: Row, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as the page needs it, without its episodes."""
    declared = roster.of_results(results)[row.agent]
    return {
        "run": row.run,
        "agent": row.agent,
        "label": declared["label"],
        "help": declared["help"],
        "family": declared["family"],
        "style": declared["style"],
        "k": row.k,
        "depth": row.depth,
        "price": row.price,
        "seeds": row.table["length"].shape[0],
        "episodes": row.episodes,
        "rates": row.rates,
        **means(row.table),
        "told": [_told(entry) for entry in row.told],
    }


def means(table: Columns) -> dict[str, Any]:
    """Return the mean untimed return, and the mean of each count that is priced."""
    counts = _priced(table)
    return {
        "untimed": float(table["untimed_return"].astype(float).mean()),
        "simulations": float(table["simulations"].mean()),
        "counts": {name: float(np.mean(count)) for name, count in zip(COUNTS, counts, strict=True)},
    }


def groups_of(rows: Sequence[Row], episodes_of: Sequence[Any]) -> list[dict[str, Any]]:
    """Return rows that met the same episodes, with means and the covariances of means.

    Rows of runs that met the same episodes are paired, episode by episode. A row of fewer episodes,
    as the oracle's, met the first of them; so there is a group for each number of episodes, with
    all rows on so many.

    Args:
        rows: of all runs.
        episodes_of: by run, something hashable that tells its episodes from others.

    Returns:
        Of each group ``rows``, the places of its rows; ``episodes``; ``untimed`` and ``units``,
        their means by bill; and ``covariances`` by bill, those of ``(untimed 0, untimed 1, ...,
        units 0, units 1, ...)``: the upper triangle, row by row.
    """
    found = []
    for same in dict.fromkeys(episodes_of):
        mine = [place for place, row in enumerate(rows) if episodes_of[row.run] == same]
        for length in sorted({rows[place].episodes for place in mine}):
            members = [place for place in mine if rows[place].episodes >= length]
            found.append(_group([rows[place] for place in members], members, length))
    return found


def _group(rows: Sequence[Row], places: Sequence[int], length: int) -> dict[str, Any]:
    untimed = np.stack([row.table["untimed_return"][:, :length].astype(float) for row in rows])
    kinds = [kind for kind in rows[0].rates if all(kind in row.rates for row in rows)]
    units = {kind: np.stack([_units(row, kind, length) for row in rows]) for kind in kinds}
    upper = np.triu_indices(2 * len(rows))
    return {
        "rows": list(places),
        "episodes": length,
        "untimed": untimed.mean(axis=(1, 2)).tolist(),
        "units": {kind: own.mean(axis=(1, 2)).tolist() for kind, own in units.items()},
        "covariances": {
            kind: [
                float(f"{number:.{_DIGITS}g}")
                for number in crossed_covariance(np.concatenate([untimed, own]))[upper]
            ]
            for kind, own in units.items()
        },
    }


def _units(row: Row, kind: str, length: int) -> np.ndarray:
    """Return the bill of each episode at a price of 1, ``[S, length]``."""
    first = Counts(*(np.asarray(count)[:, :length] for count in _priced(row.table)))
    return np.asarray(charge(Costs(1.0, Rates(**row.rates[kind])), first), float)


def _priced(table: Columns) -> Counts:
    """Return the counts that are priced: times the factor of the price, where there is one."""
    weighted = columns.weighted_of(table)
    return columns.counts_of(table) if weighted is None else weighted


def _told(entry: Entry) -> dict[str, Any]:
    """Return what is shown of an entry at its own price, as results tell it."""
    shown = ("price", "timed", "untimed", "simulations", "difference", "gap_closed", "timed_by")
    told = {name: entry[name] for name in shown if entry.get(name) is not None}
    if entry.get("replaced"):
        told["replaced"] = {"k": entry["replaced"]["k"], "seeds": entry["replaced"]["seeds"]}
    return told
