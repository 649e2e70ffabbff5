"""Settings of learners, and of the trainings that they make."""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

from agents.metapolicies.learned.config import PPOConfig
from agents.metapolicies.learners import registry
from agents.training.ranges import check_ranges, require

Kind = TypeVar("Kind", bound=PPOConfig)


@dataclass(frozen=True)
class LearnerConfig:
    """How gate and stopper, and the controls like them, learn. All share the settings of `ppo`."""

    kind: str = "ppo"
    """Of ppo; remax (the baseline is the greedy run of the same episode); leave-one-out (several
    runs of an episode, the baseline is the mean of the others); regression (onto exact gains) and
    imitation (of the best answer in hindsight, then PPO), both where states can be enumerated."""
    runs: int = 4
    """Runs of each episode, of leave-one-out; at least 2."""
    episodes: int = 1280
    """Episodes of a chunk, all runs counted, of remax and leave-one-out."""
    instances: int = 512
    """Episodes whose states are tabulated, of regression and imitation; a chunk plays each once."""
    explored: float = 0.25
    """Share of looks at which regression and imitation try any answer, to see other states."""
    imitation_chunks: int = 10
    """First chunks that imitate; the rest is PPO's."""

    def __post_init__(self):
        registry.find(self.kind)
        check_ranges(
            self,
            whole=("episodes", "instances", "imitation_chunks"),
            positive=(),
            not_negative=(),
            shares=("explored",),
        )
        require(self, "runs", self.runs >= 2, "at least 2, so that there are others")
        require(self, "episodes", self.episodes >= self.runs, f"at least runs = {self.runs}")


@dataclass(frozen=True)
class GroupConfig(PPOConfig):
    """A training whose baselines are other runs of the same episode. It learns no value."""

    # An episode whose runs all tie is to have no gradient.
    centred: ClassVar[bool] = False

    runs: int = 2
    """Runs of each episode."""
    greedy_runs: int = 0
    """Of these, the first: they give the likeliest answers, and nothing is learned from them."""
    episodes: int = 1280
    """Episodes of a chunk, all runs counted."""

    @property
    def instances(self) -> int:
        """Different episodes of a chunk."""
        return max(1, self.episodes // self.runs)


@dataclass(frozen=True)
class FitConfig(PPOConfig):
    """A training on tabulated states."""

    fit: Literal["gains", "labels"] = "gains"
    """Least squares onto gains, or cross-entropy with the best answer in hindsight."""
    instances: int = 512
    """Episodes whose states are tabulated; a chunk plays each once."""
    explored: float = 0.25
    """Share of looks at which any answer is tried."""


def from_ppo(kind: type[Kind], ppo: PPOConfig, **more: Any) -> Kind:
    """Return the settings of a training that learns no value, with those of PPO that it shares.

    Args:
        kind: a class derived from :class:`PPOConfig`.
        ppo: settings that are shared.
        **more: its own.
    """
    shared = {field.name: getattr(ppo, field.name) for field in dataclasses.fields(PPOConfig)}
    return kind(**(shared | {"value_weight": 0.0, "value_chunks": 0} | more))
