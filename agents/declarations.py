"""What declares an agent: its name, what builds it, and how it looks in tables and figures.

The suite's own agents are declared in :mod:`experiments.roster`. A user's own agent is one of
these objects in a module of theirs, given to ``rrplan run`` as ``package.module:NAME``:

* a :class:`Rule` has a grid of candidates, of which the best at each price is chosen on
  validation episodes;
* a :class:`Learned` agent is trained, for one price or for all.

What builds an agent may be a function, or its name ``"package.module:function"``, which is
imported when it is needed: so that tables and figures can be made without JAX.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from rrplan.errors import InputError
from rrplan.imports import import_name

Builder = Callable[..., Any] | str

GREY = "#777777"
_NAME = re.compile(r"[A-Za-z][\w.+-]*")

Probe = Callable[[Any], Mapping[str, Any]]
"""``(params)``: what an agent predicted that thinking gains, and what was found; ``menu [K]``,
``predicted`` and ``found`` ``[N, K]``, ``weight [N]``."""


@runtime_checkable
class Player(Protocol):
    """What plays episodes by itself, without the engine's search; static and hashable.

    It takes the place of a rrplan.MetaPolicy. The oracle does not bound what it earns.
    """

    @property
    def looks(self) -> str:
        """Which answers are computed and charged as looks, as rrplan.MetaPolicy says it."""
        ...

    def evaluate(self, planner: Any, params: Any, **options: Any) -> Any:
        """Return rrplan.Episodes of given episodes; options and errors as of rrplan.evaluate."""
        ...

    def operations_of_look(self, planner: Any, params: Any) -> float:
        """Return the operations of one answer; ``params`` may be shapes."""
        ...


class Trainable(NamedTuple):
    """What :attr:`Learned.make` returns: the training, and how its result acts."""

    training: Any  # as agents.training.fit.fit takes it
    meta_policy: Any  # a rrplan.MetaPolicy or a Player; its parameters are those that were trained
    probe: Probe | None = None  # of an agent that predicts gains, for the figure of reliability


class SearchRequest(NamedTuple):
    """What :attr:`Searched.search` is asked for: parameters for one price."""

    planner: Any
    """A rrplan.Planner; the network's parameters are those of one training seed among several."""
    budgets: tuple[int, ...]  # those of the sweep
    evaluate: Callable[[Any, Any], Any]
    """``(meta_policy, params) -> rrplan.Episodes``: the validation episodes of all training seeds,
    one after the other, with a trace; charged the price as an agent that never looks."""
    start: int  # the fixed k that is best at that price
    report: Callable[[str], None] = lambda note: None  # told from time to time how it goes


class Found(NamedTuple):
    """What :attr:`Searched.search` returns."""

    params: Any  # of the meta-policy: one array
    timed: float  # mean timed return on the validation episodes
    simulations: float  # mean simulations of an episode, on the same


class Request(NamedTuple):
    """What :attr:`Learned.make` is asked for, beside the planner."""

    meta: Any  # agents.metapolicies.learned.config.MetaConfig, as the command line gives it
    ppo: (
        Any  # agents.metapolicies.learned.config.PPOConfig: its price range is the one to train for
    )
    gains: Any  # agents.metapolicies.selfaware.config.GainsConfig
    start: int  # the fixed k that is best at the middle of that range
    rates: Callable[[Any, Any], Any]
    """``(meta_policy, shapes of its parameters) -> rrplan.Rates``: what it is charged."""
    thinker: Any = None  # agents.thinker.config.ThinkerConfig
    learner: Any = None  # agents.metapolicies.learners.config.LearnerConfig; PPO if None
    learned: Any = None  # agents.model_learning.config.ModelConfig: how a model is trained


@dataclass(frozen=True, kw_only=True)
class Agent:
    """What every declaration has.

    Raises:
        InputError: the name cannot be part of a file's name, or a style has no colour.
    """

    name: str
    """Of its own; letters, digits and ``_ . + -``."""
    help: str
    """One sentence that says what it does."""
    label: str = ""
    """What figures call it; the name if empty."""
    style: Mapping[str, Any] = field(default_factory=lambda: {"color": GREY, "marker": "h"})
    """How figures draw it, in matplotlib's words: color (as ``"#rrggbb"``), marker, linestyle."""
    bounded: bool = True
    """Whether the oracle bounds what it earns: it does where the planner's search chooses."""
    family: ClassVar[str] = ""

    def __post_init__(self):
        if not _NAME.fullmatch(self.name):
            raise InputError(
                f"agent name {self.name!r}: expected a letter, then letters, digits and _ . + -"
            )
        if not re.fullmatch(r"#[0-9A-Fa-f]{6}", str(self.style.get("color"))):
            raise InputError(
                f"agent {self.name}: its style has the color {self.style.get('color')!r}, "
                "expected one such as '#0072B2'"
            )

    def describe(self) -> dict[str, Any]:
        """Return what tables and figures need to know of it, as JSON."""
        return {
            "family": self.family,
            "help": self.help,
            "label": self.label or self.name,
            "style": {"marker": "h", "linestyle": "none", **self.style},
            "priced": getattr(self, "priced", False),
        }


@dataclass(frozen=True, kw_only=True)
class Fixed(Agent):
    """Always ``k`` simulations a decision."""

    budgets: tuple[int, ...] | None = None
    """The k's that it is run with; those of the study's sweep if None."""
    family: ClassVar[str] = "fixed"


@dataclass(frozen=True, kw_only=True)
class Untuned(Agent):
    """A meta-policy without anything to choose, which plays alike at all prices."""

    make: Builder
    """``(budgets) -> (meta_policy, its parameters)``."""
    family: ClassVar[str] = "untuned"


@dataclass(frozen=True, kw_only=True)
class Greedy(Agent):
    """The environment's own greedy rule, where it has one: it does not search."""

    bounded: bool = False
    family: ClassVar[str] = "greedy"


@dataclass(frozen=True, kw_only=True)
class OneStep(Agent):
    """Tries each legal action once in the planner's model, and takes one of them.

    It takes actions of its own, so the oracle does not bound it.
    """

    make: Builder
    """``(planner) -> (policy, its parameters)``, for :func:`rrplan.rollout_searching`."""
    bounded: bool = False
    family: ClassVar[str] = "one-step"


@dataclass(frozen=True, kw_only=True)
class Rule(Agent):
    """A rule with parameters, which are tuned for each price."""

    candidates: Builder
    """``(planner, budgets) -> list of agents.Candidate``: the grid, each with a name of its own.
    It may look at the planner's environment, search and ``max_simulations``; the network's
    parameters are those of one training seed among several."""
    chooses_depth: bool = False
    """Whether its candidates limit the depth of searches; ``budgets`` are then pairs
    ``(k, depth)``, all of the study's sweep, where a depth of 0 is no limit."""
    family: ClassVar[str] = "rule"


@dataclass(frozen=True, kw_only=True)
class Searched(Agent):
    """A rule that finds its parameters for each price by a search of its own."""

    make: Builder
    """``() -> meta_policy``; its parameters are one array. It never looks."""
    search: Builder
    """``(SearchRequest) -> Found``: found on the validation episodes alone."""
    family: ClassVar[str] = Rule.family


@dataclass(frozen=True, kw_only=True)
class Learned(Agent):
    """A meta-policy that is trained on the planner."""

    make: Builder = "agents.metapolicies.learned.trainable:make"
    """``(planner, Request) -> Trainable``."""
    kind: Literal["gate", "stopper"] = "stopper"
    """Which menu of the command line it is given."""
    priced: bool = False
    """Whether one training serves all prices; else there is one training for each price."""
    chooses_depth: bool = False
    """Whether it may answer any of the study's depths with its simulations."""
    inputs: tuple[str, ...] | None = None
    """Groups of inputs that it may see, of those of the study; all if None."""
    needs_true_model: bool = False
    """Whether its training tries actions in the true model, so that a learned one will not do."""
    family: ClassVar[str] = "learned"


@dataclass(frozen=True, kw_only=True)
class Yoked(Agent):
    """Thinks as long as another agent did at such decisions of other episodes.

    It is tied to the agent of its own training seed and price, and pays for looks what that pays.
    """

    to: str
    """Name of the agent it is tied to: a :class:`Learned` one for a single price, a stopper."""
    family: ClassVar[str] = Rule.family


@dataclass(frozen=True, kw_only=True)
class PlannerAlone(Agent):
    """Another planner, without a meta-policy, on which a whole training is spent.

    It is trained from scratch for as long as the study's planner and another agent are together,
    and always runs k simulations. It pays for its own operations, and the oracle does not bound it.
    """

    to: str
    """Name of the agent whose training it is given: a :class:`Learned` one for a single price."""
    length: Literal["seconds", "operations"]
    """What of its training comes to what both take together, compilation aside."""
    larger: bool = False
    """Whether it has as many weights as both together, or those of the study's planner."""
    k: int | None = None
    """Simulations of each decision; what is best at each price on validation episodes if None."""
    bounded: bool = False
    family: ClassVar[str] = "planner"

    @property
    def training(self) -> str:
        """What its training is called: agents that differ in k share one."""
        return f"{'larger' if self.larger else 'longer'}-{self.length}"

    def describe(self) -> dict[str, Any]:
        """Return what tables and figures need to know of it, as JSON."""
        return {**super().describe(), "k": self.k}


@dataclass(frozen=True, kw_only=True)
class Ceiling(Agent):
    """The exact ceiling of what any choice of k could earn."""

    family: ClassVar[str] = "ceiling"


def build(builder: Builder) -> Callable[..., Any]:
    """Return what builds an agent, imported if it was given by name.

    Raises:
        InputError: the name leads nowhere.
    """
    if callable(builder):
        return builder
    try:
        return import_name(builder)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"builder {builder!r}: cannot import it ({error})") from error
