"""Settings of Thinker and Dynamic Thinker: the augmented problem, the network, the training."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from agents.model_free.config import RolloutConfig
from agents.training.ranges import check_ranges, require
from rrplan.errors import InputError, unknown

NETWORKS = ("auto", "mlp", "items")


@dataclass(frozen=True)
class StageConfig:
    """A stage: the imaginary steps before a real one, and that step. Static."""

    steps: int = 10
    """Steps of a stage, the real one among them, K; where the agent chooses, at most."""
    chosen: bool = False
    """Whether the agent chooses at each step whether to act (Dynamic Thinker)."""
    depth: int = 5
    """Depth at which a walk down the tree must begin again at the root, L."""
    keep_tree: bool = True
    """Whether what was imagined below the action taken is kept."""
    resets: bool = True
    """Whether the agent may choose to begin again at the root."""
    forced_earn: bool = False
    """Whether a step after which the walk must begin again earns a planning reward."""
    charge_revisits: bool = False
    """Whether imaginary steps that call no model are charged as those that do."""
    spread_discount: bool = True
    """Whether the discount of a real step is spread over its stage, its K-th root on each step; it
    is on the real step alone where the agent chooses."""

    def __post_init__(self):
        if self.steps < 1:
            raise InputError(
                f"steps is {self.steps}: expected 1 or more, as the real step is one of them"
            )
        if self.depth < 1:
            raise InputError(f"depth is {self.depth}: expected 1 or more")

    @property
    def most(self) -> int:
        """Imaginary steps of a stage at most: K - 1."""
        return self.steps - 1


@dataclass(frozen=True)
class ThinkerConfig(RolloutConfig):
    """How Thinker and Dynamic Thinker are built and trained: PPO (arXiv 1707.06347)."""

    # Discounts are the channels' own. λ is on real steps, so that it says the same for every K.
    gamma: ClassVar[float] = 1.0
    lambda_per: ClassVar[str] = "act"
    bootstrap_truncated: ClassVar[bool] = False
    # The network cannot read its inputs yet: the first chunk is there to measure them.
    idle_chunks: ClassVar[int] = 1

    learning_rate: float = 3e-3
    """Adam's, at first; it falls to zero along a cosine."""
    steps: int = 10
    """Steps of a stage of Thinker, the real one among them, K."""
    k_max: int = 15
    """Imaginary steps of a stage of Dynamic Thinker at most."""
    depth: int = 5
    """Depth at which a walk down the tree must begin again at the root, L."""
    keep_tree: bool = True
    """Whether what was imagined below the action taken is kept."""
    resets: bool = True
    """Whether the agent may choose to begin again at the root."""
    forced_earn: bool = False
    """Whether a step after which the walk must begin again earns a planning reward."""
    charge_revisits: bool = False
    """Whether imaginary steps that call no model are charged as those that do."""
    spread_discount: bool = True
    """Whether Thinker's discount of a real step is spread evenly over its stage."""
    network: Literal["auto", "mlp", "items"] = "auto"
    """Architecture: mlp; items, where the rows of an observation are actions; or whichever fits."""
    width: int = 200
    """Units of a hidden layer of an mlp."""
    layers: int = 3
    """Hidden layers of an mlp."""
    items_width: int = 32
    """Units of an item in a network of items."""
    items_layers: int = 2
    """Hidden layers of a network of items."""
    from_prior: bool = True
    """Whether an untrained agent acts and imagines as the planner's prior does; else uniformly."""
    initial_steps: float = 4.0
    """Imaginary steps of a stage that an untrained Dynamic Thinker takes, if no cap ended it."""
    steps_per_chunk: int = 40
    """Steps of each lane, real and imaginary, between two rounds of learning."""
    planning_weight: float = 1.0
    """Weight of planning rewards at first; it falls to zero in a line."""
    imagined_entropy: float = 0.1
    """Weight of the entropy of imaginary actions and of resets, as a share of that of real actions
    and of whether to act."""
    free_share: float = 0.5
    """Share of the training over which the price rises from zero, in a line."""
    model_steps: int = 0
    """Gradient steps of a learned model after each round, on the agent's own real steps; 0 leaves
    it as it is."""
    model_learning_rate: float = 1e-3
    """Peak of AdamW's there; how else the model learns is as in its own training."""

    def __post_init__(self):
        super().__post_init__()
        check_ranges(
            self,
            whole=(*("depth", "k_max", "width", "layers", "items_width", "items_layers"),),
            positive=("initial_steps", "model_learning_rate"),
            not_negative=("planning_weight", "imagined_entropy", "model_steps"),
            shares=("free_share",),
        )
        require(self, "steps", self.steps >= 1, "at least 1, as the real step is one of them")
        if self.network not in NETWORKS:
            raise unknown("network", self.network, NETWORKS)

    def stage(self, *, chosen: bool) -> StageConfig:
        """Return the stages of Thinker, or where the agent chooses those of Dynamic Thinker."""
        return StageConfig(
            steps=self.k_max + 1 if chosen else self.steps,
            chosen=chosen,
            depth=self.depth,
            keep_tree=self.keep_tree,
            resets=self.resets,
            forced_earn=self.forced_earn,
            charge_revisits=self.charge_revisits,
            spread_discount=self.spread_discount,
        )

    @property
    def channel_weights(self) -> tuple[tuple[float, float], ...]:
        """What rewards and planning rewards count in advantages, at first and at last."""
        return ((1.0, 1.0), (self.planning_weight, 0.0))
