"""Settings of a model and of its training, checked as they are made."""

from dataclasses import dataclass

from agents.alphazero.config import TrainConfig
from agents.training.descent import DescentConfig
from agents.training.ranges import check_ranges

_WHOLE = (
    "width",
    "layers",
    "unroll_steps",
    "return_steps",
    "num_lanes",
    "steps_per_chunk",
    "num_chunks",
    "num_simulations",
    "replay_size",
    "batch_size",
    "updates_per_chunk",
    "evaluation_episodes",
    "evaluation_simulations",
    "evaluate_every",
    "checkpoint_every",
)
_POSITIVE = ("learning_rate", "max_grad_norm")
_NOT_NEGATIVE = (
    "reward_weight",
    "ended_weight",
    "features_weight",
    "value_weight",
    "policy_weight",
    "legal_weight",
    "priority_exponent",
    "importance_exponent",
    "weight_decay",
)
_SHARES = ("random_share", "warmup_share", "final_learning_rate_share")


@dataclass(frozen=True)
class ModelConfig(DescentConfig):
    """A model that is learned from a finished planner's play, and how (Thinker's losses)."""

    width: int = 32
    """Units of a hidden layer; of each item, where rows of the observation are items."""
    layers: int = 1
    """Hidden layers after the first, of what embeds observations and of what imagines a step."""
    unroll_steps: int = 5
    """Imagined steps in a row that the model learns from."""
    return_steps: int = 5
    """Rewards in a value target, before the value of the planner's search stands for the rest."""
    reward_weight: float = 1.0
    """Weight of the squared error of rewards, in units of the return's scale."""
    ended_weight: float = 1.0
    """Weight of the logistic loss of whether the episode is over."""
    features_weight: float = 10.0
    """Weight of the squared error of the next features."""
    value_weight: float = 0.25
    """Weight of the squared error of values, in units of the return's scale."""
    policy_weight: float = 0.5
    """Weight of the prior's cross-entropy against the planner's search."""
    legal_weight: float = 1.0
    """Weight of the logistic loss of which actions are legal."""
    num_lanes: int = 256
    """Environments that play side by side."""
    steps_per_chunk: int = 8
    """Environment steps of each lane between two rounds of learning."""
    num_chunks: int = 100
    """Rounds of play and learning; the whole training."""
    num_simulations: int = 16
    """Simulations of the planner for each decision that it plays, in the true model."""
    random_share: float = 0.25
    """Share of steps that are drawn at random among the legal ones."""
    replay_size: int = 32768
    """Steps kept to learn from, rounded up to whole chunks."""
    priority_exponent: float = 0.6
    """How much a large error of the value makes a step likelier to be learned from; 0 is not."""
    importance_exponent: float = 0.4
    """How much of that is undone by smaller weights; 1 is all of it."""
    batch_size: int = 256
    """Unrolls in one gradient step."""
    updates_per_chunk: int = 32
    """Gradient steps after each round of play."""
    evaluation_episodes: int = 256
    """Held-out episodes played by search in the model at each evaluation."""
    evaluation_simulations: int = 8
    """Simulations of each decision there."""
    evaluate_every: int = 25
    """Chunks between evaluations; the last chunk is always evaluated."""
    checkpoint_every: int = 25
    """Chunks between checkpoints; the last chunk is always saved."""

    def __post_init__(self):
        check_ranges(
            self,
            whole=_WHOLE,
            positive=_POSITIVE,
            not_negative=_NOT_NEGATIVE,
            shares=_SHARES,
        )

    @property
    def window(self) -> int:
        """Steps in a row that an unroll learns from."""
        return self.unroll_steps + self.return_steps + 1

    @property
    def play(self) -> TrainConfig:
        """How the planner searches while it plays."""
        return TrainConfig(num_simulations=self.num_simulations)
