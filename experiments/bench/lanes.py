"""Decisions a second: lanes that never wait, against lockstep and against running every option."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import mctx
import tyro

import rrplan
from experiments.bench import problem as problems
from experiments.bench import workloads
from experiments.bench.problem import BenchProblem
from experiments.bench.search import Report
from experiments.bench.timing import Rounds, blocking, check_counts, measure, per_second, timed
from experiments.bench.workloads import Workload
from rrplan.models import where
from rrplan.types import Array, PyTree

_POLICIES = {"rrplan": rrplan.muzero_policy, "mctx": mctx.muzero_policy}


@dataclass(frozen=True)
class LanesOptions:
    """Time decisions of the lane engine and of planners that keep lanes in lockstep."""

    lanes: int = 256
    """Lanes side by side, for all contestants."""
    episodes: int = 32
    """Episodes for each lane of the engine."""
    shares: tuple[float, ...] = (0.2, 0.05)
    """Shares of decisions that think; the others act at once."""
    budgets: tuple[int, ...] = (32, 128)
    """Simulations of those that think; the largest also cuts off the heavy tail."""
    quick: tyro.conf.FlagCreatePairsOff[bool] = False
    """The first share and the heavy tail only, at the largest budget."""
    rounds: Annotated[Rounds, tyro.conf.arg(name="")] = Rounds()
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/bench")
    """Directory of the result, lanes.json, and of its figure."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace a result that is there already."""

    def __post_init__(self):
        check_counts("lanes", (self.lanes,))
        check_counts("episodes", (self.episodes,))
        check_counts("budgets", self.budgets)
        if not self.shares:
            raise rrplan.InputError("shares is empty: expected numbers in (0, 1)")
        for share in self.shares:
            if not 0.0 < share < 1.0:
                raise rrplan.InputError(f"shares holds {share}: expected numbers in (0, 1)")

    @property
    def workloads(self) -> list[Workload]:
        """What is measured, in order."""
        tail = workloads.heavy_tailed(max(self.budgets))
        if self.quick:
            return [workloads.sparse(self.shares[0], max(self.budgets)), tail]
        return [workloads.sparse(s, k) for k in self.budgets for s in self.shares] + [tail]


class Position(NamedTuple):
    """Where all lanes of a lockstep planner stand."""

    states: PyTree  # [B, ...]
    observations: PyTree  # [B, ...]


def run_lanes(options: LanesOptions, report: Report = lambda line: None) -> dict[str, Any]:
    """Measure every workload and return the results as JSON."""
    lockstep = Lockstep(problems.reference(), options.lanes)
    cells = []
    for workload in options.workloads:
        cells.append(_measure_workload(lockstep, workload, options))
        report(_line(cells[-1]))
    return {"workloads": cells}


def decide(
    problem: BenchProblem, policy: Callable[..., mctx.PolicyOutput], budgets: tuple[int, ...]
) -> Callable[..., tuple[Position, Array]]:
    """Return a decision of all lanes in lockstep: search, choose, step, and reset what ended.

    Every budget is searched by every lane and one result is selected, by ``chosen [B]``, which
    indexes ``budgets``; 0 acts on the prior. With one budget, everybody gets it.
    """
    step = problems.recurrent_fn(problem)
    environment, env_params = problem.environment, problem.env_params

    def decision(params, key, position, chosen):
        search_key, reset_key = jax.random.split(key)
        root = problems.root(problem, position.states, position.observations)
        actions = []
        for budget in budgets:
            weights = root.prior_logits
            if budget > 0:
                weights = policy(
                    params, search_key, root, step, budget, dirichlet_fraction=0.0
                ).action_weights
            actions.append(jnp.argmax(weights, -1).astype(jnp.int32))
        lanes = jnp.arange(chosen.shape[0])
        action = jnp.stack(actions)[chosen, lanes]
        keys = jax.random.split(reset_key, chosen.shape[0])
        after = jax.vmap(environment.step, (0, 0, 0, None))(
            keys, position.states, action, env_params
        )
        fresh = jax.vmap(environment.reset, (0, None))(keys, env_params)
        ended = after.terminated | after.truncated
        following = where(ended, fresh, (after.state, after.observation))
        return Position(*following), after.reward

    return decision


class Lockstep:
    """Planners that decide for all lanes at once, each compiled once for all workloads."""

    def __init__(self, problem: BenchProblem, num_lanes: int):
        self.problem, self._num_lanes = problem, num_lanes
        first = jax.jit(lambda key: problems.first_states(problem, key, num_lanes))
        self._first = Position(*first(jax.random.key(4)))
        self._programs: dict[tuple[str, tuple[int, ...]], Callable[..., Any]] = {}

    def player(
        self, name: str, budgets: tuple[int, ...], workload: Workload
    ) -> Callable[[int], Any]:
        """Return what makes one decision of all lanes after another, each call one."""
        params, key = problems.planner_params(self.problem), jax.random.key(5)
        position = self._first
        chosen = jnp.zeros(self._num_lanes, jnp.int32)
        if len(budgets) > 1:
            keys = jax.random.split(jax.random.key(6), self._num_lanes)
            drawn = workloads.draw_budgets(workloads.parameters(workload), keys)
            chosen = jnp.searchsorted(jnp.asarray(budgets), drawn).astype(jnp.int32)
        if (name, budgets) not in self._programs:
            lowered = jax.jit(decide(self.problem, _POLICIES[name], budgets)).lower(
                params, key, position, chosen
            )
            self._programs[name, budgets] = blocking(lowered.compile())
        program = self._programs[name, budgets]

        def play(number):
            del number
            nonlocal position, key
            key, now = jax.random.split(key)
            position, _ = program(params, now, position, chosen)

        play(0)  # the first call is not like the others
        return play


def _measure_workload(
    lockstep: Lockstep, workload: Workload, options: LanesOptions
) -> dict[str, Any]:
    problem, episodes = lockstep.problem, options.lanes * options.episodes
    work = workloads.count_work(problem, workload, options.lanes, episodes)

    def engine(number):
        del number  # the same episodes every time
        return workloads.evaluate(problem, workload, options.lanes, episodes)

    contestants = {
        "rrplan": engine,
        "rrplan_largest": lockstep.player("rrplan", (workload.largest,), workload),
        "mctx_largest": lockstep.player("mctx", (workload.largest,), workload),
    }
    # Budgets of 0 or K are one search of K, whoever is to get it: both ways are the same work.
    both_same = len([budget for budget in workload.budgets if budget > 0]) == 1
    if not both_same:
        contestants["mctx_every_option"] = lockstep.player("mctx", workload.budgets, workload)
    warm = {name: timed(lambda run=run: run(0))[0] for name, run in contestants.items()}
    timings = measure(contestants, options.rounds, warm)
    if both_same:
        timings["mctx_every_option"] = timings["mctx_largest"]
    decisions = dict.fromkeys(timings, options.lanes) | {"rrplan": work.decisions}
    speeds = {n: per_second(t, decisions[n]) for n, t in timings.items()}
    return {
        "workload": workload.name,
        "budgets": list(workload.budgets),
        "shares": list(workload.shares),
        "mean": workload.mean,
        "largest": workload.largest,
        "lanes": options.lanes,
        "episodes": episodes,
        "work": work._asdict(),
        "decisions_per_second": speeds,
        "rrplan_over": {
            n: speeds["rrplan"]["median"] / s["median"] for n, s in speeds.items() if n != "rrplan"
        },
        "seconds": timings,
    }


def _line(cell: dict[str, Any]) -> str:
    speed = cell["decisions_per_second"]
    return (
        f"{cell['workload']}: {speed['rrplan']['median']:,.0f} decisions/s,"
        f" {cell['rrplan_over']['mctx_largest']:.1f} times mctx in lockstep,"
        f" {cell['rrplan_over']['mctx_every_option']:.1f} times every option;"
        f" {cell['work']['useful_while_queued']:.1%} of lane-ticks useful while queued"
    )
