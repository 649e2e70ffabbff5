"""What policies of a metareasoning problem are worth, between stopping at once and the optimum."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from agents.metareasoning import classical
from envs.metareasoning import exact
from envs.metareasoning.exact import BeliefTable, Play, Policy
from envs.metareasoning.mdp import MetalevelEnv
from envs.metareasoning.pandora import Pandora

NOTHING, OPTIMUM = "stop at once", "optimum"
Setting = Mapping[str, float]


class Bounds(NamedTuple):
    """Between these a score is measured, at one cost."""

    nothing: float  # V0, of stopping at once
    optimum: float  # V*

    def score(self, value: float) -> float | None:
        """Return (V - V0) / (V* - V0), or None where computing cannot gain anything."""
        room = self.optimum - self.nothing
        return (value - self.nothing) / room if room > exact.TIE else None


class Row(NamedTuple):
    """One policy at one cost: what it comes to in expectation, from each training seed."""

    policy: str
    plays: tuple[Play, ...]  # one, where nothing was trained
    setting: Setting  # what was chosen for this cost: a number, or weights


class Answer(NamedTuple):
    """A problem at one cost."""

    cost: float
    bounds: Bounds
    rows: list[Row]  # those that earn most first

    def values(self, row: Row) -> list[float]:
        """Return what a policy earns, from each training seed."""
        # Two ways to add up the same numbers differ in the last digit.
        best = row.policy == OPTIMUM
        return [self.bounds.optimum if best else play.value(self.cost) for play in row.plays]

    def scores(self, row: Row) -> list[float] | None:
        """Return a policy's scores, or None where computing cannot gain anything."""
        scores = [self.bounds.score(value) for value in self.values(row)]
        known = [score for score in scores if score is not None]
        return known if len(known) == len(scores) else None


def answer(
    env: MetalevelEnv, table: BeliefTable, cost: float, others: Sequence[Row] = ()
) -> Answer:
    """Return what every classical policy comes to at a cost, exactly, and others beside them.

    Args:
        env: the problem.
        table: of the problem.
        cost: of a computation, at least 0.
        others: rows of trained policies.
    """
    best = exact.solve(table, cost)
    fixed = classical.fixed_plays(table)
    number = int(np.argmax([play.value(cost) for play in fixed]))
    bounds = Bounds(fixed[0].payoff, float(best.values[table.first]))
    rows = [
        Row(OPTIMUM, (exact.play(table, best.policy),), {}),
        Row(NOTHING, (fixed[0],), {}),
        Row("fixed", (fixed[number],), {"number": number}),
        *others,
    ]
    for name in classical.defined(env):
        if name != "fixed":
            policy, setting = _policy(name, env, table, cost)
            rows.append(Row(name, (exact.play(table, policy),), setting))
    unordered = Answer(cost, bounds, rows)

    def place(row: Row) -> tuple[float, int]:
        # Of equals the optimum stands first, and doing nothing last.
        rank = {OPTIMUM: -1, NOTHING: 1}.get(row.policy, 0)
        return -round(float(np.mean(unordered.values(row))), 12), rank

    return unordered._replace(rows=sorted(rows, key=place))


def _policy(
    name: str, env: MetalevelEnv, table: BeliefTable, cost: float
) -> tuple[Policy, Setting]:
    if name == "bmps":
        weights = classical.fit_bmps(table, cost)
        return classical.bmps(table, cost, weights), weights._asdict()
    if name == "weitzman":
        assert isinstance(env, Pandora)  # it is defined for no other
        return classical.weitzman(env, table, cost), {}
    make = {"myopic": classical.myopic, "blinkered": classical.blinkered, "vpi": classical.vpi}
    return make[name](table, cost), {}
