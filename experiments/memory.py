"""How much memory a study takes, worked out before any of it is taken."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from agents.alphazero.train import make_train
from agents.model_learning.network import ModelNetwork
from agents.training.protocol import TrainableEvaluator
from experiments.studies.planning_depth.config import StudyConfig
from rrplan.capabilities import Initializable, require
from rrplan.engine import memory
from rrplan.errors import InputError
from rrplan.models import make_model
from rrplan.types import Environment, PyTree


class Estimate(NamedTuple):
    """Bytes that are taken at least: what networks compute on the way is not counted."""

    replay: int  # positions to learn from, parameters and the optimizer's state
    selfplay: int  # search trees of the training
    search: int  # search trees of the evaluations

    @property
    def training(self) -> int:
        """Of the training of one base planner."""
        return self.replay + self.selfplay

    def __str__(self) -> str:
        return (
            f"memory: at least {_told(self.training)} for training ({_told(self.replay)} of it "
            f"positions to learn from), {_told(self.search)} for searching"
        )


def estimate(
    config: StudyConfig,
    environment: Environment,
    env_params: PyTree,
    network: TrainableEvaluator,
    learned: ModelNetwork | None = None,
) -> Estimate:
    """Return what a study takes on one device. Nothing is computed.

    Args:
        config: of the study.
        environment: built.
        env_params: its parameters.
        network: of the planner.
        learned: the model that it searches in; None where that is the environment. What its
            training keeps is not counted.
    """
    actions = environment.num_actions
    key = jax.eval_shape(lambda: jax.random.key(0))
    env_params = jax.tree.map(jnp.asarray, env_params)
    state, observation = jax.eval_shape(environment.reset, key, env_params)
    training = make_train(environment, env_params, network, config.train)
    params = jax.eval_shape(require(network, Initializable).init, key)
    begun = jax.eval_shape(training.init, key, params)
    selfplay = memory.bytes_per_lane(config.train.num_simulations, actions, state)
    model = make_model(environment, env_params, network)
    moving, _ = model.division.divide(state)  # pyright: ignore[reportAttributeAccessIssue]
    if learned is not None:
        one = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype), observation
        )
        features = jax.eval_shape(learned.embed, jax.eval_shape(learned.init, key), one)
        moving = jax.ShapeDtypeStruct(features.shape[1:], features.dtype)
    searched = memory.bytes_per_lane(config.sweep.max_budget, actions, moving)
    episodes = max(config.sweep.episodes, config.sweep.validation_episodes)
    return Estimate(
        replay=_bytes(begun),
        selfplay=selfplay * config.train.num_lanes,
        search=searched * min(config.sweep.num_lanes, episodes),
    )


def check(found: Estimate, config: StudyConfig, *, trains: bool) -> None:
    """Refuse a study that cannot fit.

    Args:
        found: what it takes.
        config: of the study.
        trains: whether its planners are trained; else they are only evaluated.

    Raises:
        InputError: one line with the numbers, and what would make them smaller.
    """
    free = memory.free_bytes(jax.local_devices()[0])
    if free is None:
        return
    search = (
        f"trees of k = {config.sweep.max_budget} in {config.sweep.num_lanes} lanes: lower --k or "
        "--sweep.num-lanes"
    )
    training = (
        f"{config.train.replay_capacity:,} positions and trees of {config.train.num_simulations} "
        f"simulations in {config.train.num_lanes} lanes: lower --train.replay-size, "
        "--train.num-lanes or --train.num-simulations"
    )
    needed = [("searching", found.search, search)]
    needed += [("training", found.training, training)] if trains else []
    for what, taken, told in needed:
        if taken > free:
            raise InputError(
                f"{what} takes at least {_told(taken)}, but {_told(free)} are free ({told})"
            )


def _bytes(tree: PyTree) -> int:
    return sum(map(_bytes_of, jax.tree.leaves(tree)))


def _bytes_of(leaf: jax.ShapeDtypeStruct) -> int:
    return math.prod(leaf.shape) * leaf.dtype.itemsize


def _told(count: int) -> str:
    """Return bytes as a person reads them."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 2**10:,.0f} KiB"
