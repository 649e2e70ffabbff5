"""What `rrplan reproduce learned-model` is told."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from agents.model_learning.config import ModelConfig
from agents.thinker.config import ThinkerConfig
from experiments.checking import count, order
from experiments.reproductions.places import directory_of
from rrplan.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearnedModelOptions:
    """Train models of an environment for several lengths, and search in each.

    Writes results.json, table.md and a figure: untimed returns over k with the true model, with
    each learned model, and with true steps judged as each model judges; and the errors of each
    model. With --thinker-steps also Thinker in these models. A command that was stopped goes on
    with --resume.
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
    thinker_steps: int = 0
    """Steps of a stage, K, of Thinker, which is then trained with the true model, with each learned
    model as it is, and with each as it goes on learning beside the agent; 0 trains none."""
    thinker: ThinkerConfig = dataclasses.field(
        default_factory=lambda: ThinkerConfig(num_chunks=100, model_steps=16)
    )
    """How Thinker is trained; its K is --thinker-steps."""
    decisions: int = 4
    """Real steps of each lane of Thinker between two rounds of learning."""
    episodes: int = 1024
    """Held-out episodes, and as many others on which the best k is chosen; the same for all."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory; reproductions/learned-model-ENV if not given."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with what was begun in that directory."""

    def __post_init__(self):
        order(self, k=0, chunks=1, prices=0)
        count(self, seeds=1, episodes=2, planner_chunks=1, thinker_steps=0, decisions=1)
        if self.thinker_steps > 1 + max(self.k):
            raise InputError(
                f"thinker_steps is {self.thinker_steps}: expected at most {1 + max(self.k)}, one"
                " more than the largest k"
            )
        if self.thinker_steps and not self.thinker.model_steps:
            raise InputError(
                "thinker.model_steps is 0: expected 1 or more, for a model to learn beside Thinker"
            )

    @property
    def directory(self) -> Path:
        """Where all is kept."""
        return directory_of("learned-model", self.env, self.out)
