"""How the self-aware planner's head is trained, checked as the settings are made."""

from dataclasses import dataclass
from typing import Literal

from agents.training.ranges import check_ranges
from agents.training.rounds import Rounds
from rrplan.errors import unknown

TARGETS = ("rollout", "search")

_WHOLE = (
    *("rollout_steps", "num_simulations", "width", "num_lanes", "steps_per_chunk", "num_chunks"),
    *("replay_size", "batch_size", "updates_per_chunk", "evaluation_episodes"),
    *("evaluate_every", "checkpoint_every"),
)


@dataclass(frozen=True)
class GainsConfig(Rounds):
    """How predicted gains are learned: regression onto what thinking gained in played episodes."""

    targets: Literal["rollout", "search"] = "rollout"
    """What an action is worth: what it earns with the prior playing on, or its Q-value after a long
    search."""
    rollout_steps: int = 64
    """Steps of a rollout at most; then the network's value stands for the rest."""
    num_simulations: int = 64
    """Simulations of the long searches."""
    width: int = 16
    """Units of the head's hidden layer."""
    num_lanes: int = 256
    """Episodes that run side by side."""
    steps_per_chunk: int = 8
    """Decisions of each lane between two rounds of learning."""
    num_chunks: int = 60
    """Rounds of playing and learning; the whole training."""
    replay_size: int = 65536
    """Decisions kept to learn from, rounded up to whole chunks."""
    batch_size: int = 512
    """Decisions in one gradient step."""
    updates_per_chunk: int = 32
    """Gradient steps after each round of playing."""
    learning_rate: float = 3e-3
    """Adam's, at first; it falls to zero along a cosine."""
    evaluation_episodes: int = 512
    """Other episodes, run with the predicted gains at each evaluation."""
    evaluate_every: int = 20
    """Chunks between evaluations; the last chunk is always evaluated."""
    checkpoint_every: int = 20
    """Chunks between checkpoints; the last chunk is always saved."""

    def __post_init__(self):
        check_ranges(self, whole=_WHOLE, positive=("learning_rate",), not_negative=(), shares=())
        if self.targets not in TARGETS:
            raise unknown("targets", self.targets, TARGETS)
