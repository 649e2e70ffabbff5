"""The arms of the reproduction: who is trained, how, and what each earns on held-out episodes."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from agents import metapolicies
from agents.thinker import network as thinker_networks
from agents.thinker.config import ThinkerConfig
from agents.thinker.player import ThinkerPlayer, prepare
from agents.thinker.train import make_thinker_train
from agents.training import fit
from experiments.analysis.columns import Columns
from experiments.evaluation import (
    Domain,
    StudyProblem,
    play,
    study_key,
)
from experiments.reproductions import keeping, planners
from experiments.reproductions.thinker.options import DynamicThinkerOptions
from experiments.seeds import name_key
from rrplan import operations
from rrplan.costs import Costs, Rates
from rrplan.planner import Planner
from rrplan.types import PyTree


class Arm(NamedTuple):
    """One way to think: at most one of ``k`` and ``price`` is None."""

    kind: str
    """``"search"``, ``"thinker"``, ``"bare"`` (no kept tree) or ``"dynamic"``."""
    k: int | None = None
    price: float | None = None

    @property
    def label(self) -> str:
        """Of its own among the arms: a folder's name."""
        return f"{self.kind}-{self.k if self.price is None else f'{self.price:g}'}"


def list_arms(options: DynamicThinkerOptions) -> list[Arm]:
    """Return all arms, those first that take least."""
    kinds = ["search", "thinker", *(["bare"] if options.bare else [])]
    arms = [Arm(kind, k) for kind in kinds for k in options.k if kind != "bare" or k > 0]
    return [*arms, *(Arm("dynamic", price=price) for price in options.prices)]


def build(options: DynamicThinkerOptions) -> StudyProblem:
    """Return the environment and the planners' network; nothing is trained."""
    most = max(*options.k, options.thinker.k_max)
    return planners.build(options.env, (0, most), options.planner_chunks)


def train_planner(
    problem: StudyProblem, options: DynamicThinkerOptions, seed: int, report: Callable[[Any], None]
) -> Planner:
    """Return the planner of a training seed, trained or read."""
    directory = options.directory / "seeds" / str(seed) / "planner"
    return planners.train(problem, directory, seed, options.acting, report)


class Ready(NamedTuple):
    """An arm that can be run: who plays, and with which parameters."""

    meta_policy: Any
    params: PyTree


def prepare_arm(
    planner: Planner,
    options: DynamicThinkerOptions,
    arm: Arm,
    directory: Path,
    key: jax.Array,
    report: Callable[[Any], None],
) -> Ready:
    """Return who plays, trained or read."""
    if arm.kind == "search":
        return Ready(metapolicies.fixed(), jnp.int32(arm.k))
    config = settings_of(options, arm)
    stage = config.stage(chosen=arm.kind == "dynamic")
    network = thinker_networks.build(config, stage, *prepare(planner, stage, Costs()))
    price, rates = arm.price or 0.0, Rates()
    training = make_thinker_train(
        planner, network, stage, config, (price, price), Costs(0.0, rates)
    )
    params = fit.fit(training, key, directory, resume=True, report=report)
    return Ready(ThinkerPlayer(network, stage), params)


def settings_of(options: DynamicThinkerOptions, arm: Arm) -> ThinkerConfig:
    """Return how an arm is trained: every k of Thinker for as many real steps."""
    config = options.thinker
    if arm.k is None:
        return config
    steps = arm.k + 1
    return dataclasses.replace(
        config,
        steps=steps,
        steps_per_chunk=options.decisions * steps,
        keep_tree=config.keep_tree and arm.kind != "bare",
    )


def run_arm(
    problem: StudyProblem,
    planner: Planner,
    options: DynamicThinkerOptions,
    arm: Arm,
    seed: int,
    report: Callable[[Any], None],
) -> tuple[Columns, Rates]:
    """Return what an arm did on the held-out episodes, and what it pays under the whole bill."""
    directory = options.directory / "seeds" / str(seed) / arm.label
    key = name_key(study_key(problem.config, Domain.CONTROL, seed), arm.kind)
    ready = prepare_arm(planner, options, arm, directory, key, report)
    path = options.directory / "evaluations" / f"seed{seed}-{arm.label}.npz"
    given = {"key": study_key(problem.config, Domain.HELD_OUT), "episodes": options.episodes}
    given |= {"costs": Costs(arm.price or 0.0), "num_lanes": problem.config.sweep.num_lanes}
    table = keeping.evaluated(path, options.episodes, lambda: play(planner, *ready, **given))
    own = operations.of_planner(planner)
    look = 0.0
    if arm.kind != "search":
        look = ready.meta_policy.operations_of_look(planner, ready.params)
    unit = own.simulation
    return table, Rates(1.0, look / unit, own.evaluation / unit)
