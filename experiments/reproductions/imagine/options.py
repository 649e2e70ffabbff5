"""What `rrplan reproduce imagine` is told."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from agents.thinker.config import ThinkerConfig
from experiments.checking import count, order
from experiments.reproductions.places import directory_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImagineOptions:
    """Train Dynamic Thinker on trees of hidden rewards, and score it by the exact optimum.

    Score: (V - V0) / (V* - V0), with V0 what is earned without imagining and V* the optimum. The
    planner's network says nothing, so all that is known is imagined. Its own search stands beside,
    with each number of simulations. Writes results.json, table.md and a figure. A command that was
    stopped goes on with --resume.
    """

    branching: int = 2
    """Actions."""
    depth: int = 2
    """Decisions of an episode."""
    prices: tuple[float, ...] = (0.05, 0.1)
    """Prices of an imaginary step that calls the model, in units of return; Dynamic Thinker is
    trained for each."""
    k: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 12)
    """Simulations of the search, at every decision."""
    seeds: int = 3
    """Training seeds."""
    thinker: ThinkerConfig = dataclasses.field(
        default_factory=lambda: ThinkerConfig(num_chunks=200, depth=2, free_share=0.1)
    )
    episodes: int = 16384
    """Held-out episodes, the same for all."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory; reproductions/imagine-BRANCHINGxDEPTH if not given."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with what was begun in that directory."""

    def __post_init__(self):
        order(self, k=1, prices=0)
        count(self, seeds=1, episodes=2, branching=1, depth=1)

    @property
    def directory(self) -> Path:
        """Where all is kept."""
        return directory_of("imagine", f"{self.branching}x{self.depth}", self.out)
