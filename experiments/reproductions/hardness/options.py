"""What `rrplan reproduce hardness` is told."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from experiments.checking import count, require
from experiments.reproductions.places import directory_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class HardnessOptions:
    """Tell how hard instances are for the planners of finished runs, and whether these agree.

    The hardness of an instance for a planner is the least k from which on every larger k earns
    within 1% of the best known return; it is infinite where the largest k does not. The runs must
    be of one environment and seed, so that all meet the same instances. Also told: where an agent
    of each run thinks, and where its planner errs without a search, on the knapsack and on sliding
    tiles. Writes results.json, table.md and figures; nothing in the runs' directories.
    """

    runs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN")]
    """Directories of finished runs."""
    agent: str = "stopper"
    """The agent whose thinking is told, at the least price that it was trained for; a run without
    it is left out of that."""
    episodes: int = 1024
    """Held-out episodes, from the first, on which the agent is played for that."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory; reproductions/hardness-RUN, of the first run, if not given."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Write again into that directory."""

    def __post_init__(self):
        require("RUN", self.runs, len(self.runs) > 0, "at least one directory")
        count(self, episodes=2)

    @property
    def directory(self) -> Path:
        """Where all is kept."""
        return directory_of("hardness", self.runs[0].resolve().name, self.out)
