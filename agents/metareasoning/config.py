"""Settings of the training of metareasoning policies."""

from dataclasses import dataclass
from typing import ClassVar

from agents.model_free.config import RolloutConfig


@dataclass(frozen=True)
class MetareasoningConfig(RolloutConfig):
    """How a metareasoning policy is trained: PPO (arXiv 1707.06347). Payoffs are not discounted."""

    gamma: ClassVar[float] = 1.0
    bootstrap_truncated: ClassVar[bool] = False  # a limit to computing is a part of the problem

    # What one more computation brings is small against what chance brings: it takes many.
    num_lanes: int = 512
    learning_rate: float = 2e-3
    entropy_weight: float = 0.005
    value_chunks: int = 4
    steps_per_chunk: int = 16
