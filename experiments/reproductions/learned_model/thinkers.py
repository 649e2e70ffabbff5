"""Thinker in each model: the true one, a learned one, and one that learns on beside the agent."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from agents.model_learning.train import with_model
from agents.thinker.config import ThinkerConfig
from agents.thinker.player import equip
from agents.thinker.trainable import make
from agents.training import fit
from experiments.analysis import columns
from experiments.analysis.columns import Columns
from experiments.analysis.comparisons import as_json
from experiments.evaluation import Domain, StudyProblem, play, study_key
from experiments.reproductions import keeping
from experiments.reproductions.learned_model.options import LearnedModelOptions
from experiments.seeds import name_key
from rrplan import operations
from rrplan.costs import Rates
from rrplan.planner import Planner
from rrplan.statistics import mean_ci, paired_difference
from rrplan.types import PyTree

KINDS = ("true", "learned", "beside")
"""The true model; a learned one that stays as it is; one that goes on learning beside the agent."""
BILLS = ("simulations", "operations")


class Imagining(NamedTuple):
    """What Thinker imagines with, and how long its model was trained before."""

    kind: str
    """One of :data:`KINDS`."""
    chunks: int | None = None

    @property
    def label(self) -> str:
        """Of its own among them: part of a file's name."""
        return f"thinker-{self.kind}" + ("" if self.chunks is None else f"-{self.chunks}")


class Played(NamedTuple):
    """What one training seed of Thinker did."""

    table: Columns  # [E], held-out episodes
    rates: Rates  # of the whole bill, in multiples of the price
    searched: Planner  # with the model as it is at the end


def list_thinkers(options: LearnedModelOptions) -> list[Imagining]:
    """Return all of them; none where none is asked for."""
    if not options.thinker_steps:
        return []
    learned = [Imagining(kind, chunks) for chunks in options.chunks for kind in KINDS[1:]]
    return [Imagining("true"), *learned]


def settings_of(options: LearnedModelOptions, one: Imagining) -> ThinkerConfig:
    """Return how it is trained: all for as many real steps."""
    steps = options.thinker_steps
    return dataclasses.replace(
        options.thinker,
        steps=steps,
        steps_per_chunk=options.decisions * steps,
        model_steps=options.thinker.model_steps if one.kind == "beside" else 0,
    )


def run(
    problem: StudyProblem,
    planner: Planner,
    options: LearnedModelOptions,
    one: Imagining,
    params: PyTree,
    seed: int,
    report: Callable[[Any], None],
) -> Played:
    """Return what Thinker did on the held-out episodes; what had finished before is read.

    Args:
        problem: with the model's network.
        planner: with the true model.
        options: of the command.
        one: what it imagines with.
        params: of the model, as it was trained before.
        seed: number of the training seed.
        report: called with each chunk's metrics.
    """
    given = planner
    if one.kind != "true":
        assert problem.model is not None  # as it was built so
        given = with_model(planner, problem.model, params)
    training, player, _ = make(
        given, settings_of(options, one), chosen=False, learned=options.learned
    )
    key = name_key(study_key(problem.config, Domain.CONTROL, seed), "thinker")
    directory = options.directory / "seeds" / str(seed) / one.label
    trained = fit.fit(training, key, directory, resume=True, report=report)
    path = options.directory / "evaluations" / f"seed{seed}-{one.label}.npz"
    asked = {"key": study_key(problem.config, Domain.HELD_OUT), "episodes": options.episodes}
    asked |= {"num_lanes": problem.config.sweep.num_lanes}
    table = keeping.evaluated(path, options.episodes, lambda: play(given, player, trained, **asked))
    own, unit = operations.of_planner(given), operations.of_planner(planner).simulation
    look = player.operations_of_look(given, trained)
    rates = Rates(own.simulation / unit, look / unit, own.evaluation / unit)
    return Played(jax.tree.map(np.asarray, table), rates, equip(given, trained))


def summarize(
    played: Mapping[Imagining, Sequence[Played]], prices: Sequence[float]
) -> list[dict[str, Any]]:
    """Return what ``results.json`` holds of them: plain values, the same whenever it is made.

    Args:
        played: by each training seed.
        prices: of a simulation in the true model.
    """
    tables = {
        one: columns.stack_tables([each.table for each in seeds]) for one, seeds in played.items()
    }
    return [_entry(one, tables, played[one][0].rates, prices) for one in tables]


def _entry(
    one: Imagining, tables: Mapping[Imagining, Columns], rates: Rates, prices: Sequence[float]
) -> dict[str, Any]:
    table = tables[one]
    untimed = {other: tables[other]["untimed_return"].astype(float) for other in tables}
    frozen = Imagining("learned", one.chunks)
    against = {"true": Imagining("true"), "learned": frozen if one.kind == "beside" else one}
    return {
        "kind": one.kind,
        "chunks": one.chunks,
        "untimed": as_json(mean_ci(untimed[one])),
        "seeds": untimed[one].mean(axis=1).tolist(),
        "imagined": float(table["levels"].sum() / table["length"].sum()),
        "calls": float(table["simulations"].sum() / table["length"].sum()),
        "timed": [
            {
                "price": price,
                "bill": bill,
                **as_json(mean_ci(columns.timed_return(table, price, own))),
            }
            for bill, own in zip(BILLS, (Rates(), rates), strict=True)
            for price in prices
        ],
        **{
            f"than_{name}": None
            if other == one
            else as_json(paired_difference(untimed[one], untimed[other]))
            for name, other in against.items()
        },
    }
