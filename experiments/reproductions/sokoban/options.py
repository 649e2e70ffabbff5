"""What `rrplan reproduce sokoban` is told."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from experiments.checking import count, order
from experiments.reproductions.places import directory_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class SokobanOptions:
    """Train planners for Sokoban, and say what share of given levels they solve with each k.

    One planner is trained on generated levels of the same size, and one on the levels of --train.
    Every level of --test is played once with each k. Writes results.json, table.md and a figure. A
    command that was stopped goes on with --resume.
    """

    test: Annotated[Path, tyro.conf.arg(metavar="PATH")]
    """File or folder of levels in Boxoban's format, to be solved."""
    train: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """File or folder of levels to train on, of the same size; generated ones alone if not given."""
    first: int | None = None
    """Levels to be solved, from the first; all if not given."""
    generated: int = 16384
    """Levels to generate."""
    limit: int = 120
    """Moves after which an episode is cut."""
    k: tuple[int, ...] = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)
    """Simulations of the search, at every decision."""
    planner_chunks: int | None = None
    """Rounds of the planners' training; those of the quick preset if not given."""
    units: int | None = None
    """Units of the planners' hidden layers; those of the quick preset if not given."""
    acting: Literal["visits", "completed_q"] = "completed_q"
    """How the search acts."""
    seeds: int = 1
    """Training seeds."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory; reproductions/sokoban-TEST if not given, by the name of the levels' file."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with what was begun in that directory."""

    def __post_init__(self):
        order(self, k=0)
        count(self, first=1, generated=1, limit=1, planner_chunks=1, units=1, seeds=1)

    @property
    def directory(self) -> Path:
        """Where all is kept."""
        return directory_of("sokoban", self.test.resolve().stem, self.out)
