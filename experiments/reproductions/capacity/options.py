"""What `rrplan reproduce capacity` is told."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from agents.presets import train_preset
from experiments import studies
from experiments.checking import count, order, require
from experiments.cluster.grid import Axis, Grid, split_words
from experiments.cluster.sweeping import check
from experiments.reproductions.places import directory_of

_EVALUATIONS = 15
"""Evaluations of the shortest training; a training twice as long has twice as many."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CapacityOptions:
    """Train planners of several widths for several lengths, and search with each.

    Writes results.json, table.md and figures: returns over the number of weights, and over the
    operations of a decision, a line for each k, with what search is worth; returns over the length
    of training; and on how many instances search wins, ties and loses. Each pair of width and
    length is a run of its own; a command that was stopped goes on with --resume.
    """

    env: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENV")] = "knapsack"
    """Environment: any name that `rrplan envs` lists, or package.module:Class."""
    widths: tuple[int, ...] = (4, 8, 16, 32, 64)
    """Units of the planners' hidden layers."""
    lengths: tuple[float, ...] = (1, 8, 16)
    """Lengths of training, in multiples of that of the quick preset, each with its own schedule.
    The longest is at a plateau where half of it is as good."""
    seeds: int = 3
    """Training seeds of each."""
    k: tuple[int, ...] = (0, 1, 2, 4, 8, 16, 32)
    """Simulations a decision."""
    search: int = 16
    """The k that is held against k = 0."""
    acting: Literal["visits", "completed_q"] = "completed_q"
    """How all planners act after a search. Chosen for each by itself, the rule would follow the
    size: where a search is too dear to pay, both rules earn as much, and either is chosen."""
    episodes: int = 4096
    """Held-out episodes, the same for all planners."""
    jobs: int = 1
    """Processes at a time."""
    on: str = "here"
    """Where they run: here, ray, or ray://HOST:PORT."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory; reproductions/capacity-ENV if not given."""
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with what was begun in that directory."""
    run: Annotated[str, tyro.conf.arg(metavar="TEXT")] = ""
    """More options of `rrplan run` for all of them. They may also come last, after two dashes:
    -- --train.num-simulations 8"""

    def __post_init__(self):
        trains = studies.of_environment(self.env).train is not None
        require("environment", self.env, trains, "one whose planners are trained, as knapsack")
        check(self.jobs, self.on)
        order(self, widths=1, lengths=0, k=0)
        require("lengths", self.lengths[0], self.lengths[0] > 0, "above 0")
        count(self, seeds=1, episodes=2)
        searching = self.search in self.k and self.search > 0
        require("search", self.search, searching, f"above 0 and among k = {self.k}")
        require("k", self.k, 0 in self.k, "0 among them, which search is held against")

    @property
    def directory(self) -> Path:
        """Where all is kept."""
        return directory_of("capacity", self.env, self.out)

    @property
    def chunks(self) -> tuple[int, ...]:
        """The lengths of training, in chunks, the shortest first."""
        whole = train_preset(self.env, "quick").train.num_chunks
        return tuple(dict.fromkeys(max(2, round(whole * length)) for length in self.lengths))

    @property
    def grid(self) -> Grid:
        """The runs."""
        every = max(1, self.chunks[0] // _EVALUATIONS)
        words = [
            *(self.env, "--control.agents", "--seeds", str(self.seeds)),
            *("--k", *map(str, self.k), "--sweep.episodes", str(self.episodes)),
            *("--search.acting", self.acting, "--train.evaluate-every", str(every)),
            *split_words(self.run, "--run"),
        ]
        axes = (("network.width", self.widths), ("train.num-chunks", self.chunks))
        return Grid(tuple(words), tuple(Axis(name, tuple(map(str, v))) for name, v in axes))
