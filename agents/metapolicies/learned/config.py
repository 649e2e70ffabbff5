"""Settings of learned meta-policies and of their training, checked as they are made."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from agents.ppo.config import LearningConfig
from agents.training.ranges import check_ranges, require
from rrplan.errors import InputError, is_whole, unknown

KINDS = ("gate", "stopper")
GROUPS = ("prior", "search", "values", "progress", "price", "features", "observation")
KNOWN_GROUPS = (*GROUPS, "gains")
"""All that may be asked for. Predicted gains are seen only where they are: they take a training of
their own."""
SEARCHED = ("search", "values")
"""Groups that tell what a search has found."""
LARGEST_K = 1_000_000
"""Simulations and levels beyond which a number is taken for a mistake."""


@dataclass(frozen=True)
class MetaConfig:
    """A learned meta-policy: what it may answer, and what it sees."""

    kind: Literal["gate", "stopper"] = "stopper"
    """`gate` answers once a decision; `stopper` is asked again whenever what it ordered is done."""
    menu: tuple[int, ...] = (0, 1, 2, 4, 8)
    """Answers it may give, in simulations; 0 is to act."""
    inputs: tuple[str, ...] = GROUPS
    """Groups of inputs that it sees: prior, search, values, progress, price, features and
    observation; and gains, which a head of the planner predicts. Without search and values it is
    deaf: nothing that it computes depends on what the search has found."""
    width: int = 16
    """Units of its hidden layers."""
    depths: tuple[int, ...] = ()
    """Limits of depth that it may order simulations with; 0 is no limit. It chooses none if empty.
    A stopper chooses at its first look of a decision, and keeps to that."""

    def __post_init__(self):
        if self.kind not in KINDS:
            raise unknown("meta-policy kind", self.kind, KINDS)
        menu = tuple(sorted(set(self.menu)))
        if not menu or menu[0] != 0 or len(menu) < 2:
            raise InputError(f"menu is {self.menu}: expected 0 and at least one larger number")
        if menu[-1] > LARGEST_K:
            raise InputError(f"menu is {self.menu}: expected at most {LARGEST_K:,} simulations")
        object.__setattr__(self, "menu", menu)
        if not self.inputs:
            raise InputError(f"inputs is (): expected some of {', '.join(KNOWN_GROUPS)}")
        for group in self.inputs:
            if group not in KNOWN_GROUPS:
                raise unknown("input group", group, KNOWN_GROUPS)
        # In the order of the groups, so that the order on a command line makes no other network.
        object.__setattr__(self, "inputs", tuple(g for g in KNOWN_GROUPS if g in self.inputs))
        if self.width < 1:
            raise InputError(f"width is {self.width}: expected 1 or more")
        object.__setattr__(self, "depths", sorted_depths("depths", self.depths))

    @property
    def looks(self) -> Literal["once", "every"]:
        """Whether it is asked once a decision, or whenever what it ordered is done."""
        return "once" if self.kind == "gate" else "every"

    @property
    def deaf(self) -> bool:
        """Whether nothing of what the search has found reaches it."""
        return is_deaf(self.inputs)

    @property
    def answers(self) -> tuple[tuple[int, int], ...]:
        """All that it may answer: simulations, and the limit of depth with them; 0 is no limit.

        To act comes first; then the menu, entry by entry, each with every depth.
        """
        return ((0, 0), *((k, depth) for k in self.menu[1:] for depth in self.depths or (0,)))

    @property
    def holds_depth(self) -> bool:
        """Whether it is asked again after it has chosen a depth, which it must keep to."""
        return bool(self.depths) and self.looks == "every"


def is_deaf(groups: Sequence[str]) -> bool:
    """Return whether none of the groups of inputs tells what a search has found."""
    return not set(groups) & set(SEARCHED)


def sorted_depths(name: str, depths: tuple[int, ...]) -> tuple[int, ...]:
    """Return limits of depth, each once, the shallowest first; 0, no limit, comes last.

    Raises:
        InputError: one of them is negative, too large, or no whole number.
    """
    for depth in depths:
        if not is_whole(depth):
            raise InputError(f"{name} must be whole numbers, got {depth!r}")
        if depth < 0:
            raise InputError(f"{name} must be at least 1, or 0 for no limit, got {depth}")
        if depth > LARGEST_K:
            raise InputError(
                f"{name} must be at most {LARGEST_K:,}, or 0 for no limit, got {depth}"
            )
    return tuple(sorted(set(depths), key=lambda depth: depth or math.inf))


@dataclass(frozen=True)
class PPOConfig(LearningConfig):
    """How a meta-policy is trained: PPO (arXiv 1707.06347) over semi-Markov meta-steps."""

    # The network cannot read its inputs yet: the first chunk is there to measure them.
    idle_chunks: ClassVar[int] = 1

    learning_rate: float = 1e-2
    """Adam's, at first; it falls to zero along a cosine."""
    looks_per_chunk: int = 8192
    """Meta-steps at least, over all lanes, between two rounds of learning."""
    lowest_price: float = 1e-4
    """Prices of one simulation are drawn log-uniformly for each episode, from here on ..."""
    highest_price: float = 1e-2
    """... to here; where both are equal, that is the price of all."""
    # Settings here, where other trainings have constants of their class.
    gamma: float = 1.0  # pyright: ignore[reportIncompatibleVariableOverride]
    """Discount of a real step. Thinking is never discounted."""
    lambda_per: Literal["look", "act"] = "look"  # pyright: ignore[reportIncompatibleVariableOverride]
    """Whether the factor of advantages counts once a look, or once a real step."""
    initial_strength: float = 2.0
    """Logits by which an untrained policy prefers to run the fixed k it starts from; 0: none."""

    def __post_init__(self):
        super().__post_init__()
        check_ranges(
            self,
            whole=("looks_per_chunk",),
            positive=(),
            not_negative=("initial_strength",),
            shares=("gamma",),
        )
        in_order = 0 <= self.lowest_price <= self.highest_price
        require(self, "lowest_price", in_order, f"from 0 to highest_price = {self.highest_price}")
        above = self.lowest_price > 0 or self.highest_price == 0
        require(self, "lowest_price", above, "above 0 where prices are drawn from a range")
        if self.lambda_per not in ("look", "act"):
            raise unknown("lambda_per", self.lambda_per, ("look", "act"))

    @property
    def batch_rows(self) -> int:
        """Room for all meta-steps that a round may yield: whole minibatches."""
        return self.whole_minibatches(self.looks_per_chunk + self.num_lanes)

    @property
    def rows_per_lane(self) -> int:
        """Room for the looks of one lane in a chunk: four times its even share."""
        return 4 * -(-self.looks_per_chunk // self.num_lanes) + 2

    @property
    def supply(self) -> int:
        """New episodes at hand in a chunk; a chunk ends early where they do not suffice."""
        return 2 * self.num_lanes + self.looks_per_chunk // 2
