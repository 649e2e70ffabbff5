"""What helps a learned meta-policy: its training on a finished run's planner, with one change.

``docs/metapolicies.md`` quotes the tables.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from agents import declarations, metapolicies
from agents.declarations import Learned, Request
from agents.metapolicies.learned.config import GROUPS
from agents.metapolicies.learners.making import Task
from agents.training.protocol import Training
from experiments import roster, runs
from experiments.bill import Bill
from experiments.bill import make as make_bill
from experiments.evaluation import build_problem, load_params, make_planner
from experiments.studies.ablations import harness
from experiments.studies.ablations.harness import Bench, Column, Row, Trial
from experiments.studies.planning_depth.config import StudyConfig
from rrplan import operations
from rrplan.planner import Planner
from rrplan.statistics import mean_ci
from rrplan.types import Array, PyTree

EVALUATION_SEED = 0xAB1A
"""Of the held-out episodes: nothing else uses them."""
_MEASURED = ("timed_return", "untimed_return", "simulations", "looks")
_COLUMNS = (
    Column("timed", "timed return", ".4f"),
    Column("difference", "to the first arm", "+.4f"),
    Column("untimed", "untimed", ".4f"),
    Column("simulations", "simulations", ".1f"),
    Column("looks", "looks", ".1f"),
    Column("look", "cost of a look", ".2f"),
)


class Options(Protocol):
    """What is asked for."""

    run: Path  # directory of a finished run
    price: float  # of one simulation
    episodes: int  # held-out ones
    chunks: int | None  # of each training; the run's if None
    price_level: float | None  # of a level, in multiples of the price; the run's if None


class Arm(NamedTuple):
    """One setting: what is changed in the run's own."""

    label: str
    meta: Mapping[str, Any] = {}
    ppo: Mapping[str, Any] = {}
    agent: str = "stopper"
    start: int | None = None  # the run's best fixed k if None
    longer: int = 1  # times as many chunks
    learner: Mapping[str, Any] = {}


class FixedArm(NamedTuple):
    """The run's best fixed k, beside which the others stand: it learns nothing."""

    label: str


class Setting(NamedTuple):
    """A finished run's planner, and what its agents are held against."""

    config: StudyConfig
    planner: Planner
    best_fixed: int
    price: float
    episodes: int
    chunks: int | None
    bill: Bill


def start() -> list[Arm]:
    """Where an untrained policy starts from."""
    return [
        Arm("the best fixed k"),
        Arm("a weaker preference for it", ppo={"initial_strength": 1.0}),
        Arm("no preference", ppo={"initial_strength": 0.0}),
        Arm("acting at once", start=0),
    ]


def inputs() -> list[Arm]:
    """What a stopper sees: everything, all but one group, or predicted gains as well."""
    arms = [Arm("all", meta={"inputs": _without()})]
    arms += [Arm(f"without {left}", meta={"inputs": _without(left)}) for left in _without()]
    return [*arms, Arm("with predicted gains", meta={"inputs": (*_without(), "gains")})]


def advantages() -> list[Arm]:
    """How advantages are estimated."""
    return [
        Arm("λ = 0.95 a look"),
        Arm("λ = 0.95 an act", ppo={"lambda_per": "act"}),
        Arm("λ = 1", ppo={"gae_lambda": 1.0}),
        Arm("λ = 0.8 a look", ppo={"gae_lambda": 0.8}),
        Arm("values not learned first", ppo={"value_chunks": 0}),
    ]


def menus() -> list[Arm]:
    """What may be answered, and how often one looks."""
    return [
        Arm("stopper"),
        Arm("stopper, 0 1", meta={"menu": (0, 1)}),
        Arm("stopper, 0 4", meta={"menu": (0, 4)}),
        Arm("gate", agent="gate"),
        Arm("gate, 0 4 8 16 24 32 48", meta={"menu": (0, 4, 8, 16, 24, 32, 48)}, agent="gate"),
    ]


def widths() -> list[Arm]:
    """How large the network is: a look of a larger one costs more."""
    few = ("search", "values", "progress")
    arms = [Arm(f"width {width}", meta={"width": width}) for width in (16, 4, 8, 32, 64)]
    return [
        *arms,
        Arm("width 16, without features", meta={"inputs": _without("features")}),
        Arm("width 8, search, values and progress alone", meta={"width": 8, "inputs": few}),
        Arm("width 16, menu 0 4 8", meta={"menu": (0, 4, 8)}),
    ]


def learning() -> list[Arm]:
    """How fast, how long and how freely."""
    return [
        Arm("as it is"),
        Arm("entropy weight 0.03", ppo={"entropy_weight": 0.03}),
        Arm("entropy weight 0", ppo={"entropy_weight": 0.0}),
        Arm("learning rate 5e-4", ppo={"learning_rate": 5e-4}),
        Arm("learning rate 2e-3", ppo={"learning_rate": 2e-3}),
        Arm("twice as long", longer=2),
    ]


def _without(*left: str) -> tuple[str, ...]:
    """Return the groups of inputs but some, and but the price, which is always the same."""
    return tuple(group for group in GROUPS if group not in ("price", *left))


def prepare(arms: Sequence[Arm], options: Options) -> Bench:
    """Return the arms on a finished run's planner; the run's best fixed k is the last of them.

    Raises:
        rrplan.InputError: there is no finished run, or it had no such price.
    """
    setting = load(options)
    fixed = FixedArm(f"fixed k = {setting.best_fixed}")

    def trial(arm: Arm | FixedArm) -> Trial:
        return make_fixed(setting) if isinstance(arm, FixedArm) else make_trial(setting, arm)

    return Bench([*arms, fixed], trial, "timed_return", describe, _COLUMNS)


def load(options: Options) -> Setting:
    """Return the planner of a finished run's first seed, and its best fixed k at the price.

    Raises:
        rrplan.InputError: there is no finished run, or it had no such price.
    """
    run = runs.load_run(options.run)
    results = runs.load_results(options.run)
    best = {choice["price"]: choice["k"] for choice in results["best_fixed"]}
    price = options.price
    if price not in best:
        raise rrplan.InputError(f"price is {price}: expected one of {', '.join(map(str, best))}")
    config = run.config
    if options.price_level is not None:
        config = dataclasses.replace(config, price_level=options.price_level)
    problem = build_problem(config)
    planner = make_planner(problem, load_params(problem, run, 0), results["acting"])
    bill = make_bill(problem, run.operations, measured=run.calibration)
    return Setting(config, planner, best[price], price, options.episodes, options.chunks, bill)


def make_trial(setting: Setting, arm: Arm) -> Trial:
    """Return what trains and evaluates one arm."""
    made = make_task(setting, arm)
    return Trial(
        functools.partial(harness.train, made.training),
        lambda params: evaluate(setting, made.meta_policy, params, made.rates),
        facts={"look": made.look},
    )


class Made(NamedTuple):
    """An arm on a run's planner: what is to be trained, and how its result acts and is charged."""

    task: Task
    training: Training  # of it, with what comes before
    meta_policy: rrplan.MetaPolicy
    rates: rrplan.Rates
    look: float  # what one takes, in simulations


def make_task(setting: Setting, arm: Arm) -> Made:
    """Return what an arm trains. Nothing is computed.

    Raises:
        rrplan.InputError: a setting is out of range.
    """
    control = setting.config.control
    agent = roster.find(arm.agent)
    assert isinstance(agent, Learned)  # as every arm's
    meta = dataclasses.replace(control.meta(agent), **arm.meta)
    given = {"num_chunks": setting.chunks} if setting.chunks else {}
    prices = {"lowest_price": setting.price, "highest_price": setting.price}
    ppo = dataclasses.replace(control.ppo, **(given | prices | dict(arm.ppo)))
    ppo = dataclasses.replace(ppo, num_chunks=arm.longer * ppo.num_chunks)
    learner = dataclasses.replace(control.learner, **arm.learner)
    planner = setting.planner
    begin = setting.best_fixed if arm.start is None else arm.start

    def rates_of(meta_policy: rrplan.MetaPolicy, params: PyTree) -> rrplan.Rates:
        return setting.bill.rates(operations.of_look(planner, meta_policy, params))

    request = Request(meta, ppo, control.gains, begin, rates_of, learner=learner)
    training, meta_policy, _ = declarations.build(agent.make)(planner, request)
    network = training.network
    look = operations.of_look(planner, meta_policy, jax.eval_shape(network.init, jax.random.key(0)))
    rates = setting.bill.rates(look)
    task = Task(planner, network, ppo, begin, rrplan.Costs(rates=rates), learner)
    return Made(task, training, meta_policy, rates, look / setting.bill.planner.simulation)


def make_fixed(setting: Setting) -> Trial:
    """Return what evaluates the best fixed k, once for all seeds."""
    k = jnp.int32(setting.best_fixed)
    columns = evaluate(setting, metapolicies.fixed(), k, setting.bill.rates())
    return Trial(lambda seed: k, lambda k: columns)


def evaluate(
    setting: Setting, meta_policy: rrplan.MetaPolicy, params: PyTree, rates: rrplan.Rates
) -> dict[str, Array]:
    """Return the columns of an agent on the held-out episodes, ``[E]`` each."""
    episodes = rrplan.evaluate(
        setting.planner,
        meta_policy,
        params,
        key=jax.random.key(EVALUATION_SEED),
        episodes=setting.episodes,
        costs=rrplan.Costs(setting.price, rates),
    )
    return {name: getattr(episodes, name) for name in _MEASURED}


def describe(columns: Mapping[str, np.ndarray]) -> Row:
    """Return what a row tells of columns ``[S, E]``."""
    return {
        "timed": mean_ci(columns["timed_return"])._asdict(),
        "untimed": float(columns["untimed_return"].mean()),
        "simulations": float(columns["simulations"].mean()),
        "looks": float(columns["looks"].mean()),
    }
