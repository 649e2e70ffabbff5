"""Settings that every training by PPO has, checked as they are made."""

from dataclasses import dataclass
from typing import ClassVar

from agents.training.ranges import check_ranges, require, round_up

_WHOLE = (
    *("num_lanes", "num_chunks", "epochs", "minibatches"),
    *("evaluation_episodes", "evaluate_every", "checkpoint_every"),
)
_POSITIVE = ("learning_rate", "max_grad_norm", "clip")
_NOT_NEGATIVE = ("entropy_weight", "value_weight", "value_chunks")
_SHARES = ("gae_lambda",)


@dataclass(frozen=True)
class LearningConfig:
    """What every training by PPO (arXiv 1707.06347) has, of whatever decides when to stop.

    Each kind of training says in ``batch_rows`` how many meta-steps a round yields, and in
    ``gamma`` and ``lambda_per`` how they are discounted.
    """

    gamma: ClassVar[float]
    lambda_per: ClassVar[str]
    idle_chunks: ClassVar[int] = 0
    """First chunks of which nothing is kept that was learned; they take no gradient steps."""
    centred: ClassVar[bool] = True
    """Whether the mean of a chunk's advantages is taken off before they are scaled. It is not where
    an advantage of 0 is to have no gradient."""

    num_lanes: int = 256
    """Episodes that run side by side."""
    num_chunks: int = 150
    """Rounds of playing and learning; the whole training."""
    epochs: int = 3
    """Times that each round's meta-steps are gone through."""
    minibatches: int = 8
    """Gradient steps in each epoch."""
    learning_rate: float = 1e-3
    """Adam's, at first; it falls to zero along a cosine."""
    clip: float = 0.2
    """How far the probability ratio may move in one round before its gradient is cut."""
    gae_lambda: float = 0.95
    """Trade between the bias and the variance of advantages (arXiv 1506.02438)."""
    entropy_weight: float = 0.01
    """Weight of the policy's entropy at first; it falls to zero in a line."""
    value_weight: float = 0.5
    """Weight of the squared error of values."""
    value_chunks: int = 8
    """First chunks in which only values are learned: until they are, advantages mislead."""
    max_grad_norm: float = 0.5
    """Gradients are clipped to this global norm."""
    evaluation_episodes: int = 512
    """Other episodes, run with the likeliest answers at each evaluation."""
    evaluate_every: int = 25
    """Chunks between evaluations; the last chunk is always evaluated."""
    checkpoint_every: int = 25
    """Chunks between checkpoints; the last chunk is always saved."""

    def __post_init__(self):
        check_ranges(
            self, whole=_WHOLE, positive=_POSITIVE, not_negative=_NOT_NEGATIVE, shares=_SHARES
        )
        fewer = self.value_chunks < self.num_chunks
        require(self, "value_chunks", fewer, f"below num_chunks = {self.num_chunks}")

    @property
    def channel_weights(self) -> tuple[tuple[float, float], ...]:
        """What each of several rewards counts, at first and at last; empty where there is one."""
        return ()

    @property
    def batch_rows(self) -> int:
        """Meta-steps that a round learns from, with padding: whole minibatches."""
        raise NotImplementedError

    @property
    def total_updates(self) -> int:
        """Gradient steps of the whole training."""
        return (self.num_chunks - self.idle_chunks) * self.epochs * self.minibatches

    def whole_minibatches(self, rows: int) -> int:
        """Return the least number from ``rows`` on that the minibatches share evenly."""
        return round_up(rows, self.minibatches)
