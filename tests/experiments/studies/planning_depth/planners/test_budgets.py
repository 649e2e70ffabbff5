"""What trainings take: seconds without compilation, operations by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.alphazero.config import TrainConfig
from agents.metapolicies.learned.config import PPOConfig
from experiments.studies.planning_depth.planners import budgets
from rrplan.operations import Operations

PLANNER = Operations(step=20.0, evaluation=80.0)


def test_seconds_leave_out_compilation_and_evaluations():
    lines = [{"seconds": s} for s in (60.0, 1.0, 1.2, 1.1)]
    lines[3]["evaluation_return"] = 0.5
    lines[3]["seconds"] = 9.0
    assert budgets.seconds_of(lines) == pytest.approx(4 * 1.1)
    # Of one chunk nothing can be left out.
    assert budgets.seconds_of(lines[:1]) == 60.0


def test_operations_of_a_planners_chunk():
    config = TrainConfig(
        num_lanes=2, steps_per_chunk=3, num_simulations=4, updates_per_chunk=5, batch_size=7
    )
    # Six positions of four simulations, an evaluation of the root and a step; and 35 rows, each
    # forward and twice as much backward.
    by_hand = 6 * (4 * 100 + 80 + 20) + 35 * 3 * 80
    assert budgets.operations_of_chunk(config, PLANNER) == by_hand


def test_operations_of_a_meta_policys_training():
    config = PPOConfig(num_chunks=10, epochs=2, value_chunks=1)
    lines = [
        {"simulations": 30.0, "length": 6.0, "episodes": 10.0, "looks": 100.0},
        {"simulations": None, "length": None, "episodes": 0.0, "looks": 50.0},
    ]
    # Each look is computed once, and gone through twice, forward and backward.
    by_hand = 10 * (30 * 100 + 6 * 100) + 150 * 50 * (1 + 2 * 3)
    assert budgets.operations_of_meta(lines, config, PLANNER, 50.0) == by_hand


class Chunks:
    """A training whose chunks are matrix products of some size, many times over."""

    def __init__(self, times):
        self.network = self
        self.times = times

    def init(self, key, params=None):
        return jnp.zeros((64, 64))

    def advance(self, state):
        for _ in range(self.times):
            state = jax.block_until_ready(state @ state)
        return state, None


def test_a_training_is_measured_against_another_in_turns(monkeypatch):
    # No clock: a chunk takes as long as it has products.
    clock = [0.0]

    def advance(self, state):
        clock[0] += self.times
        return state, None

    monkeypatch.setattr(Chunks, "advance", advance)
    monkeypatch.setattr(budgets.time, "perf_counter", lambda: clock[0])
    assert budgets.slower(Chunks(6), Chunks(2), jax.random.key(0)) == pytest.approx(3.0)


def test_what_is_spent_adds_up():
    total = budgets.Spent(1.0, 10.0) + budgets.Spent(2.0, 20.0)
    assert np.allclose(total, (3.0, 30.0))
