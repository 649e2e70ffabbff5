"""From episodes to ``results.json``: one entry per agent and price, with intervals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from experiments import runs
from experiments.config import StudyConfig, to_dict
from rrplan.statistics import mean_ci, significant_falls
from rrplan.types import Episodes

STUDY = "planning depth"

COLUMNS = ("untimed_return", "simulations", "length", "asks")
"""What is kept of an episode. Its timed return at any price follows from the first two."""

Table = dict[str, np.ndarray]
"""Values by column: ``[E]`` of one training seed, or ``[S, E]`` of all."""


class BestFixed(NamedTuple):
    """The fixed k that earns most at a price, and what it earned where it was chosen."""

    price: float
    k: int
    timed: float


def to_table(episodes: Episodes) -> Table:
    """Return what is kept of evaluated episodes, as numpy arrays ``[E]``."""
    return {name: np.asarray(getattr(episodes, name)) for name in COLUMNS}


def load_table(path: Path, num_episodes: int) -> Table | None:
    """Return a finished evaluation, or None where there is none that is whole."""
    table = runs.load_arrays(path)
    whole = table is not None and all(
        name in table and table[name].shape == (num_episodes,) for name in COLUMNS
    )
    return table if whole else None


def stack_tables(tables: Sequence[Table]) -> Table:
    """Return the tables ``[E]`` of all training seeds as one, ``[S, E]``."""
    return {name: np.stack([table[name] for table in tables]) for name in COLUMNS}


def timed_return(table: Table, price: float) -> np.ndarray:
    """Return the untimed return minus ``price`` for each simulation, float64."""
    return table["untimed_return"].astype(float) - price * table["simulations"]


def best_fixed(curve: Mapping[int, Table], prices: Sequence[float]) -> list[BestFixed]:
    """Return the best k for each price; of equals, the smallest.

    Args:
        curve: the table of each k.
        prices: of one simulation.
    """
    best = []
    for price in prices:
        means = {k: float(timed_return(curve[k], price).mean()) for k in sorted(curve)}
        k = max(means, key=means.get)
        best.append(BestFixed(price, k, means[k]))
    return best


def to_frame(agents: Sequence[tuple[str, int | None, Table]]) -> pl.DataFrame:
    """Return one row per agent, training seed and episode.

    Args:
        agents: name, k (None where it varies) and table ``[S, E]`` of each.
    """
    frames = []
    for name, k, table in agents:
        num_seeds, num_episodes = table["length"].shape
        frames.append(
            pl.DataFrame(
                {
                    "agent": pl.repeat(name, num_seeds * num_episodes, eager=True),
                    "k": pl.repeat(k, num_seeds * num_episodes, dtype=pl.Int32, eager=True),
                    "seed": np.repeat(np.arange(num_seeds, dtype=np.int32), num_episodes),
                    "episode": np.tile(np.arange(num_episodes, dtype=np.int32), num_seeds),
                    **{column: table[column].ravel() for column in COLUMNS},
                }
            )
        )
    return pl.concat(frames)


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """Write a frame as parquet, atomically."""
    runs.write_atomically(path, lambda file: frame.write_parquet(file))


def summarize(
    config: StudyConfig,
    versions: Mapping[str, str],
    frame: pl.DataFrame,
    acting: str,
    best: Sequence[BestFixed],
) -> dict[str, Any]:
    """Return what ``results.json`` holds: plain values, the same whenever it is made.

    Args:
        config: of the study.
        versions: that the run was begun with.
        frame: one row per agent, training seed and episode.
        acting: the rule of acting that every agent follows.
        best: the best fixed k for each price, chosen on validation episodes.
    """
    agents = []
    curve = {}
    for (name, k), rows in frame.group_by("agent", "k", maintain_order=True):
        table = _table_of(rows)
        if name == "fixed":
            curve[k] = table["untimed_return"]
        agents.extend(_entries(name, k, table, config.sweep.prices))
    return {
        "study": STUDY,
        "config": to_dict(config),
        "versions": dict(versions),
        "acting": acting,
        "best_fixed": [
            {"price": choice.price, "k": choice.k, "validation_timed": choice.timed}
            for choice in best
        ],
        "falls": _falls(curve),
        "agents": agents,
    }


def fixed_curve(results: Mapping[str, Any], price: float) -> list[dict[str, Any]]:
    """Return the fixed-k entries at one price, by k."""
    entries = [e for e in results["agents"] if e["agent"] == "fixed" and e["price"] == price]
    return sorted(entries, key=lambda entry: entry["k"])


def _entries(
    name: str, k: int | None, table: Table, prices: Sequence[float]
) -> list[dict[str, Any]]:
    same_for_all = {
        "untimed": _estimate(table["untimed_return"]),
        "simulations": _estimate(table["simulations"]),
        "length": _estimate(table["length"]),
        "asks": _estimate(table["asks"]),
    }
    num_seeds, num_episodes = table["length"].shape
    return [
        {
            "agent": name,
            "k": k,
            "price": price,
            "seeds": num_seeds,
            "episodes": num_episodes,
            "timed": _estimate(timed_return(table, price)),
            **same_for_all,
        }
        for price in prices
    ]


def _estimate(values: np.ndarray) -> dict[str, Any]:
    interval = mean_ci(values)
    return {"mean": interval.mean, "ci95": [interval.low, interval.high]}


def _falls(curve: Mapping[int, np.ndarray]) -> list[dict[str, Any]]:
    """Return where the untimed return falls significantly along k, Holm-corrected."""
    ks = sorted(curve)
    if not ks:
        return []
    return [
        {
            "from_k": ks[fall.start],
            "to_k": ks[fall.stop],
            "difference": fall.difference,
            "p_holm": fall.p_value,
        }
        for fall in significant_falls(np.stack([curve[k] for k in ks]))
    ]


def _table_of(rows: pl.DataFrame) -> Table:
    rows = rows.sort("seed", "episode")
    num_seeds = rows["seed"].n_unique()
    return {column: rows[column].to_numpy().reshape(num_seeds, -1) for column in COLUMNS}
