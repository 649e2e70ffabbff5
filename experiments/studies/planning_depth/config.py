"""What a study is: nested frozen dataclasses, checked as they are built."""

import dataclasses
import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import tyro

from agents.alphazero.config import TrainConfig
from agents.declarations import Agent, Learned, PlannerAlone, Rule, Yoked
from agents.metapolicies.learned.config import (
    GROUPS,
    KNOWN_GROUPS,
    MetaConfig,
    PPOConfig,
    sorted_depths,
)
from agents.metapolicies.learners.config import LearnerConfig
from agents.metapolicies.selfaware.config import GainsConfig
from agents.model_learning.config import ModelConfig
from agents.networks import NetworkConfig
from agents.thinker.config import ThinkerConfig
from agents.training.ranges import one_digit
from experiments import roster
from experiments.checking import check_types, require
from experiments.sweep import SweepConfig
from rrplan.errors import InputError
from rrplan.planner import Search


@dataclasses.dataclass(frozen=True)
class ControlConfig:
    """Which agents decide how long to think beside the fixed budgets, and how they come to it."""

    agents: tuple[str, ...] = ()
    """Of entropy, vet, margin, schedule and fixed-depth (tuned for each price on validation
    episodes); gate, stopper, gate-aware, gate-depth and stopper-depth (learned for one price), and
    the controls sampled, yoked, direct, ranks, gate-blind, stopper-blind and stopper-deaf; longer,
    longer-ops, larger and larger-ops (other planners, without a meta-policy), each also as NAME-k0;
    gate-priced, stopper-priced and self-aware (learned for all); thinker, dynamic-thinker and
    dynamic-thinker-priced (learned, with a search of their own); oracle (the exact ceiling, where
    the environment's states can be enumerated); and agents of your own, each as
    package.module:NAME."""
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
    """What the learned ones see: prior, search, values, progress, price, features, observation; and
    gains, which are predicted by a head of the planner that is trained beforehand."""
    width: int = 16
    """Units of their hidden layers."""
    ppo: PPOConfig = dataclasses.field(default_factory=PPOConfig)
    gains: GainsConfig = dataclasses.field(default_factory=GainsConfig)
    thinker: ThinkerConfig = dataclasses.field(default_factory=ThinkerConfig)
    learner: LearnerConfig = dataclasses.field(default_factory=LearnerConfig)

    def __post_init__(self):
        check_types(self, "control")
        object.__setattr__(self, "agents", roster.in_order(self.agents))
        for name, least in (("num_prices", 1), ("oracle_episodes", 2)):
            value = getattr(self, name)
            require(f"control.{name}", value, value >= least, f"at least {least}")
        object.__setattr__(self, "depths", sorted_depths("control.depths", self.depths))
        for agent in self.declared(own=False):
            if isinstance(agent, Yoked | PlannerAlone) and agent.to not in self.agents:
                taken = "amounts" if isinstance(agent, Yoked) else "training"
                raise InputError(
                    f"control.agents has {agent.name} without {agent.to}, whose {taken} it takes: "
                    f"add {agent.to}"
                )
        for agent in self.learned(own=False):
            self.meta(agent)  # checks menu, inputs and width
            if agent.chooses_depth:
                require("control.depths", (), self.depths, f"some limits for {agent.name}")

    def declared(self, *, own: bool = True) -> list[Agent]:
        """Return the agents as they are declared; a user's own are imported, or left out."""
        return roster.find_all([name for name in self.agents if own or ":" not in name])

    def learned(self, *, own: bool = True) -> list[Learned]:
        """Return those of them that are trained."""
        return [agent for agent in self.declared(own=own) if isinstance(agent, Learned)]

    def meta(self, agent: Learned, *, price_varies: bool = False) -> MetaConfig:
        """Return what a learned agent may answer and sees.

        One for one price need not see it, unless that price varies from state to state.
        """
        hidden = set() if agent.priced or price_varies else {"price"}
        if agent.inputs is not None:
            hidden |= set(KNOWN_GROUPS) - set(agent.inputs)
        inputs = tuple(group for group in self.inputs if group not in hidden)
        if agent.inputs is not None:
            expected = f"some of what {agent.name} may see, {agent.inputs}"
            require("control.inputs", self.inputs, inputs, expected)
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
    model: Literal["true", "learned"] = "true"
    """What planners search in: the environment itself, or a model that is learned from their play.
    Agents that need the true model are then left out."""
    learned: ModelConfig = dataclasses.field(default_factory=ModelConfig)
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
        check_types(self)
        require("seeds", self.seeds, self.seeds >= 1, "at least 1")
        require("seed", self.seed, 0 <= self.seed < 2**32, "between 0 and 2**32 - 1")
        level = 0 <= self.price_level < math.inf
        require("price_level", self.price_level, level, "a finite number, at least 0")
        others = {"operations": ("flop",), "seconds": ("second",)}.get(self.bill, ())
        allowed, per = ("simulation", *others), self.price_per
        expected = f"{' or '.join(allowed)}, as bill is {self.bill}"
        require("price_per", per, per in allowed, expected)
        steps, learns = self.control.thinker.model_steps, self.model == "learned"
        expected = "0, as there is no learned model (--model learned)"
        require("control.thinker.model_steps", steps, learns or not steps, expected)
        for agent in self.control.declared(own=False):
            if isinstance(agent, Rule) and agent.chooses_depth:
                expected = f"some limits, as {agent.name} is tuned over them"
                require("sweep.depths", (), self.sweep.depths, expected)
            if isinstance(agent, PlannerAlone) and agent.larger:
                kind = self.network.kind
                expected = f"one of the suite's, as {agent.name} is a wider one"
                require("network.kind", kind, ":" not in kind, expected)
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
                require("sweep.prices", price, lowest <= price <= highest, expected)

    def without_agents(self) -> "StudyConfig":
        """Return the study of the fixed budgets alone."""
        return dataclasses.replace(self, control=dataclasses.replace(self.control, agents=()))

    def with_prices(self, prices: tuple[float, ...]) -> "StudyConfig":
        """Return the study at prices that were worked out for it.

        Agents for all prices are then trained from a third of the least to five times the largest.
        A range that was given is only made as wide as they need.
        """
        ppo, least, largest = self.control.ppo, min(prices), max(prices)
        low, high = ppo.lowest_price, ppo.highest_price
        if (low, high) == (PPOConfig.lowest_price, PPOConfig.highest_price):
            low, high = one_digit(least / 3), one_digit(5 * largest)
        low, high = min(low, least), max(high, largest)
        ranged = dataclasses.replace(ppo, lowest_price=low, highest_price=high)
        return dataclasses.replace(
            self,
            sweep=dataclasses.replace(self.sweep, prices=prices),
            control=dataclasses.replace(self.control, ppo=ranged),
        )

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the chosen agents that need the true model, where planners have a learned one.

        A user's own are not among them.
        """
        if self.model == "true":
            return ()
        return tuple(
            agent.name
            for agent in self.control.declared(own=False)
            if isinstance(agent, PlannerAlone) or getattr(agent, "needs_true_model", False)
        )

    def without_left_out(self) -> "StudyConfig":
        """Return the study without :attr:`left_out`."""
        names = tuple(name for name in self.control.agents if name not in self.left_out)
        return dataclasses.replace(self, control=dataclasses.replace(self.control, agents=names))

    @property
    def trained_prices(self) -> tuple[float, ...]:
        """Prices that gate and stopper are trained for."""
        return self.sweep.prices[: self.control.num_prices]

    @property
    def oracle_episodes(self) -> int:
        """Held-out episodes that the oracle is worked out for."""
        return min(self.control.oracle_episodes, self.sweep.episodes)
