"""What a study is: nested frozen dataclasses, checked as they are built, and presets."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import tyro

from agents.alphazero.config import TrainConfig
from agents.declarations import Agent, Learned, Rule
from agents.metapolicies.learned.config import GROUPS, MetaConfig, PPOConfig, sorted_depths
from agents.metapolicies.selfaware.config import GainsConfig
from agents.networks import NetworkConfig
from agents.presets import train_preset
from experiments import roster
from rrplan.errors import InputError, unknown
from rrplan.planner import Search

PRESETS = ("quick", "full")
LARGEST_K, MOST_EPISODES = 1_000_000, 100_000_000
"""Beyond these a number is taken for a slip; counts must fit into an int32."""
_RETURN_LABELS: Mapping[str, str] = {
    "knapsack": "return (share of the optimum)",
    "tardiness": "return (minus the total tardiness, scaled)",
    "sliding_tiles": "return (minus the share of moves used)",
    "traps": "return (random play 0, the optimum 1)",
}


@dataclasses.dataclass(frozen=True)
class SweepConfig:
    """Which budgets are run, what they are charged, and on how many episodes."""

    budgets: Annotated[tuple[int, ...], tyro.conf.arg(aliases=("--k",))] = (
        *(0, 1, 2, 3, 4, 6, 8),
        *(12, 16, 24, 32),
    )
    """Simulations a decision, k, of each fixed agent."""
    prices: Annotated[tuple[float, ...], tyro.conf.arg(aliases=("--prices",))] = (3e-4, 1e-3, 2e-3)
    """Prices of one simulation, in units of return."""
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
        for name in ("budgets", "prices"):
            values = getattr(self, name)
            if not values:
                raise InputError(f"sweep.{name} must hold at least one number, got ()")
            # Sorted, so that the order on a command line makes no other run.
            object.__setattr__(self, name, tuple(sorted(set(values))))
        for k in self.budgets:
            _require("sweep.budgets", k, k >= 0, "at least 0 simulations")
            _require("sweep.budgets", k, k <= LARGEST_K, f"at most {LARGEST_K:,} simulations")
        object.__setattr__(self, "depths", sorted_depths("sweep.depths", self.depths))
        object.__setattr__(self, "depth_budgets", tuple(sorted(set(self.depth_budgets))))
        for k in self.depth_budgets:
            among = f"above 0 and among sweep.budgets = {self.budgets}"
            _require("sweep.depth_budgets", k, k > 0 and k in self.budgets, among)
        for price in self.prices:
            _require("sweep.prices", price, 0 <= price < math.inf, "at least 0")
        for name in ("episodes", "validation_episodes"):
            value = getattr(self, name)
            _require(f"sweep.{name}", value, value >= 2, "at least 2 (an interval needs two)")
            most = f"at most {MOST_EPISODES:,}"
            _require(f"sweep.{name}", value, value <= MOST_EPISODES, most)
        _require("sweep.num_lanes", self.num_lanes, self.num_lanes >= 1, "at least 1")

    @property
    def max_budget(self) -> int:
        """The largest budget, and at least 1: what a search's storage is sized for."""
        return max(1, *self.budgets)

    @property
    def limited(self) -> tuple[tuple[int, int], ...]:
        """Every k that depths are swept at, with every limit."""
        ks = self.depth_budgets or _spaced(self.budgets)
        return tuple((k, depth) for k in ks for depth in self.depths if depth)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """All of the sweep: every k without a limit, which is 0, and those with one."""
        return (*((k, 0) for k in self.budgets), *self.limited)


@dataclasses.dataclass(frozen=True)
class ControlConfig:
    """Which agents decide how long to think beside the fixed budgets, and how they come to it."""

    agents: tuple[str, ...] = ()
    """Of entropy, vet, margin and schedule (tuned for each price on validation episodes); gate and
    stopper (learned for one price); gate-priced, stopper-priced and self-aware (learned for all);
    oracle (the exact ceiling, where the environment's states can be enumerated); and agents of
    your own, each as package.module:NAME."""
    num_prices: int = 1
    """How many of the sweep's prices, the least first, gate and stopper are trained for, one agent
    each."""
    oracle_episodes: int = 128
    """Held-out episodes, the first ones, that the oracle is worked out for; at most all."""
    gate_menu: tuple[int, ...] = (0, 1, 2, 4, 8, 16, 32)
    """Simulations that a gate may order for a decision."""
    stopper_menu: tuple[int, ...] = (0, 1, 2, 4, 8, 16)
    """Simulations that a stopper may order before it looks again; 0 is to act."""
    depths: tuple[int, ...] = (1, 2, 4, 8, 0)
    """Limits of depth that gate-depth and stopper-depth may choose; 0 is no limit."""
    inputs: tuple[str, ...] = GROUPS
    """What the learned ones see: prior, search, values, progress, price, features, observation."""
    width: int = 16
    """Units of their hidden layers."""
    ppo: PPOConfig = dataclasses.field(default_factory=PPOConfig)
    gains: GainsConfig = dataclasses.field(default_factory=GainsConfig)

    def __post_init__(self):
        object.__setattr__(self, "agents", roster.in_order(self.agents))
        for name, least in (("num_prices", 1), ("oracle_episodes", 2)):
            value = getattr(self, name)
            _require(f"control.{name}", value, value >= least, f"at least {least}")
        object.__setattr__(self, "depths", sorted_depths("control.depths", self.depths))
        for agent in self.learned(own=False):
            self.meta(agent)  # checks menu, inputs and width
            if agent.chooses_depth:
                _require("control.depths", (), self.depths, f"some limits for {agent.name}")

    def declared(self, *, own: bool = True) -> list[Agent]:
        """Return the agents as they are declared; a user's own are imported, or left out."""
        return roster.find_all([name for name in self.agents if own or ":" not in name])

    def learned(self, *, own: bool = True) -> list[Learned]:
        """Return those of them that are trained."""
        return [agent for agent in self.declared(own=own) if isinstance(agent, Learned)]

    def meta(self, agent: Learned) -> MetaConfig:
        """Return what a learned agent may answer and sees; one for one price need not see it."""
        inputs = tuple(g for g in self.inputs if g != "price" or agent.priced)
        menus = {"gate": self.gate_menu, "stopper": self.stopper_menu}
        depths = self.depths if agent.chooses_depth else ()
        return MetaConfig(agent.kind, menus[agent.kind], inputs, self.width, depths)


@dataclasses.dataclass(frozen=True)
class StudyConfig:
    """A whole study: together with the versions in ``config.json``, all that repeats it."""

    env: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENV")]
    """Environment: any name that `rrplan envs` lists, or package.module:Class. Its own options
    are --env.KEY VALUE."""
    env_kwargs: tyro.conf.Suppress[dict[str, Any]] = dataclasses.field(default_factory=dict)
    network: NetworkConfig = dataclasses.field(default_factory=NetworkConfig)
    train: TrainConfig = dataclasses.field(default_factory=TrainConfig)
    search: Search = dataclasses.field(default_factory=lambda: Search(acting="validate"))
    sweep: SweepConfig = dataclasses.field(default_factory=SweepConfig)
    control: ControlConfig = dataclasses.field(default_factory=ControlConfig)
    bill: Literal["operations", "simulations", "seconds"] = "operations"
    """What is charged, in training and tuning too: the operations of simulations, looks and
    evaluations; simulations alone; or the seconds that all of it takes by the clock."""
    calibrate: tyro.conf.FlagCreatePairsOff[bool] = False
    """Measure what thinking takes by the clock, and tell results in seconds too."""
    price_per: Literal["simulation", "flop", "second"] = "simulation"
    """What a price is stated for: a simulation of the reference planner, or a unit of the bill."""
    price_level: float = 0.0
    """Price of one level of a simulation's descent, in multiples of the price of a simulation."""
    reference: NetworkConfig = dataclasses.field(default_factory=NetworkConfig)
    """Network of the reference planner, whose simulation prices are stated for."""
    seeds: int = 1
    """Training seeds; each trains a base planner of its own."""
    seed: int = 0
    """Seed of everything: training, validation and held-out episodes."""
    return_label: str = "return"
    """What figures call the return, with its unit."""

    def __post_init__(self):
        _require("seeds", self.seeds, self.seeds >= 1, "at least 1")
        _require("seed", self.seed, 0 <= self.seed < 2**32, "between 0 and 2**32 - 1")
        level = 0 <= self.price_level < math.inf
        _require("price_level", self.price_level, level, "a finite number, at least 0")
        others = {"operations": ("flop",), "seconds": ("second",)}.get(self.bill, ())
        allowed, per = ("simulation", *others), self.price_per
        _require(
            "price_per", per, per in allowed, f"{' or '.join(allowed)}, as bill is {self.bill}"
        )
        for agent in self.control.declared(own=False):
            if isinstance(agent, Rule) and agent.chooses_depth:
                expected = f"some limits, as {agent.name} is tuned over them"
                _require("sweep.depths", (), self.sweep.depths, expected)
        self.check_prices(self.control.learned(own=False))

    def check_prices(self, agents: Iterable[Learned]) -> None:
        """Refuse prices outside the range that agents for all prices are trained on.

        Raises:
            InputError: the first of them.
        """
        lowest, highest = self.control.ppo.lowest_price, self.control.ppo.highest_price
        for agent in agents:
            expected = f"from {lowest:g} to {highest:g}, the range that {agent.name} is trained on"
            expected += " (control.ppo.lowest-price and -highest-price)"
            for price in self.sweep.prices if agent.priced else ():
                _require("sweep.prices", price, lowest <= price <= highest, expected)

    @property
    def trained_prices(self) -> tuple[float, ...]:
        """Prices that gate and stopper are trained for."""
        return self.sweep.prices[: self.control.num_prices]

    @property
    def oracle_episodes(self) -> int:
        """Held-out episodes that the oracle is worked out for."""
        return min(self.control.oracle_episodes, self.sweep.episodes)


def preset(env: str, name: str) -> StudyConfig:
    """Return the study of an environment as a preset has it.

    ``quick`` is for two CPU cores and minutes; ``full`` for figures of a paper.

    Raises:
        InputError: no such preset. (Whether there is such an environment is ``envs.make``'s
            to say.)
    """
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    network, train = train_preset(env, name)
    quick = SweepConfig()
    full = dataclasses.replace(quick, budgets=(*quick.budgets, 64), episodes=8192)
    # Values are timed with the discount of the planner's training.
    ppo = PPOConfig(gamma=train.gamma)
    control = ControlConfig(
        agents=("entropy", "vet", "schedule", "gate", "stopper", "self-aware", "oracle"),
        ppo=dataclasses.replace(ppo, num_chunks=100),
    )
    if name == "full":
        control = ControlConfig(
            agents=roster.choosable(depth=False),
            num_prices=2,
            oracle_episodes=1024,
            ppo=dataclasses.replace(ppo, num_chunks=400),
        )
    return StudyConfig(
        env=env,
        network=network,
        train=train,
        # Values were learned under this discount, so the search must use it too.
        search=Search(acting="validate", discount=train.gamma),
        sweep=quick if name == "quick" else full,
        control=control,
        reference=train_preset(env, "quick").network,
        seeds=1 if name == "quick" else 5,
        return_label=_RETURN_LABELS.get(env, "return"),
    )


def _spaced(budgets: Iterable[int]) -> tuple[int, ...]:
    """Return three budgets above 0, each at most half of the next: the largest there are."""
    chosen: list[int] = []
    for k in sorted((k for k in budgets if k > 0), reverse=True):
        if not chosen or 2 * k <= chosen[0]:
            chosen.insert(0, k)
    return tuple(chosen[-3:])


def _require(option: str, value: object, holds: object, expected: str) -> None:
    if not holds:
        raise InputError(f"{option} must be {expected}, got {value}")
