"""What the agents of a study did on the held-out episodes, and what they earned at a price."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl

from experiments.analysis.columns import Columns, of_frame, timed_return
from experiments.evaluation import Agent


class Key(NamedTuple):
    """Which agent of a study, and at which of its settings. None: it varies, or there is none."""

    name: str
    k: int | None = None
    price: float | None = None
    depth: int | None = None


@dataclass(frozen=True)
class Evaluated:
    """Each agent with its table ``[S, E]``."""

    agents: Mapping[Key, Agent]
    tables: Mapping[Key, Columns]

    @classmethod
    def of_frame(cls, frame: pl.DataFrame, agents: Iterable[Agent]) -> "Evaluated":
        """Return what the rows of a frame hold, see :func:`columns.to_frame`.

        Agents stand in the order of the frame, those whose depth is limited after the others.
        """
        known = {Key(a.name, a.k, a.price, a.depth): a for a in agents}
        groups = frame.group_by("agent", "k", "price", "depth", maintain_order=True)
        tables = {Key._make(values): of_frame(rows) for values, rows in groups}
        order = sorted(tables, key=lambda key: key.depth is not None)
        return cls(known, {key: tables[key] for key in order})

    @cached_property
    def curve(self) -> dict[int, Columns]:
        """The table of each fixed k without a limit of depth."""
        return {
            key.k: table
            for key, table in self.tables.items()
            if key.name == "fixed" and key.k is not None and key.depth is None
        }

    def timed(self, key: Key, price: float) -> np.ndarray:
        """Return what an agent earned after its own bill, ``[S, E]``."""
        return timed_return(self.tables[key], price, self.agents[key].rates)

    def priced(self, names: Collection[str]) -> dict[str, dict[float, Columns]]:
        """Return by name, of agents that play otherwise at each price, the table at each."""
        found: dict[str, dict[float, Columns]] = {}
        for key, table in self.tables.items():
            if key.name in names and key.price is not None:
                found.setdefault(key.name, {})[key.price] = table
        return found
