"""The bill of a study: what a simulation, a look, a decision and a level cost each agent.

A price ``c`` is stated for one simulation of the problem's *reference planner*. By default a study
charges operations: ``c`` divided by the operations of that simulation is the price of one operation
for every planner and every agent. So a larger planner pays for its own simulations, and does not
make looks cheap. The bill of simulations charges simulations alone. The bill of seconds charges
what each count takes by the clock, as :mod:`experiments.calibration` has measured it once for the
run; what an episode takes beyond its decisions is no thinking, and free.
"""

import dataclasses
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

import jax

from agents import networks
from agents.declarations import Greedy, OneStep, Player
from agents.model_learning.network import ModelNetwork, learned_model
from experiments import calibration
from experiments.calibration import Calibration
from experiments.evaluation import (
    Agent,
    StudyProblem,
    TrainedSeed,
    make_planner,
    meta_policy_of,
)
from experiments.studies.planning_depth.config import StudyConfig
from rrplan import operations
from rrplan.costs import Costs, Counts, Rates, charge
from rrplan.errors import InputError
from rrplan.operations import Operations
from rrplan.planner import Planner
from rrplan.types import MetaPolicy, PyTree

KINDS = ("simulations", "operations", "seconds")
"""Every bill that results are told under, whichever agents were trained and chosen under; that of
seconds where they are known."""


_PRICED = {"simulation": "simulations", "flop": "operations", "second": "seconds"}


class Bill(NamedTuple):
    """What a study charges, and the operations that it is made of."""

    kind: str
    """The bill that agents are trained, tuned and compared under, one of :data:`KINDS`."""
    price_per: str
    """What a price is stated for: ``"simulation"`` of the reference planner, ``"flop"`` or
    ``"second"``."""
    price_level: float
    """Price of a level of descent, in multiples of the price of a simulation."""
    reference: float
    """Operations of one simulation of the reference planner."""
    planner: Operations
    """Operations of the study's own planner."""
    looks: MutableMapping[str, float]
    """Operations of one look, by the name of a meta-policy with its parameters."""
    keep: Callable[[Mapping[str, Any]], None] = lambda counted: None
    """Called with all that was counted whenever there is more."""
    seconds: Calibration | None = None
    """What the counts take by the clock, if that was measured."""

    def rates(self, look: float = 0.0, kind: str | None = None, *, plans: bool = True) -> Rates:
        """Return what an agent pays for each count, in multiples of the price.

        Args:
            look: operations of one of its looks. Seconds of a look are those that were measured,
                whoever looks.
            kind: of the bill; the study's own if None.
            plans: whether it has a planner, which evaluates the root of each decision.
        """
        kind = kind or self.kind
        unit = self._unit(kind)
        price_of_reference = self._reference(_PRICED[self.price_per])
        level = self.price_level * price_of_reference
        if kind == "simulations":
            return Rates(simulation=price_of_reference, level=level)
        if kind == "seconds":
            assert self.seconds is not None  # make has seen to it
            own = self.seconds.planner
            return Rates(
                simulation=own.simulation / unit,
                look=own.look / unit,
                decision=own.decision / unit if plans else 0.0,
                level=own.level / unit + level,
            )
        return Rates(
            simulation=self.planner.simulation / unit,
            look=look / unit,
            decision=self.planner.evaluation / unit if plans else 0.0,
            level=level,
        )

    def every_rate(self, agent: Agent) -> dict[str, Rates | None]:
        """Return what an agent pays under each kind of bill; None for seconds not measured."""
        return {
            kind: None
            if kind == "seconds" and self.seconds is None
            else self.rates(agent.look, kind, plans=_plans(agent))
            for kind in KINDS
        }

    def operations_of(self, agent: Agent, counts: Counts) -> Any:
        """Return the operations of thinking that an agent's counts come to, of their shape."""
        rates = self.rates(agent.look, "operations", plans=_plans(agent))
        return charge(Costs(self._unit("operations"), rates._replace(level=0.0)), counts)

    def _unit(self, kind: str) -> float:
        """Return how many simulations, operations or seconds the price is charged for."""
        return self._reference(kind) / self._reference(_PRICED[self.price_per])

    def _reference(self, kind: str) -> float:
        """Return what one simulation of the reference planner is under a kind of bill."""
        if kind == "operations":
            return self.reference
        if kind == "seconds":
            assert self.seconds is not None  # make has seen to it
            return self.seconds.reference.whole_simulation
        return 1.0

    def charge(self, problem: StudyProblem, agent: Agent, trained: TrainedSeed) -> Agent:
        """Return an agent with what it is charged.

        The greedy rule neither searches nor evaluates, and pays nothing. One step of lookahead
        pays for the root of each decision as a search does.
        """
        if agent.family in (Greedy.family, OneStep.family):
            return dataclasses.replace(agent, rates=self.rates(plans=_plans(agent)))
        name = agent.pays_as or agent.meta_policy or agent.name
        if agent.pays_as:
            meta_policy, params = trained.meta_policies[agent.pays_as]
        else:
            meta_policy, params = meta_policy_of(agent, trained, problem.config)
        look = 0.0
        if meta_policy.looks != "never":
            planner = make_planner(problem, trained.params, "visits")
            look = self.look_of(name, planner, meta_policy, params)
        return dataclasses.replace(agent, look=look, rates=self.rates(look))

    def look_of(
        self,
        name: str,
        planner: Planner,
        meta_policy: MetaPolicy | Player,
        params: PyTree,
        turns: float = 1.0,
    ) -> float:
        """Return the operations of a look, counted at the first call with a name and kept.

        Args:
            name: of the meta-policy with its parameters.
            planner: that it controls.
            meta_policy: static.
            params: its parameters, or their shapes.
            turns: of loops whose length depends on data, on average and a look.
        """
        if name not in self.looks:
            if isinstance(meta_policy, Player):
                self.looks[name] = meta_policy.operations_of_look(planner, params)
            else:
                self.looks[name] = operations.of_look(planner, meta_policy, params, turns)
            self.keep(to_dict(self))
        return self.looks[name]

    def describe(self) -> dict[str, Any]:
        """Return the bill as ``results.json`` has it."""
        return {
            "kind": self.kind,
            "price_per": self.price_per,
            "price_level": self.price_level,
            "operations": to_dict(self),
            "seconds": self.seconds and self.seconds.to_dict(),
        }


def make(
    problem: StudyProblem,
    kept: Mapping[str, Any],
    keep: Callable[[Mapping[str, Any]], None] = lambda counted: None,
    measured: Mapping[str, Any] | None = None,
) -> Bill:
    """Return the bill of a study.

    Args:
        problem: of the study.
        kept: operations that were counted when the run began (``config.json``); counted if empty.
        keep: called with all that was counted whenever there is more.
        measured: seconds of the run's calibration (``config.json``), if it has one.

    Raises:
        InputError: seconds are charged, and there is no calibration.
    """
    config = problem.config
    seconds = calibration.from_dict(measured) if measured else None
    if config.bill == "seconds" and seconds is None:
        raise InputError(
            "the run charges seconds, and config.json holds no calibration: go on with it first "
            "(rrplan run --resume)"
        )
    if kept:
        own = Operations(kept["step"], kept["evaluation"])
        return _of(config, kept["reference"], own, dict(kept["looks"]), keep, seconds)
    own = operations_of_network(problem, problem.model or problem.network)
    reference = own
    if config.reference != config.network or problem.model is not None:
        network, _ = networks.build(
            config.reference, problem.environment, problem.env_params, jax.random.key(0)
        )
        reference = operations_of_network(problem, network)
    made = _of(config, reference.simulation, own, {}, keep, seconds)
    keep(to_dict(made))
    return made


def to_dict(bill: Bill) -> dict[str, Any]:
    """Return the operations of a bill as ``config.json`` keeps them."""
    return {"reference": bill.reference, **bill.planner._asdict(), "looks": dict(bill.looks)}


def _of(
    config: StudyConfig,
    reference: float,
    own: Operations,
    looks: dict[str, float],
    keep: Callable[[Mapping[str, Any]], None],
    seconds: Calibration | None,
) -> Bill:
    per, level = config.price_per, config.price_level
    return Bill(config.bill, per, level, reference, own, looks, keep, seconds)


def _plans(agent: Agent) -> bool:
    """Return whether an agent has a planner, which evaluates the root of each decision."""
    return agent.family != Greedy.family


def operations_of_network(problem: StudyProblem, network: Any) -> Operations:
    """Return the operations of a planner with a network or a model, on a study's problem."""
    return operations.of_planner(_planner(problem, network))


def _planner(problem: StudyProblem, network: Any) -> Planner:
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    if isinstance(network, ModelNetwork):
        network = learned_model(network)
    return Planner(problem.environment, problem.env_params, network, shapes)
