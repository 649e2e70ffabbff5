"""The arms of the study: what is searched in, who judges, and what each earns at each k."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from agents import metapolicies
from agents.model_learning import errors
from agents.model_learning.config import ModelConfig
from agents.model_learning.train import make_model_train, with_model
from agents.training import fit
from experiments import modelling
from experiments.analysis.columns import Columns
from experiments.evaluation import (
    Domain,
    StudyProblem,
    study_key,
)
from experiments.reproductions import keeping, planners
from experiments.reproductions.learned_model.options import LearnedModelOptions
from rrplan.planner import Planner
from rrplan.types import PyTree

KINDS = ("true", "learned", "judged", "beside")
"""The true model with the planner's network; a learned model; true steps, with values and prior of
the learned model; and the learned model after it has gone on learning beside Thinker."""
SPLITS = {"validation": Domain.VALIDATION, "held-out": Domain.HELD_OUT}
UNROLLS = 2048
"""Unrolls that errors are measured on, at least."""


class Arm(NamedTuple):
    """What a planner searches in, and how long its model was trained."""

    kind: str
    """One of :data:`KINDS`."""
    chunks: int | None = None

    @property
    def label(self) -> str:
        """Of its own among the arms: part of a file's name."""
        return self.kind if self.chunks is None else f"{self.kind}-{self.chunks}"


def list_arms(options: LearnedModelOptions) -> list[Arm]:
    """Return all arms."""
    kinds = KINDS[1:] if options.thinker_steps else KINDS[1:-1]
    others = [Arm(kind, chunks) for kind in kinds for chunks in options.chunks]
    return [Arm("true"), *others]


def build(options: LearnedModelOptions) -> StudyProblem:
    """Return environment, the planners' network and the model's; nothing is trained."""
    return planners.build(
        options.env,
        options.k,
        options.planner_chunks,
        {"evaluate_every": 10**6, "checkpoint_every": 25},
        model="learned",
        learned=options.learned,
    )


def settings_of(options: LearnedModelOptions, chunks: int) -> ModelConfig:
    """Return how a model is trained for so many chunks; the last alone is evaluated."""
    checkpoint = max(1, chunks // 4)
    return dataclasses.replace(
        options.learned, num_chunks=chunks, evaluate_every=chunks, checkpoint_every=checkpoint
    )


def train_planner(
    problem: StudyProblem, options: LearnedModelOptions, seed: int, report: Callable[[Any], None]
) -> Planner:
    """Return the planner of a training seed, with the true model, trained or read."""
    directory = _of_seed(options, seed) / "planner"
    true = problem._replace(model=None)
    return planners.train(true, directory, seed, options.acting, report)


def train_model(
    problem: StudyProblem,
    planner: Planner,
    options: LearnedModelOptions,
    chunks: int,
    seed: int,
    report: Callable[[Any], None],
) -> PyTree:
    """Return the parameters of a model, trained or read."""
    assert problem.model is not None  # as it was built so
    key = modelling.key_of(problem.config, seed)
    made = make_model_train(planner, problem.model, settings_of(options, chunks))
    directory = _of_seed(options, seed) / f"model-{chunks}"
    return fit.fit(made, key, directory, resume=True, report=report)


def find_errors(
    problem: StudyProblem, planner: Planner, options: LearnedModelOptions, params: PyTree
) -> dict[str, list[float]]:
    """Return the errors of a model after each number of imagined steps."""
    assert problem.model is not None  # as it was built so
    found = errors.measure(planner, problem.model, options.learned, params, UNROLLS)
    return {name: np.asarray(each, float).tolist() for name, each in found._asdict().items()}


def equip(problem: StudyProblem, planner: Planner, arm: Arm, params: PyTree) -> Planner:
    """Return the planner of an arm; ``params`` are those of its model."""
    if arm.kind == "true":
        return planner
    assert problem.model is not None  # as it was built so
    if arm.kind in ("learned", "beside"):
        return with_model(planner, problem.model, params)
    return planner._replace(network=problem.model, params=params)


def run(
    problem: StudyProblem, planner: Planner, options: LearnedModelOptions, arm: Arm, seed: int
) -> dict[str, dict[int, Columns]]:
    """Return what a planner did at each k, on either split; what had finished before is read."""
    found: dict[str, dict[int, Columns]] = {name: {} for name in SPLITS}
    for split, domain in SPLITS.items():
        for k in options.k:
            name = f"{split}-seed{seed}-{arm.label}-{k}"
            path = options.directory / "evaluations" / f"{name}.npz"
            evaluate = functools.partial(
                rrplan.evaluate,
                planner,
                metapolicies.fixed(),
                jnp.int32(k),
                key=study_key(problem.config, domain),
                episodes=options.episodes,
                num_lanes=problem.config.sweep.num_lanes,
            )
            table = keeping.evaluated(path, options.episodes, evaluate)
            found[split][k] = jax.tree.map(np.asarray, table)
    return found


def _of_seed(options: LearnedModelOptions, seed: int) -> Path:
    return options.directory / "seeds" / str(seed)
