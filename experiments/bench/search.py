"""What one simulation costs: rrplan, mctx, and the floor below which no search can go."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import mctx
import numpy as np
import tyro

import rrplan
from experiments.bench import problem as problems
from experiments.bench.problem import BenchProblem
from experiments.bench.timing import Rounds, blocking, check_counts, measure, per, timed
from rrplan.errors import InputError
from rrplan.types import Array, PyTree

QUICK_LANES, QUICK_SIMULATIONS = (256,), (32, 128, 400)
BREAKOUT_CELLS = ((256, 32), (256, 128))
# mctx adds noise of 1e-7 to its scores, which is about one rounding of a float32 near 1, so two
# actions that are closer than that fall either way, in mctx as well from one key to another.
# A search that differs in anything but this differs in most lanes, not in one of a hundred.
MOST_DIFFERING = 0.01

Report = Callable[[str], None]


@dataclass(frozen=True)
class SearchOptions:
    """Time one simulation of rrplan, of mctx and of the model and network alone."""

    lanes: tuple[int, ...] = (64, 256, 1024, 4096)
    """Lanes searched side by side."""
    simulations: tuple[int, ...] = (16, 32, 128, 400)
    """Simulations of every lane."""
    quick: tyro.conf.FlagCreatePairsOff[bool] = False
    """256 lanes only, with 32, 128 and 400 simulations; without Breakout."""
    no_breakout: tyro.conf.FlagCreatePairsOff[bool] = False
    """Leave out MinAtar Breakout, measured at 256 lanes with 32 and 128 simulations."""
    limit: float = 60.0
    """Leave out cells where mctx alone would take more seconds than this."""
    rounds: Annotated[Rounds, tyro.conf.arg(name="")] = Rounds()
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/bench")
    """Directory of the result, search.json, and of its figure."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace a result that is there already."""

    def __post_init__(self):
        check_counts("lanes", self.lanes)
        check_counts("simulations", self.simulations)
        if not self.limit > 0:
            raise InputError(f"limit is {self.limit}: expected seconds > 0")

    @property
    def cells(self) -> list[tuple[int, int]]:
        """Pairs of lanes and simulations, those first that tell what later ones will take."""
        lanes = QUICK_LANES if self.quick else self.lanes
        simulations = QUICK_SIMULATIONS if self.quick else self.simulations
        return [(b, k) for k in sorted(simulations) for b in sorted(lanes)]


class Programs(NamedTuple):
    """Compiled searches of the same roots. Each takes a key and blocks."""

    rrplan: Callable[[Array], Any]
    mctx: Callable[[Array], Any]
    floor: Callable[[Array], Any]


def run_search(options: SearchOptions, report: Report = lambda line: None) -> dict[str, Any]:
    """Measure every cell and return the results as JSON: ``cells`` and ``left_out``.

    Raises:
        InputError: root visit counts differ from mctx's by more than near-ties explain.
    """
    cells, left_out = [], []
    for name, pairs in _grids(options):
        problem = getattr(problems, name)()
        known: dict[tuple[int, int], float] = {}
        for lanes, simulations in pairs:
            expected = estimate(known, lanes, simulations)
            if expected is not None and expected > options.limit:
                known[lanes, simulations] = expected
                left_out.append(
                    {
                        "problem": name,
                        "lanes": lanes,
                        "simulations": simulations,
                        "mctx_seconds_expected": expected,
                    }
                )
                report(
                    f"{name}, {lanes} lanes, {simulations} simulations: left out,"
                    f" mctx would take {expected:.0f} s"
                )
                continue
            cell, known[lanes, simulations] = _measure_cell(
                problem, lanes, simulations, options.rounds
            )
            cells.append(cell)
            report(_line(cell))
    return {"cells": cells, "left_out": left_out}


def estimate(known: Mapping[tuple[int, int], float], lanes: int, simulations: int) -> float | None:
    """Return the seconds that mctx will take, from smaller cells; None where there are none.

    Proportional to lanes, which is above the truth on an accelerator; else to the square of the
    simulations, because each one's time grows with the size of its tree.
    """
    fewer = [b for b, k in known if k == simulations and b <= lanes]
    if fewer:
        return known[max(fewer), simulations] * lanes / max(fewer)
    shorter = [k for b, k in known if b == lanes and k <= simulations]
    if shorter:
        return known[lanes, max(shorter)] * (simulations / max(shorter)) ** 2
    return None


def compile_programs(
    problem: BenchProblem, root: mctx.RootFnOutput, simulations: int
) -> tuple[Programs, dict[str, float]]:
    """Compile the three contestants for ``root``; return them and the seconds it took."""
    params, step = problems.planner_params(problem), problems.recurrent_fn(problem)

    def search(policy):
        def program(params, key, root):
            output = policy(params, key, root, step, simulations, dirichlet_fraction=0.0)
            return output.action, output.search_tree.children_visits[:, 0]

        return program

    def floor(params, key, root):
        return walk(step, params, key, root, simulations)

    compiled, seconds = {}, {}
    sources = {"rrplan": search(rrplan.muzero_policy), "mctx": search(mctx.muzero_policy)}
    for name, source in {**sources, "floor": floor}.items():
        lowered = jax.jit(source).lower(params, jax.random.key(0), root)
        seconds[name], program = timed(lowered.compile)
        compiled[name] = blocking(lambda key, program=program: program(params, key, root))
    return Programs(**compiled), seconds


def walk(
    step: mctx.RecurrentFn, params: PyTree, key: Array, root: mctx.RootFnOutput, steps: int
) -> tuple[Array, Array, Array]:
    """Step the model and evaluate the network ``steps`` times, without any search.

    Every output is summed up, so that nothing of the work can be left out, and actions go round,
    so that choosing them costs nothing.
    """
    num_lanes, num_actions = root.prior_logits.shape
    first = jnp.arange(num_lanes, dtype=jnp.int32)

    def body(index, carry):
        states, logits, values, rewards = carry
        output, states = step(params, key, (first + index) % num_actions, states)
        return (
            states,
            logits + output.prior_logits,
            values + output.value,
            rewards + output.reward * output.discount,
        )

    zeros = jnp.zeros_like(root.value)
    carry = (root.embedding, jnp.zeros_like(root.prior_logits), zeros, zeros)
    return jax.lax.fori_loop(0, steps, body, carry)[1:]


def compare_visits(ours: Any, theirs: Any) -> dict[str, int]:
    """Return how many lanes differ in visit counts ``[B, A]``, and by how much at most."""
    difference = np.abs(np.asarray(ours, np.int64) - np.asarray(theirs, np.int64))
    return {
        "lanes": len(difference),
        "differing": int(difference.any(-1).sum()),
        "largest": int(difference.max(initial=0)),
    }


def refuse_difference(cell: str, found: Mapping[str, int]) -> None:
    """Raise an :class:`InputError` where more lanes differ than near-ties explain."""
    if found["differing"] > max(1, MOST_DIFFERING * found["lanes"]):
        raise InputError(
            f"visit counts differ from mctx's in {found['differing']} of {found['lanes']} lanes"
            f" ({cell}): the two did not do the same work, so nothing is reported"
        )


def _grids(options: SearchOptions) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    yield "reference", options.cells
    if not (options.no_breakout or options.quick):
        yield "breakout", [(b, k) for b, k in BREAKOUT_CELLS if b in options.lanes]


def _measure_cell(
    problem: BenchProblem, lanes: int, simulations: int, rounds: Rounds
) -> tuple[dict[str, Any], float]:
    """Return one cell, and the seconds that one search of mctx took."""
    states, observations = jax.jit(lambda key: problems.first_states(problem, key, lanes))(
        jax.random.key(1)
    )
    root = jax.block_until_ready(problems.root(problem, states, observations))
    programs, compiling = compile_programs(problem, root, simulations)
    keys = list(jax.random.split(jax.random.key(2), rounds.most + 1))
    warm, first = {}, {}
    for name, program in programs._asdict().items():
        warm[name], first[name] = timed(lambda program=program: program(keys[0]))
    agreement = compare_visits(first["rrplan"][1], first["mctx"][1])
    refuse_difference(f"{problem.name}, {lanes} lanes, {simulations} simulations", agreement)

    again: list[Any] = []

    def mctx_contestant(number):
        counts = programs.mctx(keys[number])[1]
        if not again:  # the same search with other noise: how often ties fall otherwise in mctx
            again.append(counts)

    contestants = {
        "rrplan": lambda number: programs.rrplan(keys[number]),
        "mctx": mctx_contestant,
        "floor": lambda number: programs.floor(keys[number]),
    }
    timings = measure(contestants, rounds, warm)
    cell = {
        "problem": problem.name,
        "lanes": lanes,
        "simulations": simulations,
        "us_per_simulation": {n: per(t, lanes * simulations) for n, t in timings.items()},
        "mctx_over_rrplan": _ratio(timings["mctx"], timings["rrplan"]),
        "rrplan_over_floor": _ratio(timings["rrplan"], timings["floor"]),
        "agreement": agreement,
        "mctx_with_another_key": compare_visits(again[0], first["mctx"][1]),
        "compile_seconds": compiling,
        "seconds": timings,
    }
    return cell, warm["mctx"]


def _ratio(above: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, float]:
    """Return the ratio of medians, and the least and most of the ratios round by round."""
    rounds = [a / b for a, b in zip(above["raw"], below["raw"], strict=True)]
    return {"median": above["median"] / below["median"], "min": min(rounds), "max": max(rounds)}


def _line(cell: Mapping[str, Any]) -> str:
    cost = cell["us_per_simulation"]
    return (
        f"{cell['problem']}, {cell['lanes']} lanes, {cell['simulations']} simulations:"
        f" rrplan {cost['rrplan']['median']:.3g} µs, mctx {cost['mctx']['median']:.3g} µs,"
        f" floor {cost['floor']['median']:.3g} µs;"
        f" {cell['mctx_over_rrplan']['median']:.1f} times mctx,"
        f" {cell['agreement']['lanes'] - cell['agreement']['differing']} of"
        f" {cell['agreement']['lanes']} lanes alike"
    )
