"""What thinking takes by the clock on this machine: a designed grid, measured and fitted.

The seconds of an evaluation are taken to be a sum over what is counted of it::

    seconds = a episodes + b decisions + c simulations + d levels + e looks

An ordinary agent does not tell these apart: who thinks more looks more and goes deeper. So a grid
varies them one by one: the simulations of a decision, the limit of their depth, and how many are
ordered at a time, which decides how often the agent looks. At each look the network of a stopper of
the study's width is computed; what it answers is not used. The networks are untrained: what they
take does not depend on what they have learned.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize

import rrplan
from agents import networks
from agents.metapolicies import learned
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned.config import GROUPS, MetaConfig
from agents.metapolicies.learned.network import MetaNetwork
from agents.metapolicies.rules.constant import no_carry
from experiments import runs
from experiments.cluster import processes
from experiments.evaluation import Domain, StudyProblem, make_planner, study_key
from rrplan.engine.consult import NO_DEPTH_LIMIT
from rrplan.errors import InputError
from rrplan.planner import Planner
from rrplan.types import Array, Control, MetaObservation, MetaPolicy, PyTree, Work

COUNTS = ("episodes", "decisions", "simulations", "levels", "looks")
ROUNDS = 3
"""Times that each point of the grid is measured; its median counts."""
MOST_CONDITION = 100.0
"""Condition number above which the seconds of the counts cannot be told apart."""
MOST_ERROR = 0.5
"""Error at the points held out above which the fit is of no use."""
_HELD_OUT = 4  # one point in so many
_OTHERWISE = "or charge operations (--bill operations)"


class Point(NamedTuple):
    """One agent of the grid."""

    k: int  # simulations of each decision
    depth: int  # the limit of their depth
    chunk: int  # simulations ordered at a time


class Seconds(NamedTuple):
    """Seconds of one of each count, and how well they are known."""

    episode: float  # beyond its decisions; 0 where these cannot be told apart
    decision: float
    simulation: float  # beyond its levels
    level: float
    look: float
    levels: float  # that a simulation went down, on average over the grid
    error: float  # root of the mean square of relative errors, at points held out of the fit
    condition: float  # of the grid, its columns scaled to length 1

    @property
    def whole_simulation(self) -> float:
        """Seconds of one simulation with its levels, as deep as those of the grid."""
        return self.simulation + self.levels * self.level


class Calibration(NamedTuple):
    """What a study's planner takes, and its reference planner."""

    planner: Seconds
    reference: Seconds

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Return it as ``config.json`` and ``results.json`` have it."""
        return {name: seconds._asdict() for name, seconds in self._asdict().items()}


class Orders(NamedTuple):
    """Parameters of the agent of a point."""

    network: PyTree
    k: Array | int
    depth: Array | int
    chunk: Array | int
    never: Array | int = -1  # an answer that the network cannot give


def from_dict(data: Mapping[str, Mapping[str, float]]) -> Calibration:
    """Return what :meth:`Calibration.to_dict` made ``data`` of."""
    return Calibration(**{name: Seconds(**data[name]) for name in Calibration._fields})


def design(most: int) -> list[Point]:
    """Return the grid for decisions of at most ``most`` simulations."""
    points = [Point(0, NO_DEPTH_LIMIT, 1)]
    for k in sorted({max(1, most // part) for part in (8, 2, 1)}):
        for chunk in sorted({1, max(1, k // 4), k}):
            points += [Point(k, depth, chunk) for depth in (1, 2, NO_DEPTH_LIMIT)]
    return points


def fit(counts: np.ndarray, seconds: np.ndarray) -> Seconds:
    """Return the seconds of each count: least squares of relative errors, none of them negative.

    One point in four is held out and tells the error. Where every episode has as many decisions,
    what an episode takes is part of its decisions.

    Args:
        counts: ``[P, 5]``, those of :data:`COUNTS` at each point of a grid.
        seconds: ``[P]``, that they took.

    Raises:
        InputError: the counts cannot be told apart, or the fit is of no use.
    """
    counts, seconds = np.asarray(counts, float), np.asarray(seconds, float)
    held_out = np.arange(len(seconds)) % _HELD_OUT == 2
    relative = counts / seconds[:, None]
    condition, found = np.inf, np.zeros(len(COUNTS))
    for first in (0, 1):  # with what an episode takes, or without
        rows = relative[~held_out, first:]
        lengths = np.linalg.norm(rows, axis=0)
        if len(rows) < rows.shape[1] or not lengths.all():
            continue
        condition = float(np.linalg.cond(rows / lengths))
        if condition <= MOST_CONDITION:
            found[first:] = scipy.optimize.nnls(rows / lengths, np.ones(len(rows)))[0] / lengths
            break
    if not condition <= MOST_CONDITION:
        raise InputError(
            f"the clock cannot tell simulations, levels and looks apart: the condition number is "
            f"{condition:.3g}, expected at most {MOST_CONDITION:g}; sweep a larger k (--k), "
            f"{_OTHERWISE}"
        )
    error = float(np.sqrt(np.mean((relative[held_out] @ found - 1.0) ** 2)))
    if not error <= MOST_ERROR:
        raise InputError(
            f"the seconds that were measured fit with an error of {error:.0%}, expected at most "
            f"{MOST_ERROR:.0%}: measure on a quiet machine, {_OTHERWISE}"
        )
    _, _, simulations, levels, _ = counts.sum(axis=0)
    a, b, c, d, e = found.tolist()
    fitted = Seconds(a, b, c, d, e, float(levels / simulations), error, condition)
    if not fitted.whole_simulation > 0.0:
        raise InputError(
            "the seconds of a simulation are 0 as fitted, expected more: measure on a quiet "
            f"machine, {_OTHERWISE}"
        )
    return fitted


def calibrate(
    problem: StudyProblem, measured: Callable[[str], None] = lambda name: None
) -> Calibration:
    """Measure a study's planner, and its reference planner where that has another network.

    Args:
        problem: of the study.
        measured: called with a name before each measurement.

    Raises:
        InputError: see :func:`fit`.
    """
    config = problem.config
    own = fit(*measure(problem, config.network, measured))
    if _is_reference(problem):
        return Calibration(own, own)
    other = problem._replace(model=None)  # the reference planner's is the true one
    return Calibration(own, fit(*measure(other, config.reference, measured)))


def of_network(problem: StudyProblem, path: Path) -> Seconds:
    """Return what a problem's planner takes: as a file has it, or measured and written there.

    Args:
        problem: of the study, with the network to measure.
        path: a JSON file.

    Raises:
        InputError: see :func:`fit`.
    """
    if not path.exists():
        runs.write_json(path, fit(*measure(problem, problem.config.network))._asdict())
    return Seconds(**runs.read_json(path, missing=f"{path} is missing"))


def measurements(problem: StudyProblem) -> int:
    """Return how many evaluations :func:`calibrate` makes."""
    config = problem.config
    planners = 1 if _is_reference(problem) else 2
    return planners * (1 + ROUNDS * len(design(config.sweep.max_budget)))


def _is_reference(problem: StudyProblem) -> bool:
    """Return whether a study's planner is its reference planner."""
    return problem.config.reference == problem.config.network and problem.model is None


def measure(
    problem: StudyProblem,
    network: networks.NetworkConfig,
    measured: Callable[[str], None] = lambda name: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return counts ``[P, 5]`` and seconds ``[P]`` of the study's grid, for an untrained planner.

    The lanes are the study's, the episodes four times as many, and no more than its held-out ones.
    After a warm-up, points are measured in turns.
    """
    config = problem.config
    key = study_key(config, Domain.CALIBRATION)
    built, params = networks.build(network, problem.environment, problem.env_params, key)
    if problem.model is not None:
        params = problem.model.init(key)
    planner = make_planner(problem._replace(network=built), params, "visits")
    # Predicted gains are left out: a head of the planner is small beside the network.
    inputs = tuple(group for group in config.control.inputs if group in GROUPS) or GROUPS
    meta = MetaConfig("stopper", config.control.stopper_menu, inputs, config.control.width)
    own = meta_networks.build(meta, planner)
    meta_params = own.init(key)
    points = design(config.sweep.max_budget)
    episodes = min(config.sweep.episodes, 4 * config.sweep.num_lanes)

    counts: dict[Point, np.ndarray] = {}

    def play(point: Point) -> float:
        measured(f"k = {point.k}")
        orders = Orders(meta_params, *map(jnp.int32, (*point, -1)))
        played = _play(planner, ordering(own), orders, key, episodes, config.sweep.num_lanes)
        counts[point], seconds = played
        return seconds

    play(points[-1])  # a warm-up: all points share one compiled program
    seconds = np.median(in_turns([functools.partial(play, point) for point in points], ROUNDS), 0)
    rows = np.stack([counts[point] for point in points])
    return np.asarray(processes.hand_over(rows)), np.asarray(processes.hand_over(seconds))


def in_turns(
    contestants: Sequence[Callable[[], float]],
    rounds: int,
    after: Callable[[int], None] = lambda turn: None,
) -> np.ndarray:
    """Return what each contestant returns in each round, ``[R, N]``.

    Every other round goes in the opposite order, so that what the machine does meanwhile hits all
    alike. ``after`` is called after each round, with its number from 1 on.
    """
    found = np.zeros((rounds, len(contestants)))
    for turn in range(rounds):
        for place in range(len(contestants))[:: -1 if turn % 2 else 1]:
            found[turn, place] = contestants[place]()
        after(turn + 1)
    return found


@functools.cache
def ordering(network: MetaNetwork) -> MetaPolicy:
    """Compute a network's answer at each look, but order what :class:`Orders` say."""
    computed = learned.greedy(network)

    def apply(params: Orders, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        answer = computed.apply(params.network, keys, (), seen).extra_simulations
        ordered = jnp.clip(params.k - seen.simulations, 0, params.chunk)
        # It never is; but a compiler that does not know that cannot leave the network out.
        extra = jnp.where(answer == params.never, 0, ordered)
        return Control(extra, jnp.full_like(extra, params.depth), carry)

    return MetaPolicy(no_carry, apply, "every")


def _play(
    planner: Planner,
    meta_policy: MetaPolicy,
    orders: Orders,
    key: Array,
    episodes: int,
    num_lanes: int,
) -> tuple[np.ndarray, float]:
    """Return this process's share of the counts ``[5]``, and the seconds that it took."""
    works: list[Work] = []
    played = rrplan.evaluate(
        planner,
        meta_policy,
        orders,
        key=key,
        episodes=episodes,
        num_lanes=num_lanes,
        on_work=works.append,
    )
    columns: Sequence[Any] = (played.length, played.simulations, played.levels, played.looks)
    totals = [episodes, *(np.asarray(column, float).sum() for column in columns)]
    return np.array(totals) / jax.process_count(), works[0].seconds
