"""Which budgets a study runs, what they are charged, and on how many episodes."""

import dataclasses
import math
from typing import Annotated

import tyro

from agents.metapolicies.learned.config import LARGEST_K, sorted_depths
from agents.training.ranges import halved
from experiments.checking import check_types, require
from rrplan.errors import InputError

MOST_EPISODES = 100_000_000
"""Beyond this a number is taken for a slip; counts must fit into an int32."""


@dataclasses.dataclass(frozen=True)
class SweepConfig:
    """Which budgets are run, what they are charged, and on how many episodes."""

    budgets: Annotated[tuple[int, ...], tyro.conf.arg(aliases=("--k",))] = (
        *(0, 1, 2, 3, 4, 6, 8),
        *(12, 16, 24, 32),
    )
    """Simulations a decision, k, of each fixed agent."""
    prices: Annotated[tuple[float, ...], tyro.conf.arg(aliases=("--prices",))] = ()
    """Prices of one simulation, in units of return. If none are given, the run works out three from
    what search gains, before anything is tuned."""
    episodes: int = 1024
    """Held-out episodes, the same for every agent."""
    validation_episodes: int = 1024
    """Other episodes, on which the rule of acting, the best fixed k and rules are chosen."""
    num_lanes: int = 256
    """Episodes that run side by side."""
    depths: tuple[int, ...] = ()
    """Limits of depth that fixed agents are run with as well; none if empty."""
    depth_budgets: tuple[int, ...] = ()
    """The k's of those agents; if empty the largest, the next that is at most half of it, and the
    next of that."""

    def __post_init__(self):
        check_types(self, "sweep")
        if not self.budgets:
            raise InputError("sweep.budgets must hold at least one number, got ()")
        for name in ("budgets", "prices"):
            # Sorted, so that the order on a command line makes no other run.
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))
        for k in self.budgets:
            require("sweep.budgets", k, k >= 0, "at least 0 simulations")
            require("sweep.budgets", k, k <= LARGEST_K, f"at most {LARGEST_K:,} simulations")
        object.__setattr__(self, "depths", sorted_depths("sweep.depths", self.depths))
        object.__setattr__(self, "depth_budgets", tuple(sorted(set(self.depth_budgets))))
        for k in self.depth_budgets:
            among = f"above 0 and among sweep.budgets = {self.budgets}"
            require("sweep.depth_budgets", k, k > 0 and k in self.budgets, among)
        for price in self.prices:
            require("sweep.prices", price, 0 <= price < math.inf, "at least 0")
        for name in ("episodes", "validation_episodes"):
            value = getattr(self, name)
            require(f"sweep.{name}", value, value >= 2, "at least 2 (an interval needs two)")
            most = f"at most {MOST_EPISODES:,}"
            require(f"sweep.{name}", value, value <= MOST_EPISODES, most)
        require("sweep.num_lanes", self.num_lanes, self.num_lanes >= 1, "at least 1")

    @property
    def max_budget(self) -> int:
        """The largest budget, and at least 1: what a search's storage is sized for."""
        return max(1, *self.budgets)

    @property
    def limited(self) -> tuple[tuple[int, int], ...]:
        """Every k that depths are swept at, with every limit."""
        ks = self.depth_budgets or halved(self.budgets)[-3:]
        return tuple((k, depth) for k in ks for depth in self.depths if depth)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """All of the sweep: every k without a limit, which is 0, and those with one."""
        return (*((k, 0) for k in self.budgets), *self.limited)
