"""What helps Thinker: its training on a finished run's planner, with one change.

Every arm is trained for as many real steps. ``docs/thinker.md`` quotes the table.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from agents.thinker import network as thinker_networks
from agents.thinker.config import ThinkerConfig
from agents.thinker.player import ThinkerPlayer
from agents.thinker.player import prepare as prepare_planner
from agents.thinker.train import make_thinker_train
from experiments.studies.ablations import harness, metapolicy
from experiments.studies.ablations.harness import Bench, Column, Row, Trial
from experiments.studies.ablations.metapolicy import EVALUATION_SEED, Options, Setting
from rrplan.costs import Costs
from rrplan.errors import InputError
from rrplan.statistics import mean_ci
from rrplan.types import Array, PyTree

DECISIONS = 4
"""Real steps of each lane between two rounds of learning."""
_MEASURED = ("untimed_return", "timed_return", "simulations", "levels", "length")
_COLUMNS = (
    Column("untimed", "untimed return", ".4f"),
    Column("difference", "to the first arm", "+.4f"),
    Column("timed", "timed", ".4f"),
    Column("imagined", "imagined a decision", ".2f"),
    Column("simulations", "model calls a decision", ".2f"),
)


class Arm(NamedTuple):
    """One setting: what is changed in the run's own settings of Thinker."""

    label: str
    changes: Mapping[str, Any] = {}


def thinker() -> list[Arm]:
    """Rewards, the tree, resets, and how long and how deep a stage is."""
    return [
        Arm("as it is, K = 10, L = 5", {"steps": 10, "depth": 5}),
        Arm("no planning reward", {"planning_weight": 0.0}),
        Arm("no kept tree", {"keep_tree": False}),
        Arm("no reset bit", {"resets": False}),
        Arm("K = 1", {"steps": 1}),
        Arm("K = 5", {"steps": 5}),
        Arm("K = 20", {"steps": 20}),
        Arm("L = 2", {"depth": 2}),
        Arm("L = 10", {"depth": 10}),
    ]


def prepare(arms: Sequence[Arm], options: Options) -> Bench:
    """Return the arms on a finished run's planner.

    Raises:
        InputError: there is no finished run, or it had no such price, or its planner has fewer
            simulations than an arm has imaginary steps.
    """
    setting = metapolicy.load(options)
    most = setting.planner.max_simulations
    for arm in arms:
        steps = _settings(setting, arm).steps
        if steps - 1 > most:
            raise InputError(
                f"arm {arm.label!r} has {steps - 1} imaginary steps: expected at most {most}, the"
                " largest k of the run; leave the arm out with --only"
            )
    trial = lambda arm: make_trial(setting, arm)  # noqa: E731
    return Bench(arms, trial, "untimed_return", describe, _COLUMNS)


def make_trial(setting: Setting, arm: Arm) -> Trial:
    """Return what trains and evaluates one arm."""
    config, planner = _settings(setting, arm), setting.planner
    stage = config.stage(chosen=False)
    network = thinker_networks.build(config, stage, *prepare_planner(planner, stage, Costs()))
    player = ThinkerPlayer(network, stage)
    shapes = jax.eval_shape(network.init, jax.random.key(0))
    costs = Costs(setting.price, setting.bill.rates(player.operations_of_look(planner, shapes)))
    learned = setting.config.learned
    training = make_thinker_train(planner, network, stage, config, learned=learned)

    def evaluate(params: PyTree) -> dict[str, Array]:
        key = jax.random.key(EVALUATION_SEED)
        given = {"key": key, "episodes": setting.episodes, "costs": costs}
        episodes = player.evaluate(planner, params, **given)
        return {name: getattr(episodes, name) for name in _MEASURED}

    return Trial(functools.partial(harness.train, training), evaluate)


def describe(columns: Mapping[str, np.ndarray]) -> Row:
    """Return what a row tells of columns ``[S, E]``."""
    decisions = columns["length"].sum()
    return {
        "untimed": mean_ci(columns["untimed_return"])._asdict(),
        "timed": float(columns["timed_return"].mean()),
        "imagined": float(columns["levels"].sum() / decisions),
        "simulations": float(columns["simulations"].sum() / decisions),
    }


def _settings(setting: Setting, arm: Arm) -> ThinkerConfig:
    given = {"num_chunks": setting.chunks} if setting.chunks else {}
    config = dataclasses.replace(setting.config.control.thinker, **given, **arm.changes)
    return dataclasses.replace(config, steps_per_chunk=DECISIONS * config.steps)
