"""A finished run's planner and meta-policies, ready for :func:`rrplan.evaluate`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from agents import metapolicies
from agents.declarations import Trainable
from agents.training import fit
from experiments import runs
from experiments.analysis.results import BestFixed
from experiments.bill import Bill
from experiments.bill import make as make_bill
from experiments.evaluation import StudyProblem, build_problem, load_params, make_planner
from experiments.runs import Run
from experiments.studies.planning_depth import searched, yoking
from experiments.studies.planning_depth import training as meta_training
from experiments.studies.planning_depth.config import StudyConfig
from rrplan.errors import InputError
from rrplan.planner import Planner
from rrplan.types import MetaPolicy, PyTree

Agents = dict[str, tuple[MetaPolicy, PyTree]]


class Loaded(NamedTuple):
    """What one training seed of a finished run has brought forth."""

    planner: Planner
    meta_policies: Mapping[str, tuple[MetaPolicy, PyTree]]
    """Each meta-policy with its parameters, by name: ``stopper-0.0003`` is the one for that price,
    ``stopper-priced`` the one for all, ``fixed-0.0003`` the best fixed k at that price."""
    config: StudyConfig

    def find(self, agent: str, price: float) -> tuple[MetaPolicy, PyTree] | None:
        """Return an agent's meta-policy at a price: the one for it, else the one for all prices."""
        own = self.meta_policies.get(f"{agent}-{price:g}")
        return own or self.meta_policies.get(agent)


def load(directory: Path | str, seed: int = 0) -> Loaded:
    """Return a finished run's planner and its meta-policies.

    Args:
        directory: of a run of planning depth that has ended.
        seed: which training seed's.

    Raises:
        InputError: there is no finished run, or it has no such training seed, or an agent of the
            user's own cannot be imported any more.
    """
    run = runs.load_run(Path(directory))
    results = runs.load_results(run.path)
    if not 0 <= seed < run.config.seeds:
        raise InputError(f"seed is {seed}: expected 0 to {run.config.seeds - 1}, as the run has")
    problem = build_problem(run.config)
    planner = make_planner(problem, load_params(problem, run, seed), results["acting"])
    best = [BestFixed(c["price"], c["k"], c["validation_timed"]) for c in results["best_fixed"]]
    found: Agents = {
        f"fixed-{choice.price:g}": (metapolicies.fixed(), jnp.int32(choice.k)) for choice in best
    }
    found |= _load_rules(problem, planner, results)
    found |= searched.load_all(run, results["acting"])
    bill = make_bill(problem, run.operations, measured=run.calibration)
    starts = meta_training.starts_of(run.config, run, best)
    found |= _load_learned(run, seed, planner, starts, bill)
    found |= yoking.load_all(run, seed, results["acting"])
    return Loaded(planner, found, run.config)


def _load_rules(problem: StudyProblem, planner: Planner, results: Mapping[str, Any]) -> Agents:
    """Return each rule with the parameters that were chosen at each price."""
    grids = meta_training.make_grids(problem, planner.params, results["acting"])
    chosen = {(e["agent"], e["price"]): e["evaluation"] for e in results["agents"]}
    found: Agents = {}
    for name, grid in grids.items():
        by_name = {candidate.name: candidate for candidate in grid}
        for price in problem.config.sweep.prices:
            candidate = by_name.get(chosen.get((name, price), ""))
            if candidate is not None:
                found[f"{name}-{price:g}"] = (candidate.meta_policy, candidate.params)
    return found


def _load_learned(
    run: Run, seed: int, planner: Planner, starts: Mapping[str, int], bill: Bill
) -> Agents:
    found: Agents = {}
    for case in meta_training.list_cases(run.config):
        trainable = meta_training.make_trainable(run.config, planner, case, starts, bill)
        directory = meta_training.training_directory(run, seed, case)
        params = fit.load_params(directory, _shapes(trainable))
        found[case.label] = (trainable.meta_policy, params)
    return found


def _shapes(trainable: Trainable) -> PyTree:
    """Return the shapes of what a training learns, without computing anything."""
    training = trainable.training

    def begin(key):
        return training.init(key, training.network.init(key)).params

    return jax.eval_shape(begin, jax.random.key(0))
