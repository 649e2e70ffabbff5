"""What the classical policies of a metareasoning problem are worth, beside the optimum."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from agents import classical
from envs import tables
from envs.metalevel import MetalevelEnv
from envs.tables import Play, Policy, Table

NOTHING, OPTIMUM = "stop at once", "optimum"


class Bounds(NamedTuple):
    """Between these a score is measured, at one cost."""

    nothing: float  # V0, of stopping at once
    optimum: float  # V*

    def score(self, value: float) -> float | None:
        """Return (V - V0) / (V* - V0), or None where thinking cannot gain anything."""
        room = self.optimum - self.nothing
        return (value - self.nothing) / room if room > tables.TIE else None


class Row(NamedTuple):
    """One policy at one cost, in expectation."""

    policy: str
    cost: float
    value: float
    score: float | None
    computations: float
    payoff: float
    setting: dict[str, float]  # what was chosen for this cost: a number, or weights


def score_problem(
    env: MetalevelEnv, table: Table, costs: Sequence[float]
) -> Iterator[tuple[float, Bounds, list[Row]]]:
    """Yield for each cost its bounds and the rows of all policies, those that earn most first.

    Args:
        env: the problem.
        table: of the problem.
        costs: each at least 0.
    """
    fixed = classical.fixed_plays(table)
    for cost in costs:
        best = tables.solve(table, cost)
        bounds = Bounds(fixed[0].payoff, float(best.values[table.first]))
        plays = [(OPTIMUM, tables.play(table, best.policy), {}), (NOTHING, fixed[0], {})]
        number = int(np.argmax([play.value(cost) for play in fixed]))
        plays.append(("fixed", fixed[number], {"number": number}))
        for name in classical.defined(env):
            if name != "fixed":
                policy, setting = _policy(name, env, table, cost)
                plays.append((name, tables.play(table, policy), setting))
        rows = [make_row(name, cost, bounds, play, setting) for name, play, setting in plays]
        yield cost, bounds, sorted(rows, key=lambda row: (-round(row.value, 12), _rank(row.policy)))


def make_row(
    policy: str, cost: float, bounds: Bounds, play: Play, setting: dict[str, float]
) -> Row:
    """Return a policy's row."""
    # Two ways to add up the same numbers differ in the last digit.
    value = bounds.optimum if policy == OPTIMUM else play.value(cost)
    return Row(policy, cost, value, bounds.score(value), play.computations, play.payoff, setting)


def _policy(
    name: str, env: MetalevelEnv, table: Table, cost: float
) -> tuple[Policy, dict[str, float]]:
    if name == "bmps":
        weights = classical.fit_bmps(table, cost)
        return classical.bmps(table, cost, weights), weights._asdict()
    if name == "weitzman":
        return classical.weitzman(env, table, cost), {}
    make = {"myopic": classical.myopic, "blinkered": classical.blinkered, "vpi": classical.vpi}
    return make[name](table, cost), {}


def _rank(policy: str) -> int:
    """Of equals the optimum stands first, and doing nothing last."""
    return {OPTIMUM: -1, NOTHING: 1}.get(policy, 0)
