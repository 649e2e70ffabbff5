"""From episodes to ``results.json``: one entry per agent and price, with intervals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from agents.metapolicies.tuning import tune
from experiments import roster, runs, studies
from experiments.analysis import comparisons, thinking
from experiments.analysis.comparisons import Yardstick, as_json
from experiments.evaluation import Agent
from experiments.studies.planning_depth.config import StudyConfig, to_dict
from rrplan import costs
from rrplan.statistics import mean_ci, significant_falls
from rrplan.types import Episodes

COLUMNS = ("untimed_return", "simulations", "length", "asks")
"""What is kept of an episode. Its timed return at any price follows from the first two."""

Columns = dict[str, np.ndarray]
"""Values by column: ``[E]`` of one training seed, or ``[S, E]`` of all."""


class BestFixed(NamedTuple):
    """The fixed k that earns most at a price, and what it earned where it was chosen."""

    price: float
    k: int
    timed: float


def to_table(episodes: Episodes) -> Columns:
    """Return what is kept of evaluated episodes: columns ``[E]``, and what a trace sums up to."""
    columns = {name: np.asarray(getattr(episodes, name)) for name in COLUMNS}
    return columns | thinking.of_trace(episodes.trace)


def load_table(path: Path, num_episodes: int) -> Columns | None:
    """Return a finished evaluation, or None where there is none that is whole."""
    table = runs.load_arrays(path)
    whole = table is not None and all(
        name in table and table[name].shape == (num_episodes,) for name in COLUMNS
    )
    return table if whole else None


def stack_tables(tables: Sequence[Columns]) -> Columns:
    """Return the tables ``[E]`` of all training seeds as one, ``[S, E]``."""
    return {name: np.stack([table[name] for table in tables]) for name in COLUMNS}


def timed_return(table: Columns, price: float) -> np.ndarray:
    """Return the untimed return less the bill at a price of a simulation, float64."""
    counts = costs.Counts(simulations=table["simulations"])
    return costs.timed_return(table["untimed_return"].astype(float), costs.Costs(price), counts)


def best_fixed(curve: Mapping[int, Columns], prices: Sequence[float]) -> list[BestFixed]:
    """Return the best k for each price; of equals, the smallest.

    Args:
        curve: the table of each k.
        prices: of one simulation.
    """
    choices = tune(curve.__getitem__, sorted(curve), prices)
    return [BestFixed(choice.price, choice.candidate, choice.timed) for choice in choices]


def to_frame(rows: Sequence[tuple[Agent, Columns]]) -> pl.DataFrame:
    """Return one row per agent, training seed and episode.

    Args:
        rows: each agent with its table ``[S, E]``. ``price`` is null where it plays alike at all
            prices, ``k`` where it varies.
    """
    frames = []
    for agent, table in rows:
        num_seeds, num_episodes = table["length"].shape
        size = num_seeds * num_episodes
        frames.append(
            pl.DataFrame(
                {
                    "agent": pl.repeat(agent.name, size, eager=True),
                    "k": pl.repeat(agent.k, size, dtype=pl.Int32, eager=True),
                    "price": pl.repeat(agent.price, size, dtype=pl.Float64, eager=True),
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
    rows: Sequence[tuple[Agent, Sequence[Columns]]] = (),
) -> dict[str, Any]:
    """Return what ``results.json`` holds: plain values, the same whenever it is made.

    Args:
        config: of the study.
        versions: that the run was begun with.
        frame: one row per agent, training seed and episode.
        acting: the rule of acting that every agent follows.
        best: the best fixed k for each price, chosen on validation episodes.
        rows: each agent with its seeds' tables, for what their traces sum up to.
    """
    curve = {}
    tables = {}
    for (name, k, price), episodes in frame.group_by("agent", "k", "price", maintain_order=True):
        table = _table_of(episodes)
        tables[name, k, price] = table
        if name == "fixed":
            curve[k] = table
    known = roster.describe(config.control.agents)
    controlled = [name for name, a in known.items() if a["family"] in roster.CONTROLLED]
    own = {key: table for key, table in tables.items() if key[0] in controlled}
    yardsticks = [_yardstick(choice, curve, tables) for choice in best]
    evaluations = {(agent.name, agent.k, agent.price): agent.evaluation for agent, _ in rows}
    agents = [
        {**entry, "evaluation": evaluations.get((name, k, price))}
        for (name, k, price), table in tables.items()
        for entry in _entries(
            name,
            k,
            known[name]["looks"],
            table,
            config.sweep.prices if price is None else (price,),
            curve,
            yardsticks,
        )
    ]
    return {
        "study": studies.PLANNING_DEPTH.name,
        "config": to_dict(config),
        "versions": dict(versions),
        "acting": acting,
        "roster": known,
        "best_fixed": [
            {"price": choice.price, "k": choice.k, "validation_timed": choice.timed}
            for choice in best
        ],
        "falls": _falls({k: table["untimed_return"] for k, table in curve.items()}),
        "agents": agents,
        "fronts": comparisons.fronts(own, curve),
        "pairs": comparisons.pairs(_of_controlled(own, controlled, config.sweep.prices)),
        "thinking": [
            group
            for agent, of_seeds in rows
            for group in thinking.describe(agent.name, agent.price, of_seeds)
        ],
        "stories": [
            story
            for agent, of_seeds in rows
            if agent.family == "learned"
            and (story := thinking.tell(agent.name, agent.price, of_seeds[0]))
        ],
    }


def _of_controlled(
    tables: Mapping[tuple, Columns], names: Sequence[str], prices: Sequence[float]
) -> dict[float, dict[str, np.ndarray]]:
    """Return by price the timed returns of the agents that control themselves."""
    return {
        price: {
            name: timed_return(tables[name, None, price], price)
            for name in names
            if (name, None, price) in tables
        }
        for price in prices
    }


def _yardstick(
    choice: BestFixed, curve: Mapping[int, Columns], tables: Mapping[tuple, Columns]
) -> Yardstick:
    oracle = tables.get(("oracle", None, choice.price))
    ceiling = None if oracle is None else timed_return(oracle, choice.price)
    return Yardstick(choice.price, timed_return(curve[choice.k], choice.price), ceiling)


def _first(curve: Mapping[int, Columns], episodes: int) -> dict[int, Columns]:
    """Return the curve on its first episodes."""
    return {
        k: {name: column[:, :episodes] for name, column in table.items()}
        for k, table in curve.items()
    }


def fixed_curve(results: Mapping[str, Any], price: float) -> list[dict[str, Any]]:
    """Return the fixed-k entries at one price, by k."""
    entries = [e for e in results["agents"] if e["agent"] == "fixed" and e["price"] == price]
    return sorted(entries, key=lambda entry: entry["k"])


def _entries(
    name: str,
    k: int | None,
    looks: str,
    table: Columns,
    prices: Sequence[float],
    curve: Mapping[int, Columns],
    yardsticks: Sequence[Yardstick],
) -> list[dict[str, Any]]:
    same_for_all = {
        "untimed": _estimate(table["untimed_return"]),
        "fixed_simulations": comparisons.fixed_simulations(
            _first(curve, table["length"].shape[1]), float(table["untimed_return"].mean())
        ),
        "simulations": _estimate(table["simulations"]),
        "length": _estimate(table["length"]),
        "asks": _estimate(table["asks"]),
        "meta_evaluations": float(comparisons.meta_evaluations(looks, table).mean()),
    }
    num_seeds, num_episodes = table["length"].shape
    by_price = {yardstick.price: yardstick for yardstick in yardsticks}
    return [
        {
            "agent": name,
            "k": k,
            "price": price,
            "seeds": num_seeds,
            "episodes": num_episodes,
            "timed": _estimate(timed_return(table, price)),
            **comparisons.compare(timed_return(table, price), by_price.get(price)),
            **same_for_all,
        }
        for price in prices
    ]


def _estimate(values: np.ndarray) -> dict[str, Any]:
    return as_json(mean_ci(values))


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


def _table_of(rows: pl.DataFrame) -> Columns:
    rows = rows.sort("seed", "episode")
    num_seeds = rows["seed"].n_unique()
    return {column: rows[column].to_numpy().reshape(num_seeds, -1) for column in COLUMNS}
