"""How time grows: with lanes, and with the largest budget while the mean is held still."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import jax
import tyro

import rrplan
from experiments.bench import problem as problems
from experiments.bench import workloads
from experiments.bench.problem import BenchProblem
from experiments.bench.search import Report
from experiments.bench.timing import Rounds, blocking, check_counts, measure, per, timed
from rrplan.errors import InputError


@dataclass(frozen=True)
class ScalingOptions:
    """Time rrplan over lanes, and over the largest budget with the mean held still."""

    lanes: tuple[int, ...] = (64, 256, 1024, 4096)
    """Lanes side by side, in the first part."""
    simulations: tuple[int, ...] = (32, 128)
    """Simulations of every lane in a search, in the first part."""
    largest: tuple[int, ...] = (16, 64, 256)
    """Largest budgets, in the second part; the second also bounds the engine in the first."""
    mean: int = 8
    """Mean simulations a decision of the engine, in both parts."""
    at: int = 256
    """Lanes of the second part."""
    episodes: int = 8
    """Episodes for each lane of the engine."""
    rounds: Annotated[Rounds, tyro.conf.arg(name="")] = Rounds(seconds=2.0)
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/bench")
    """Directory of the result, scaling.json, and of its figure."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace a result that is there already."""

    def __post_init__(self):
        for name in ("lanes", "simulations", "largest"):
            check_counts(name, getattr(self, name))
        for name in ("mean", "at", "episodes"):
            check_counts(name, (getattr(self, name),))
        if self.mean > min(self.largest):
            raise InputError(
                f"largest holds {min(self.largest)}: expected at least the mean, {self.mean}"
            )

    @property
    def middle(self) -> int:
        """The engine's largest budget in the first part."""
        return sorted(self.largest)[len(self.largest) // 2]


def run_scaling(options: ScalingOptions, report: Report = lambda line: None) -> dict[str, Any]:
    """Measure both parts and return the results as JSON."""
    problem = problems.reference()
    over_lanes, over_largest = [], []
    for lanes in sorted(options.lanes):
        for simulations in sorted(options.simulations):
            over_lanes.append(_search(problem, lanes, simulations, options.rounds))
            report(_line(over_lanes[-1]))
        over_lanes.append(_engine(problem, lanes, options.middle, options))
        report(_line(over_lanes[-1]))
    for largest in sorted(options.largest):
        over_largest.append(_engine(problem, options.at, largest, options))
        report(_line(over_largest[-1]))
        lockstep = _search(problem, options.at, largest, options.rounds)
        over_largest.append(lockstep)
        report(_line(lockstep))
    return {"over_lanes": over_lanes, "over_largest": over_largest}


def _search(problem: BenchProblem, lanes: int, simulations: int, rounds: Rounds) -> dict[str, Any]:
    """Time searches that give every lane the same simulations."""
    params, step = problems.planner_params(problem), problems.recurrent_fn(problem)
    root = problems.root(problem, *problems.first_states(problem, jax.random.key(1), lanes))

    def search(params, key, root):
        output = rrplan.muzero_policy(params, key, root, step, simulations, dirichlet_fraction=0.0)
        return output.action, output.search_tree.children_visits[:, 0]

    key = jax.random.key(2)
    program = blocking(jax.jit(search).lower(params, key, root).compile())
    warm, _ = timed(lambda: program(params, key, root))
    timing = measure(
        {"rrplan": lambda number: program(params, key, root)}, rounds, {"rrplan": warm}
    )["rrplan"]
    return {
        "kind": "search",
        "lanes": lanes,
        "largest": simulations,
        "mean": simulations,
        "us_per_tick_and_lane": per(timing, lanes * simulations),
        "us_per_decision": per(timing, lanes),
        "seconds": timing,
    }


def _engine(
    problem: BenchProblem, lanes: int, largest: int, options: ScalingOptions
) -> dict[str, Any]:
    """Time the engine on budgets of 0 or ``largest`` with the options' mean."""
    workload = workloads.steady_mean(options.mean, largest)
    episodes = lanes * options.episodes
    work = workloads.count_work(problem, workload, lanes, episodes)

    def run(number):
        del number
        return workloads.evaluate(problem, workload, lanes, episodes)

    warm, _ = timed(lambda: run(0))
    timing = measure({"rrplan": run}, options.rounds, {"rrplan": warm})["rrplan"]
    return {
        "kind": "engine",
        "lanes": lanes,
        "largest": largest,
        "mean": options.mean,
        "work": work._asdict(),
        # Idle lanes are computed like the others, so that the end of a run costs no less.
        "us_per_tick_and_lane": per(timing, work.lane_ticks),
        # As if the run had no end, at which lanes idle because the queue is empty.
        "us_per_decision": per(timing, work.decisions / work.useful),
        "seconds": timing,
    }


def _line(cell: dict[str, Any]) -> str:
    return (
        f"{cell['kind']}, {cell['lanes']} lanes, at most {cell['largest']}"
        f" (mean {cell['mean']}): {cell['us_per_tick_and_lane']['median']:.3g} µs a tick and lane"
    )
