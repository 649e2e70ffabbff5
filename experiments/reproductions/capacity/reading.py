"""The runs of the grid, read: what each planner earned with each k, and how it was trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import polars as pl

import envs
from agents import networks
from agents.random_play import random_returns
from agents.training import fit
from experiments import runs
from experiments.analysis.columns import of_frame, read_frame
from experiments.cluster.grid import Cell
from experiments.evaluation import Domain, study_key
from experiments.studies.planning_depth.config import StudyConfig
from experiments.studies.planning_depth.planners.budgets import operations_of_chunk
from rrplan.operations import Operations
from rrplan.types import Environment, PyTree

_RANDOM_EPISODES = 1024


class Planner(NamedTuple):
    """Planners of one width and one length of training, a training seed each."""

    width: int
    chunks: int
    steps: int
    """Environment steps of a training."""
    weights: int
    evaluation: float
    """Operations of one evaluation, which a decision takes without a search."""
    simulation: float
    """Operations of one simulation."""
    training: float
    """Operations of one training."""
    returns: Mapping[int, np.ndarray]
    """Untimed returns ``[S, E]`` by k, on the same held-out episodes for all planners."""
    curve_steps: np.ndarray
    """Environment steps ``[N]`` at which a training was evaluated."""
    curve: np.ndarray
    """Mean returns at k = 0 there, of each training seed ``[S, N]``, on other episodes."""

    def operations(self, k: int) -> float:
        """Return the operations of a decision with k simulations."""
        return self.evaluation + k * self.simulation

    def mean(self, k: int) -> float:
        """Return the mean return with k simulations."""
        return float(self.returns[k].mean())


def read(cell: Cell, out: Path) -> Planner:
    """Return what a run of the grid has brought forth.

    Raises:
        InputError: it has not ended, or its files are damaged.
    """
    run = runs.load_run(cell.directory(out))
    results = runs.load_results(run.path)
    frame = read_frame(run.episodes).filter(agent="fixed").filter(pl.col("depth").is_null())
    steps, curve = _curve(run)
    kept = results["bill"]["operations"]
    operations = Operations(kept["step"], kept["evaluation"])
    train = run.config.train
    return Planner(
        width=run.config.network.units,
        chunks=train.num_chunks,
        steps=train.total_steps,
        weights=_weights(run.config),
        evaluation=operations.evaluation,
        simulation=operations.simulation,
        training=train.num_chunks * operations_of_chunk(train, operations),
        returns={
            k: of_frame(rows)["untimed_return"].astype(float)
            for (k,), rows in frame.group_by("k", maintain_order=True)
        },
        curve_steps=steps,
        curve=curve,
    )


def random_return(config: StudyConfig) -> float:
    """Return what random legal actions earn on average, on the held-out episodes."""
    environment, env_params = _environment(config)
    key = study_key(config, Domain.HELD_OUT)
    return float(random_returns(environment, env_params, key, _RANDOM_EPISODES).mean())


def _curve(run: runs.Run[StudyConfig]) -> tuple[np.ndarray, np.ndarray]:
    """Return steps ``[N]`` and returns at k = 0 ``[S, N]`` of a run's trainings."""
    seeds = range(run.config.seeds)
    lines = [
        [line for line in fit.read_metrics(run.training(seed)) if "evaluation_return" in line]
        for seed in seeds
    ]
    steps = np.array([line["steps"] for line in lines[0]])
    return steps, np.array([[line["evaluation_return"] for line in own] for own in lines])


def _environment(config: StudyConfig) -> tuple[Environment, PyTree]:
    env, env_params = envs.make(config.env, **config.env_kwargs)
    return envs.adapt(env), env_params


def _weights(config: StudyConfig) -> int:
    network, _ = networks.build(config.network, *_environment(config), jax.random.key(0))
    return int(network.describe()["parameters"])
