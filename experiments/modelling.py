"""The learned model of a study: built, trained beside each planner, and found again."""

from pathlib import Path

import jax

from agents.model_learning.network import ModelNetwork
from agents.model_learning.network import build as build_network
from agents.training import fit
from agents.training.protocol import TrainableEvaluator, Training
from experiments.runs import Run
from experiments.seeds import Domain, name_key, study_key
from experiments.studies.planning_depth.config import StudyConfig
from rrplan.types import Array, Environment, PyTree

ACTING = "completed_q"
"""Rule of acting in evaluations during the training; a study chooses its own afterwards."""


def build(
    config: StudyConfig, environment: Environment, env_params: PyTree, network: TrainableEvaluator
) -> ModelNetwork | None:
    """Return the model that a study's planners search in; None where that is the environment."""
    if config.model == "true":
        return None
    discount = config.search.discount
    return build_network(config.learned, environment, env_params, network, discount)


def directory_of(run: Run, seed: int) -> Path:
    """Return where the training of a seed's model keeps its metrics and checkpoints."""
    return run.training(seed) / "model"


def key_of(config: StudyConfig, seed: int) -> Array:
    """Return the key of the training of a seed's model."""
    return name_key(study_key(config, Domain.CONTROL, seed), "model")


def load_params(config: StudyConfig, training: Training, run: Run, seed: int) -> PyTree:
    """Return the parameters of the model that a run has trained.

    Raises:
        InputError: its training has left no intact checkpoint, or one of another run lies there.
    """
    directory = directory_of(run, seed)
    fit.check_belongs(training, key_of(config, seed), directory)
    shapes = jax.eval_shape(training.network.init, jax.random.key(0))
    return fit.load_params(directory, shapes)
