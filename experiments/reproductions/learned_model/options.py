"""What `rrplan reproduce learned-model` is told."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from agents.model_learning.config import ModelConfig
from experiments.checking import count, order
from experiments.reproductions.places import directory_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearnedModelOptions:
    """Train models of an environment for several lengths, and search in each.

    Writes results.json, table.md and a figure: untimed returns over k with the true model, with
    each learned model, and with true steps judged as each model judges; and the errors of each
    model. A command that was stopped goes on with --resume.
    """

    env: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENV")] = "knapsack"
    """Environment: any name that `rrplan envs` lists, or package.module:Class."""
    k: tuple[int, ...] = (0, 1, 2, 4, 8, 16, 32)
    """Simulations of a decision."""
    chunks: tuple[int, ...] = (10, 30, 90)
    """Rounds of the models' trainings: little, middling and long. Each is a training of its own."""
    prices: tuple[float, ...] = (3e-4, 1e-3)
    """Prices of a simulation, at which the best k is told as well (simulations alone)."""
    seeds: int = 2
    """Training seeds, each with a planner and models of its own."""
    planner_chunks: int | None = None
    """Rounds of the planners' training; those of the quick preset if not given."""
    acting: Literal["visits", "completed_q"] = "completed_q"
    """How the search acts."""
    learned: ModelConfig = dataclasses.field(
        default_factory=lambda: ModelConfig(num_lanes=128, num_simulations=8, batch_size=128)
    )
    """How a model is trained; its length is --chunks."""
    episodes: int = 1024
    """Held-out episodes, and as many others on which the best k is chosen; the same for all."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory; reproductions/learned-model-ENV if not given."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with what was begun in that directory."""

    def __post_init__(self):
        order(self, k=0, chunks=1, prices=0)
        count(self, seeds=1, episodes=2, planner_chunks=1)

    @property
    def directory(self) -> Path:
        """Where all is kept."""
        return directory_of("learned-model", self.env, self.out)
