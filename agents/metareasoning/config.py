"""Settings of the training of metareasoning policies."""

from dataclasses import dataclass
from typing import ClassVar

from agents.ppo.config import LearningConfig
from agents.training.ranges import check_ranges


@dataclass(frozen=True)
class MetareasoningConfig(LearningConfig):
    """How a metareasoning policy is trained: PPO (arXiv 1707.06347).

    Each action is a meta-step of its own. Payoffs are never discounted.
    """

    gamma: ClassVar[float] = 1.0
    lambda_per: ClassVar[str] = "look"

    # What one more computation brings is small against what chance brings: it takes many.
    num_lanes: int = 512
    learning_rate: float = 2e-3
    entropy_weight: float = 0.005
    value_chunks: int = 4
    steps_per_chunk: int = 16
    """Actions of each lane between two rounds of learning."""

    def __post_init__(self):
        super().__post_init__()
        check_ranges(self, whole=("steps_per_chunk",), positive=(), not_negative=(), shares=())

    @property
    def rows_per_chunk(self) -> int:
        """Meta-steps that a round yields."""
        return self.num_lanes * self.steps_per_chunk

    @property
    def batch_rows(self) -> int:
        """Room for them: whole minibatches."""
        return self.whole_minibatches(self.rows_per_chunk)
