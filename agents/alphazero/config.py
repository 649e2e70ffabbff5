"""Settings of the base planner's training, checked as they are made."""

from dataclasses import dataclass

from agents.training.descent import DescentConfig
from agents.training.ranges import check_ranges

_WHOLE = (
    "num_lanes",
    "steps_per_chunk",
    "num_chunks",
    "num_simulations",
    "max_num_considered_actions",
    "replay_size",
    "batch_size",
    "updates_per_chunk",
    "evaluation_episodes",
    "evaluate_every",
    "checkpoint_every",
)
_POSITIVE = ("maxvisit_init", "learning_rate", "max_grad_norm")
_NOT_NEGATIVE = (
    "gumbel_scale",
    "value_scale",
    "weight_decay",
    "value_loss_weight",
    "entropy_weight",
)
_SHARES = ("gamma", "td_lambda", "value_floor", "warmup_share", "final_learning_rate_share")


@dataclass(frozen=True)
class TrainConfig(DescentConfig):
    """How a base planner is trained: self-play by Gumbel MuZero with the true model."""

    num_lanes: int = 128
    """Environments that play side by side."""
    steps_per_chunk: int = 16
    """Environment steps of each lane between two rounds of learning."""
    num_chunks: int = 100
    """Rounds of self-play and learning; the whole training."""
    num_simulations: int = 32
    """Simulations for each decision of self-play."""
    max_num_considered_actions: int = 16
    """Actions that Gumbel's sequential halving starts from."""
    gumbel_scale: float = 1.0
    """Exploration: 1 samples root actions from the policy, 0 takes the best."""
    value_scale: float = 0.1
    """How much Q counts against the prior in improved policies (mctx's value_scale)."""
    maxvisit_init: float = 50.0
    """Visits added to the weight of Q in improved policies (mctx's maxvisit_init)."""
    rescale_values: bool = True
    """Stretch the Q-values of each node to [0, 1] first, as mctx does."""
    value_floor: float = 0.0
    """Q-values of a node that lie closer together than this share of the network's return_scale
    are not stretched to [0, 1] but in proportion, so that noise is not taken for a difference."""
    replay_size: int = 32768
    """Positions kept to learn from, rounded up to whole chunks."""
    batch_size: int = 256
    """Positions in one gradient step."""
    updates_per_chunk: int = 32
    """Gradient steps after each round of self-play."""
    value_loss_weight: float = 1.0
    """Weight of the squared value error against the policy's cross-entropy."""
    entropy_weight: float = 0.0
    """Weight of the policy's entropy. An improved policy starts from the policy before it: where
    no reward has been found, errors of Q add up from one to the next. This holds them back."""
    gamma: float = 1.0
    """Discount of a real step, in learning and in the search of self-play."""
    td_lambda: float = 1.0
    """Value targets: 1 is the return to go, smaller mixes in later search values."""
    bootstrap_truncated: bool = False
    """Where a time limit alone ends an episode, count what the network expects to come after it.
    For environments whose observation does not tell the time."""
    evaluation_episodes: int = 512
    """Held-out episodes played without search at each evaluation."""
    evaluate_every: int = 20
    """Chunks between evaluations; the last chunk is always evaluated."""
    checkpoint_every: int = 20
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
    def total_steps(self) -> int:
        """Environment steps of the whole training, over all lanes."""
        return self.num_chunks * self.rows_per_chunk
