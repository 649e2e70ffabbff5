"""A finished run's agents, one after another in turns: what an episode takes, and what it earns."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import tyro

import rrplan
from agents import declarations, metapolicies
from agents.declarations import Fixed, Learned, Player, Rule, Untuned
from agents.metapolicies.controls import yoked
from experiments import calibration, loading, roster
from experiments.analysis.comparisons import as_json
from experiments.bench.search import Report
from experiments.bench.study import finished
from experiments.bench.time import fits
from experiments.bench.time.fits import Counted
from experiments.bench.timing import check_counts, summarise
from experiments.bill import make as make_bill
from experiments.evaluation import Domain, build_problem, study_key
from experiments.evaluation import play as play_episodes
from experiments.loading import Loaded
from rrplan.errors import InputError, unknown
from rrplan.statistics import mean_ci
from rrplan.types import Episodes, MetaPolicy, PyTree, Work


@dataclass(frozen=True)
class TimeOptions:
    """Time the agents of a finished run, one after another in turns."""

    run: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Directory of a finished run; nothing is written there."""
    rounds: int = 5
    """Times that each agent is run, after a warm-up; at least five."""
    episodes: int | None = None
    """Held-out episodes, from the first; as many as the run has if not given."""
    only: tuple[str, ...] = ()
    """Agents to time beside the fixed k's, by name; all if none are given."""
    seed: int = 0
    """Training seed of the run."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/bench")
    """Directory of the result, time.json."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace a result that is there already."""

    def __post_init__(self):
        check_counts("rounds", (self.rounds,), least=5)
        if self.episodes is not None:
            check_counts("episodes", (self.episodes,), least=2)  # an interval needs two
        finished(self.run)


class Contestant(NamedTuple):
    """An agent at one price, as it plays."""

    agent: str
    k: int | None
    price: float | None  # None where it plays alike at all prices
    meta_policy: MetaPolicy
    params: PyTree


class Played(NamedTuple):
    """What an evaluation did, and the seconds that it took."""

    episodes: Episodes
    seconds: float


class Play(Protocol):
    """Runs a contestant."""

    def __call__(self, contestant: Contestant, *, traced: bool = False) -> Played:
        """Return what it did, and its seconds; with what it did at each decision if ``traced``."""
        ...


_MOST_DECISIONS = 512  # of an episode that are recorded; later ones think as the last of these


def run_time(options: TimeOptions, report: Report = lambda line: None) -> dict[str, Any]:
    """Measure and return the results as JSON.

    Raises:
        InputError: there is no such run, training seed or agent, or there are several processes.
    """
    if jax.process_count() > 1:
        raise InputError(f"found {jax.process_count()} processes: expected one")
    run, acting = finished(options.run)
    config, loaded = run.config, loading.load(options.run, options.seed)
    problem = build_problem(config)
    bill = make_bill(problem, run.operations, measured=run.calibration)
    episodes = options.episodes or config.sweep.episodes
    contestants = list_contestants(loaded, options.only)
    play = functools.partial(play_once, loaded, bill.rates(), episodes)
    num_actions = problem.environment.num_actions
    agents, fixed = measure(contestants, play, num_actions, options.rounds, report)
    return {
        "study": {
            "env": config.env,
            "env_kwargs": config.env_kwargs,
            "acting": acting,
            "training_seed": options.seed,
            "episodes": episodes,
            "lanes": min(config.sweep.num_lanes, episodes),
            "return_label": config.return_label,
        },
        "roster": roster.describe(config.control.agents),
        "agents": agents,
        "fixed": fixed,
    }


def list_contestants(loaded: Loaded, only: Sequence[str] = ()) -> list[Contestant]:
    """Return a run's agents: fixed k's, untuned ones, rules and learned ones at their prices.

    Args:
        loaded: of a finished run.
        only: names of those beside the fixed k's; all if empty.

    Raises:
        InputError: there is no such agent among them.
    """
    config = loaded.config
    found = []
    ks: dict[int, str] = {}
    for declared in roster.ROSTER.values():
        if isinstance(declared, Fixed):
            for k in declared.budgets or config.sweep.budgets:
                ks.setdefault(k, declared.name)
    for k in sorted(ks):
        found.append(Contestant(ks[k], k, None, metapolicies.fixed(), jnp.int32(k)))
    for declared in roster.ROSTER.values():
        if isinstance(declared, Untuned):
            own = declarations.build(declared.make)(config.sweep.budgets)
            found.append(Contestant(declared.name, None, None, *own))
    for declared in config.control.declared():
        if declared.family not in (Rule.family, Learned.family):
            continue
        for price in config.sweep.prices:
            if (own := loaded.find(declared.name, price)) is not None:
                found.append(Contestant(declared.name, None, price, *own))
    others = list(dict.fromkeys(one.agent for one in found if one.k is None))
    for name in only:
        if name not in others:
            raise unknown("agent", name, others)
    return [one for one in found if one.k is not None or not only or one.agent in only]


def play_once(
    loaded: Loaded, rates: rrplan.Rates, episodes: int, contestant: Contestant, traced: bool = False
) -> Played:
    """Run an agent over the first held-out episodes, with the run's lanes.

    The seconds are those from the first tick to the last: compilation is not among them.

    Args:
        loaded: of a finished run.
        rates: of the run's bill.
        episodes: number of them.
        contestant: who plays.
        traced: also record what it did at each decision.
    """
    works: list[Work] = []
    played = play_episodes(
        loaded.planner,
        contestant.meta_policy,
        contestant.params,
        key=study_key(loaded.config, Domain.HELD_OUT),
        episodes=episodes,
        # What an agent for all prices sees of its price is the price of a simulation.
        costs=rrplan.Costs(contestant.price or 0.0, rates),
        num_lanes=loaded.config.sweep.num_lanes,
        on_work=works.append,
        trace=_MOST_DECISIONS if traced else 0,
    )
    return Played(jax.block_until_ready(played), works[0].seconds)


def measure(
    contestants: Sequence[Contestant],
    play: Play,
    num_actions: int,
    rounds: int,
    report: Report = lambda line: None,
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Return a row for each agent, and what the fixed k's take, see :func:`fits`.

    Every agent is run once as a warm-up, which also tells what it did: that is the same each time.
    Beside each one that looks, one that thinks as much and never looks takes part.
    """
    everyone, warm = list(contestants), []
    for contestant in contestants:
        warm.append(play(contestant).episodes)
        report(f"warm-up: {name_of(contestant)}")
    beside: dict[int, int] = {}  # the place of who looks: that of who does not
    for place, contestant in enumerate(contestants):
        searches = not isinstance(contestant.meta_policy, Player)  # by the planner's search
        if searches and np.asarray(warm[place].looks).any():
            beside[place] = len(everyone)
            everyone.append(_without_looks(contestant, play, num_actions))
            warm.append(play(everyone[-1]).episodes)
            report(f"warm-up: {name_of(contestant)}, without looks")
    turns: list[Callable[[], float]] = [
        functools.partial(lambda one: play(one).seconds, contestant) for contestant in everyone
    ]
    seconds = calibration.in_turns(turns, rounds, lambda turn: report(f"round {turn} of {rounds}"))
    counted = [_count(played) for played in warm]
    seconds = seconds / np.array([len(np.asarray(played.length)) for played in warm])
    untimed = [as_json(mean_ci(np.asarray(played.untimed_return, float))) for played in warm]
    curve = [place for place, one in enumerate(contestants) if one.k is not None]
    fixed = fits.cost_of_simulations([counted[place] for place in curve], seconds[:, curve])
    rows = []
    for place, one in enumerate(contestants):
        row = {
            "agent": one.agent,
            "k": one.k,
            "price": one.price,
            "untimed": untimed[place],
            **counted[place]._asdict(),
            "seconds": summarise(seconds[:, place].tolist()),
        }
        if one.k is None:
            earned = [untimed[k]["mean"] for k in curve]
            wanted = untimed[place]["mean"]
            row |= fits.against_fixed(seconds[:, curve], earned, seconds[:, place], wanted)
        if (other := beside.get(place)) is not None:
            without = seconds[:, other]
            row["without_looks"] = {
                "simulations": counted[other].simulations,
                "seconds": summarise(without.tolist()),
            }
            if fixed is not None:
                simulation = np.array(fixed["simulation"]["raw"])
                pair = counted[place], seconds[:, place], counted[other], without
                row["look"] = fits.cost_of_looks(*pair, simulation)
        rows.append(row)
        report(f"{name_of(one)}: {1e6 * row['seconds']['median']:.4g} µs an episode")
    return rows, fixed


def _without_looks(contestant: Contestant, play: Play, num_actions: int) -> Contestant:
    """Return who thinks as much as an agent that looks, and never does."""
    trace = play(contestant, traced=True).episodes.trace
    assert trace is not None  # as it is traced
    own = yoked.yoked_without_looks(), yoked.collect(trace, num_actions)
    return Contestant(contestant.agent, None, contestant.price, *own)


def name_of(one: Any) -> str:
    """Return what to call a contestant."""
    if one.k is not None:
        return f"fixed k = {one.k}"
    return one.agent if one.price is None else f"{one.agent}, c = {one.price:g}"


def _count(played: Episodes) -> Counted:
    columns = (played.length, played.simulations, played.looks)
    return Counted(*(float(np.asarray(column, float).mean()) for column in columns))
