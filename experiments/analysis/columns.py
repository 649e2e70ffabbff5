"""Columns of an evaluation: what is kept of each episode, and what follows from it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from experiments import runs
from experiments.analysis import thinking
from experiments.evaluation import Agent
from rrplan import costs
from rrplan.errors import InputError
from rrplan.types import Episodes, Trace

COLUMNS = ("untimed_return", "simulations", "looks", "length", "levels")
"""What is kept of an episode. Its timed return at any price follows from these."""

WEIGHTED = ("weighted_simulations", "weighted_looks", "weighted_length", "weighted_levels")
"""The counts times the factor of the price, where the environment has one."""

Columns = dict[str, np.ndarray]
"""Values by column: ``[E]`` of one training seed, or ``[S, E]`` of all."""


def to_table(episodes: Episodes, turns: Callable[[Trace], np.ndarray] | None = None) -> Columns:
    """Return what is kept of evaluated episodes: columns ``[E]``, and what a trace sums up to.

    Args:
        episodes: as they were evaluated.
        turns: ``(trace) -> [E]``: kept as a column more, with the looks that the trace holds, see
            :class:`agents.Candidate`.
    """
    columns = {name: np.asarray(getattr(episodes, name)) for name in COLUMNS}
    if episodes.weighted is not None:
        columns |= dict(zip(WEIGHTED, map(np.asarray, episodes.weighted), strict=True))
    if turns is not None and episodes.trace is not None:
        columns["turns"] = np.asarray(turns(episodes.trace))
        # A trace holds the first decisions of an episode: so many turns came of so many looks.
        columns["traced_looks"] = np.asarray(episodes.trace.looks).sum(1)
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
    known = (*COLUMNS, *WEIGHTED, "turns", "traced_looks")
    names = [name for name in known if all(name in table for table in tables)]
    return {name: np.stack([table[name] for table in tables]) for name in names}


def counts_of(table: Columns) -> costs.Counts:
    """Return what is charged for of each episode of a table."""
    return costs.Counts(table["simulations"], table["looks"], table["length"], table["levels"])


def weighted_of(table: Columns) -> costs.Counts | None:
    """Return the counts times the factor of the price; None where it is always 1."""
    if WEIGHTED[0] not in table:
        return None
    return costs.Counts(*(table[name] for name in WEIGHTED))


def timed_return(table: Columns, price: float, rates: costs.Rates) -> np.ndarray:
    """Return the untimed return less the bill at a price, float64."""
    charged, untimed = costs.Costs(price, rates), table["untimed_return"].astype(float)
    return costs.timed_return(untimed, charged, counts_of(table), weighted_of(table))


def to_frame(rows: Sequence[tuple[Agent, Columns]]) -> pl.DataFrame:
    """Return one row per agent, training seed and episode.

    Args:
        rows: each agent with its table ``[S, E]``. ``price`` is null where it plays alike at all
            prices, ``k`` where it varies, ``depth`` where it varies or there is no limit.
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
                    "depth": pl.repeat(agent.depth, size, dtype=pl.Int32, eager=True),
                    "price": pl.repeat(agent.price, size, dtype=pl.Float64, eager=True),
                    "seed": np.repeat(np.arange(num_seeds, dtype=np.int32), num_episodes),
                    "episode": np.tile(np.arange(num_episodes, dtype=np.int32), num_seeds),
                    **{
                        name: table[name].ravel() for name in (*COLUMNS, *WEIGHTED) if name in table
                    },
                }
            )
        )
    # The greedy rule has no weighted counts; the oracle's are float64, the engine's float32.
    return pl.concat(frames, how="diagonal_relaxed")


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """Write a frame as parquet, atomically."""
    runs.write_atomically(path, lambda file: frame.write_parquet(file))


def read_frame(path: Path) -> pl.DataFrame:
    """Return the frame of a run's ``episodes.parquet``.

    Raises:
        InputError: there is no such file, it is damaged, or an older version has written it.
    """
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read: {error}".splitlines()[0]) from None
    needed = {"agent", "k", "depth", "price", "seed", "episode", *COLUMNS}
    if missing := sorted(needed - set(frame.columns)):
        raise InputError(
            f"{path} has no column {missing[0]}, so an older version has written it: expected one "
            "of this version (rrplan run --resume writes it again)"
        )
    return frame


def of_frame(rows: pl.DataFrame) -> Columns:
    """Return the table ``[S, E]`` of one agent's rows of a frame."""
    rows = rows.sort("seed", "episode")
    num_seeds = rows["seed"].n_unique()
    told = [name for name in WEIGHTED if name in rows.columns and not rows[name].null_count()]
    return {name: rows[name].to_numpy().reshape(num_seeds, -1) for name in (*COLUMNS, *told)}
