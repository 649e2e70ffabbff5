"""What trainings take, in seconds and in operations, and so how long another planner is trained.

Operations are those of the model and of the networks, as in the bill of thinking
(:mod:`rrplan.operations`): the work on search trees is left out, and so are optimizers.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from agents.alphazero.config import TrainConfig
from agents.metapolicies.learned.config import PPOConfig
from agents.training.protocol import Training
from experiments.calibration import in_turns
from rrplan.operations import Operations
from rrplan.types import Array

BACKWARD = 2.0
"""Operations of a gradient's backward pass, in those of the forward pass (Kaplan et al. 2020,
arXiv 2001.08361)."""
ROUNDS = 9
"""Times that a chunk of each training is measured."""

Record = Mapping[str, Any]
"""A line of a training's ``metrics.jsonl``."""


class Spent(NamedTuple):
    """What a training took, or may take."""

    seconds: float  # compilation and evaluations aside
    operations: float

    def __add__(self, other: "Spent") -> "Spent":  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return what both take together."""
        return Spent(self.seconds + other.seconds, self.operations + other.operations)


def seconds_of(records: Sequence[Record]) -> float:
    """Return the seconds of a training: as many as its chunks would take, were all the median one.

    The first chunk is compiled, and evaluations are no training; both are left out where there are
    other chunks.

    Args:
        records: its metrics.
    """
    plain = [line["seconds"] for line in records[1:] if "evaluation_return" not in line]
    return len(records) * float(np.median(plain or [line["seconds"] for line in records]))


def operations_of_chunk(config: TrainConfig, planner: Operations) -> float:
    """Return the operations of one chunk of a base planner's training.

    Each position is searched, from a root that is evaluated, and stepped; each gradient step goes
    through a batch forward and backward.
    """
    position = config.num_simulations * planner.simulation + planner.evaluation + planner.step
    gradients = config.updates_per_chunk * config.batch_size * (1.0 + BACKWARD)
    return config.rows_per_chunk * position + gradients * planner.evaluation


def operations_of_meta(
    records: Sequence[Record], config: PPOConfig, planner: Operations, look: float
) -> float:
    """Return the operations of the training of a learned meta-policy.

    They are those of the episodes that ended (their simulations, the evaluation and the step of
    each decision), of their looks, and of going through these forward and backward.

    Args:
        records: its metrics.
        config: how it was trained.
        planner: operations of the planner that it controls.
        look: operations of one look.
    """
    total = 0.0
    for line in records:
        # Where no episode ended, there is no mean of anything.
        searched = (line["simulations"] or 0.0) * planner.simulation
        played = (line["length"] or 0.0) * (planner.evaluation + planner.step)
        gradients = config.epochs * (1.0 + BACKWARD)
        total += line["episodes"] * (searched + played) + line["looks"] * look * (1.0 + gradients)
    return total


def slower(training: Training, than: Training, key: Array) -> float:
    """Return how many times as long a chunk of one training takes as one of another, now.

    Both are begun, compiled, and measured in turns, so that what else the machine does hits both.

    Args:
        training: whose chunk is measured.
        than: what it is compared with.
        key: of both.
    """
    states = []
    for one in (training, than):
        state, _ = one.advance(one.init(key, one.network.init(key)))
        states.append(jax.block_until_ready(state))

    def measure(place: int, one: Training) -> float:
        begun = time.perf_counter()
        state, _ = one.advance(states[place])
        states[place] = jax.block_until_ready(state)
        return time.perf_counter() - begun

    contestants = [lambda: measure(0, training), lambda: measure(1, than)]
    seconds = np.median(in_turns(contestants, ROUNDS), axis=0)
    return float(seconds[0] / seconds[1])
