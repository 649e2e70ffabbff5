"""Settings of the training of policies that act without a search."""

from dataclasses import dataclass
from typing import ClassVar

from agents.ppo.config import LearningConfig
from agents.training.ranges import check_ranges


@dataclass(frozen=True)
class RolloutConfig(LearningConfig):
    """What every training in plain lanes of an environment has.

    Each action is a meta-step of its own.
    """

    lambda_per: ClassVar[str] = "look"
    bootstrap_truncated: ClassVar[bool]

    steps_per_chunk: int = 128
    """Actions of each lane between two rounds of learning."""

    def __post_init__(self):
        super().__post_init__()
        check_ranges(self, whole=("steps_per_chunk",), positive=(), not_negative=(), shares=())

    @property
    def rows_per_chunk(self) -> int:
        """Actions that a round yields."""
        return self.num_lanes * self.steps_per_chunk

    @property
    def batch_rows(self) -> int:
        """Room for them: whole minibatches."""
        return self.whole_minibatches(self.rows_per_chunk)


@dataclass(frozen=True)
class PlainConfig(RolloutConfig):
    """How a policy without a search is trained on any environment: PPO (arXiv 1707.06347)."""

    # Settings here, where other trainings have constants of their class.
    gamma: float = 0.99  # pyright: ignore[reportIncompatibleVariableOverride]
    """Discount of a step."""
    bootstrap_truncated: bool = True  # pyright: ignore[reportIncompatibleVariableOverride]
    """Where a time limit alone ends an episode, count what the network expects to come after it."""
    num_lanes: int = 64
    epochs: int = 4
    learning_rate: float = 2.5e-3
    value_chunks: int = 0

    def __post_init__(self):
        super().__post_init__()
        check_ranges(self, whole=(), positive=(), not_negative=(), shares=("gamma",))
