"""Augmented steps a second of Thinker and Dynamic Thinker, and the floor below which none can go.

A step of a lane is one step of the environment, one evaluation by the planner's network and one
answer of the agent's. The floor does these three and nothing else: no tree, no draws, no resets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import tyro

from agents.thinker import network as thinker_networks
from agents.thinker.augmented import advance
from agents.thinker.collecting import decide
from agents.thinker.config import ThinkerConfig
from agents.thinker.lanes import Lanes, Problem
from agents.thinker.lanes import start as start_lanes
from agents.thinker.network import ThinkerNetwork
from agents.thinker.player import prepare
from agents.thinker.supply import Supply
from experiments.bench import problem as problems
from experiments.bench.problem import BenchProblem
from experiments.bench.search import Report
from experiments.bench.timing import Rounds, blocking, check_counts, measure, per, per_second, timed
from rrplan.costs import Costs
from rrplan.models import Settings
from rrplan.types import Array

KINDS = ("thinker", "dynamic")
_ENDLESS = 2**30


@dataclass(frozen=True)
class ThinkerOptions:
    """Time steps of Thinker and Dynamic Thinker, and the environment and the networks alone."""

    lanes: tuple[int, ...] = (64, 256, 1024, 4096)
    """Lanes side by side."""
    steps: int = 64
    """Steps of every lane in one sample."""
    k: int = 10
    """Steps of a stage, K; one more than the most imaginary steps of Dynamic Thinker."""
    width: int = 200
    """Units of the agent's hidden layers; there are three."""
    rounds: Annotated[Rounds, tyro.conf.arg(name="")] = Rounds()
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/bench")
    """Directory of the result, thinker.json."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace a result that is there already."""

    def __post_init__(self):
        check_counts("lanes", self.lanes)
        for name in ("steps", "width"):
            check_counts(name, (getattr(self, name),))
        check_counts("k", (self.k,), least=2)


class Contest(NamedTuple):
    """One kind of agent on a problem: static, and what it is given."""

    problem: Problem
    settings: Settings
    network: ThinkerNetwork


def run_thinker(options: ThinkerOptions, report: Report = lambda line: None) -> dict[str, Any]:
    """Measure every number of lanes and return the results as JSON."""
    problem = problems.reference()
    contests = {kind: prepare_contest(problem, kind, options) for kind in KINDS}
    cells = []
    for lanes in sorted(options.lanes):
        cells.append(_measure(contests, lanes, options))
        report(_line(cells[-1]))
    return {"cells": cells}


def prepare_contest(problem: BenchProblem, kind: str, options: ThinkerOptions) -> Contest:
    """Return an untrained agent on the reference problem."""
    config = ThinkerConfig(steps=options.k, k_max=options.k - 1, width=options.width)
    stage = config.stage(chosen=kind == "dynamic")
    augmented, settings = prepare(problem.planner(options.k), stage, Costs())
    network = thinker_networks.build(config, stage, augmented, settings)
    params = network.init(jax.random.key(1))
    settings = settings._replace(key=jax.random.key(2), meta_params=params)
    return Contest(augmented, settings, network)


def walk(contest: Contest, steps: int) -> Callable[[Settings, Lanes], tuple[Lanes, Array]]:
    """Return what takes ``steps`` augmented steps in all lanes, and tells what they earned."""
    problem, _, network = contest

    def program(settings: Settings, lanes: Lanes) -> tuple[Lanes, Array]:
        supply = Supply(lambda place: (place, jnp.zeros(place.shape)), jnp.int32(_ENDLESS))

        def body(lanes, _):
            answer = decide(problem, network, settings, lanes).answer
            lanes, outcome = advance(problem, settings, supply, lanes, answer)
            return lanes, outcome.reward.sum() + outcome.planning.sum()

        return jax.lax.scan(body, lanes, None, length=steps)

    return program


def floor(contest: Contest, steps: int) -> Callable[[Settings, Lanes], Array]:
    """Return what steps the environment and evaluates both networks ``steps`` times.

    Every output is summed up, so that nothing of the work can be left out.
    """
    problem, _, network = contest
    environment, evaluator = problem.model.environment, problem.model.network  # type: ignore

    def program(settings: Settings, lanes: Lanes) -> Array:
        seen = decide(problem, network, settings, lanes).inputs
        reset = jax.vmap(environment.reset, (0, None))
        keys = jax.random.split(settings.key, lanes.depth.shape[0])
        state, _ = reset(keys, settings.env_params)
        step = jax.vmap(environment.step, (0, 0, 0, None))

        def body(carry, index):
            state, total = carry
            action = (lanes.place + index) % environment.num_actions
            after = step(keys, state, action, settings.env_params)
            told = evaluator(settings.model_params, after.observation)
            shown = seen._replace(whole=seen.whole + 1e-9 * (total + told.value)[:, None])
            logits, value = network(settings.meta_params, shown)
            total = total + after.reward + told.value + logits.sum(-1) + value.sum(-1)
            return (after.state, total + told.prior_logits.sum(-1)), None

        start = state, jnp.zeros(lanes.depth.shape)
        return jax.lax.scan(body, start, jnp.arange(steps))[0][1]

    return program


def _measure(
    contests: dict[str, Contest], num_lanes: int, options: ThinkerOptions
) -> dict[str, Any]:
    contestants, compiling = {}, {}
    for kind, contest in contests.items():
        supply = Supply(lambda place: (place, jnp.zeros(place.shape)), jnp.int32(_ENDLESS))
        lanes = start_lanes(contest.problem, contest.settings, supply, num_lanes)
        lowered = jax.jit(walk(contest, options.steps)).lower(contest.settings, lanes)
        compiling[kind], program = timed(lowered.compile)
        contestants[kind] = _player(blocking(program), contest.settings, lanes)
        if kind == KINDS[0]:
            alone = jax.jit(floor(contest, options.steps)).lower(contest.settings, lanes)
            compiling["floor"], program = timed(alone.compile)
            contestants["floor"] = _repeat(blocking(program), contest.settings, lanes)
    warm = {name: timed(lambda run=run: run(0))[0] for name, run in contestants.items()}
    timings = measure(contestants, options.rounds, warm)
    count = num_lanes * options.steps
    return {
        "lanes": num_lanes,
        "steps_per_second": {name: per_second(timing, count) for name, timing in timings.items()},
        "us_per_step": {name: per(timing, count) for name, timing in timings.items()},
        "over_floor": {
            kind: timings[kind]["median"] / timings["floor"]["median"] for kind in contests
        },
        "compile_seconds": compiling,
        "seconds": timings,
    }


def _repeat(program: Callable[..., Any], settings: Settings, lanes: Lanes) -> Callable[[int], Any]:
    """Return what does the same in each sample."""
    return lambda number: program(settings, lanes)


def _player(program: Callable[..., Any], settings: Settings, lanes: Lanes) -> Callable[[int], Any]:
    """Return what goes on from where it was, each call a sample."""

    def play(number: int) -> None:
        del number
        nonlocal lanes
        lanes, _ = program(settings, lanes)

    play(0)  # the first call is not like the others
    return play


def _line(cell: dict[str, Any]) -> str:
    speed = {name: f"{one['median']:,.0f}" for name, one in cell["steps_per_second"].items()}
    return (
        f"{cell['lanes']} lanes: thinker {speed['thinker']}, dynamic {speed['dynamic']}, floor"
        f" {speed['floor']} steps a second; {cell['over_floor']['thinker']:.2f} and"
        f" {cell['over_floor']['dynamic']:.2f} times the floor's time"
    )
