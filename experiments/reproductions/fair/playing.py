"""Rules of one training seed: its searches are recorded, rules fitted to them and played; all kept.

What has finished is read, so that a command that was stopped goes on.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from agents.metapolicies.fair import choices, fitting, network, policy, searches
from agents.metapolicies.fair.network import GainNetwork
from agents.metapolicies.learned.config import MetaConfig
from experiments import runs
from experiments.analysis.columns import Columns
from experiments.bill import Bill
from experiments.evaluation import Domain, study_key
from experiments.reproductions import keeping
from experiments.reproductions.fair.options import FairOptions
from experiments.seeds import name_key
from experiments.studies.planning_depth.config import StudyConfig
from rrplan import Costs, Rates, operations, oracle
from rrplan.capabilities import Priced, offers
from rrplan.oracle import Records
from rrplan.planner import Planner
from rrplan.types import Array, PyTree

KINDS = ("charged", "free")
"""Rules: as large as the stopper, its looks charged; larger, its looks free."""


class Rule(NamedTuple):
    """A fitted rule, played on the held-out episodes."""

    table: Columns  # [E]
    rates: Rates  # what it is charged, in multiples of the price
    look: float  # operations of a look, charged or not
    rounds: list[list[float]]  # fitted, validation and loss of each round
    kept: int


@dataclass(frozen=True)
class Seed:
    """A training seed's planner, and where its rules are kept.

    Attributes:
        options: of the command.
        config: of the run.
        planner: of the seed.
        bill: of the run.
        number: of the seed.
        say: takes a line of progress.
    """

    options: FairOptions
    config: StudyConfig
    planner: Planner
    bill: Bill
    number: int
    say: Callable[[str], None]

    def rule(self, kind: str, price: float, start: int) -> Rule:
        """Return a rule at a price.

        Args:
            kind: one of :data:`KINDS`.
            price: of the run.
            start: the fixed k that takes over in the first round of the fit.
        """
        made = self.network(kind)
        shapes = jax.eval_shape(made.init, jax.random.key(0))
        look = operations.of_look(self.planner, policy.rule(made), shapes)
        rates = self.bill.rates(look)
        rates = rates if kind == "charged" else rates._replace(look=0.0)
        costs = Costs(price, rates)
        path = self._path(f"{kind}-{price:g}-rule")
        kept = runs.load_arrays(path)
        if kept is None:
            key = name_key(study_key(self.config, Domain.CONTROL, self.number), f"fair {kind}")
            found = self._fit(made, costs, start, key, f"{kind}, c = {price:g}")
            leaves = jax.tree.leaves(found.params)
            kept = {f"leaf{place:03d}": leaf for place, leaf in enumerate(leaves)}
            kept |= {"rounds": np.array(found.rounds), "kept": np.array(found.kept)}
            runs.save_arrays(path, kept)
        names = sorted(name for name in kept if name.startswith("leaf"))
        leaves = [jnp.asarray(kept[name]) for name in names]
        params = jax.tree.unflatten(jax.tree.structure(shapes), leaves)
        table = self._play(made, params, costs, f"{kind}-{price:g}-held-out")
        return Rule(table, rates, look, kept["rounds"].tolist(), int(kept["kept"]))

    def network(self, kind: str) -> GainNetwork:
        """Return the regressor of a kind of rule: it sees what the run's stopper may see."""
        control, varies = self.config.control, offers(self.planner.environment, Priced)
        inputs = tuple(group for group in control.inputs if group != "price" or varies)
        width = control.width if kind == "charged" else self.options.width
        menu = self.config.sweep.budgets
        return network.build(MetaConfig("stopper", menu, inputs, width), self.planner)

    def ceiling(self, prices: tuple[float, ...]) -> Mapping[float, np.ndarray]:
        """Return the oracle's timed returns at each price, on the first held-out episodes."""
        paths = {price: self._path(f"oracle-{price:g}") for price in prices}
        known = {price: runs.load_arrays(path) for price, path in paths.items()}
        if any(table is None for table in known.values()):
            every = range(self.planner.max_simulations + 1)
            given = study_key(self.config, Domain.HELD_OUT), self.bounded, every, "oracle"
            found = self._record(*given)
            for price, path in paths.items():
                whole = searches.to_whole_decisions(found, Costs(price, self.bill.rates()))
                timed = choices.with_hindsight(whole)[1][whole.first]
                known[price] = {"timed": timed}
                runs.save_arrays(path, {"timed": timed})
        return {price: table["timed"] for price, table in known.items() if table is not None}

    @property
    def bounded(self) -> int:
        """Held-out episodes that the oracle is worked out for."""
        return min(self.options.bounded, self.config.sweep.episodes)

    @functools.cached_property
    def _instances(self) -> Records:
        """The searches that rules are fitted to."""
        key = name_key(study_key(self.config, Domain.CONTROL, self.number), "fair instances")
        return self._record(key, self.options.instances, self.config.sweep.budgets, "instances")

    @functools.cached_property
    def _validation(self) -> Records:
        """The searches of validation episodes."""
        count = min(self.options.validation, self.config.sweep.validation_episodes)
        key = study_key(self.config, Domain.VALIDATION)
        return self._record(key, count, self.config.sweep.budgets, "validation")

    def _record(self, key: Array, episodes: int, ks: Any, name: str) -> Records:
        found = oracle.record(
            self.planner,
            key=key,
            episodes=episodes,
            ks=tuple(ks),
            num_lanes=self.config.sweep.num_lanes,
        )
        states = int((found.legal_actions > 1).sum())
        self.say(f"seed {self.number}: {states:,} states of {episodes:,} {name} searched")
        return found

    def _fit(
        self, made: GainNetwork, costs: Costs, start: int, key: Array, name: str
    ) -> fitting.Fitted:
        records = self._instances, self._validation
        tables = [searches.to_choices(one, costs) for one in records]
        shown = [searches.to_shown(one, costs, made) for one in records]

        def report(found: fitting.Round) -> None:
            self.say(f"seed {self.number}: {name}: {found.validation:.5f} on validation episodes")

        return fitting.fit(
            made,
            tables[0],
            shown[0],
            tables[1],
            shown[1],
            self.options.fit,
            key,
            searches.fixed_rule(records[0], start),
            report,
        )

    def _play(self, made: GainNetwork, params: PyTree, costs: Costs, name: str) -> Columns:
        count = self.config.sweep.episodes
        given = {"key": study_key(self.config, Domain.HELD_OUT), "episodes": count}
        given |= {"costs": costs, "num_lanes": self.config.sweep.num_lanes}
        rule = policy.rule(made)
        return keeping.evaluated(
            self._path(name), count, lambda: rrplan.evaluate(self.planner, rule, params, **given)
        )

    def _path(self, name: str) -> Path:
        return self.options.directory / "rules" / f"seed{self.number}-{name}.npz"
