"""What `rrplan reproduce dynamic-thinker` is told."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from agents.thinker.config import ThinkerConfig
from experiments.checking import count, order
from experiments.reproductions.places import directory_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class DynamicThinkerOptions:
    """Train Thinker with each number of imaginary steps, and Dynamic Thinker at each price.

    Beside them stands the planner's own search with as many simulations. Writes results.json,
    table.md and figures: untimed and timed returns over k, charged for simulations alone, as in the
    paper, and for the whole bill. A command that was stopped goes on with --resume.
    """

    env: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENV")] = "knapsack"
    """Environment: any name that `rrplan envs` lists, or package.module:Class."""
    k: tuple[int, ...] = (0, 1, 2, 4, 7, 9)
    """Imaginary steps of Thinker, K - 1, and simulations of the search; the paper has 15 and 19
    too."""
    prices: tuple[float, ...] = (3e-4, 1e-3)
    """Prices of a simulation, in units of return; Dynamic Thinker is trained for each."""
    seeds: int = 3
    """Training seeds, each with a planner of its own."""
    planner_chunks: int | None = None
    """Rounds of the planners' training; those of the quick preset if not given."""
    decisions: int = 4
    """Real steps of each lane of Thinker between two rounds of learning, for every k."""
    acting: Literal["visits", "completed_q"] = "completed_q"
    """How the search acts."""
    thinker: ThinkerConfig = dataclasses.field(
        # After 100 rounds of 8, Dynamic Thinker earns 0.011 less on the knapsack, before the bill.
        default_factory=lambda: ThinkerConfig(num_chunks=300, minibatches=16)
    )
    bare: tyro.conf.FlagCreatePairsOff[bool] = False
    """Train Thinker without a kept tree as well."""
    episodes: int = 2048
    """Held-out episodes, the same for all."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory; reproductions/dynamic-thinker-ENV if not given."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with what was begun in that directory."""

    def __post_init__(self):
        order(self, k=0, prices=0)
        count(self, seeds=1, decisions=1, episodes=2, planner_chunks=1)

    @property
    def directory(self) -> Path:
        """Where all is kept."""
        return directory_of("dynamic-thinker", self.env, self.out)
