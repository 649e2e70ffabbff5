"""What a study takes is worked out before it is taken, and refused where it cannot fit."""

import dataclasses

import pytest

from experiments import memory
from experiments.evaluation import build_problem
from experiments.studies.planning_depth.config import StudyConfig, SweepConfig
from rrplan.engine import memory as engine_memory
from rrplan.errors import InputError

CONFIG = StudyConfig(
    env="knapsack",
    env_kwargs={"num_items": 4},
    sweep=SweepConfig(budgets=(0, 7), episodes=32, validation_episodes=16, num_lanes=64),
)


@pytest.fixture(scope="module")
def problem():
    return build_problem(CONFIG)


def test_the_trees_are_those_of_the_lanes_that_run(problem):
    found = memory.estimate(*problem)
    more = dataclasses.replace(CONFIG, sweep=dataclasses.replace(CONFIG.sweep, budgets=(15,)))
    assert memory.estimate(more, *problem[1:]).search == 2 * found.search  # 16 slots, not 8
    # 32 lanes, as there are no more episodes; a slot has 32 + 20 x 4 bytes and what moves.
    assert found.search % (32 * 8) == 0
    assert found.search // (32 * 8) > 32 + 20 * 4


def test_twice_the_positions_are_one_buffer_more(problem):
    train = dataclasses.replace(CONFIG.train, replay_size=2 * CONFIG.train.replay_capacity)
    found = memory.estimate(*problem)
    larger = memory.estimate(dataclasses.replace(CONFIG, train=train), *problem[1:])
    _, observation = problem.environment.reset(memory.jax.random.key(0), problem.env_params)
    row = observation.nbytes + 4 * 1 + 4 * 4 + 4  # the mask, the policy, the value
    assert larger.replay - found.replay == CONFIG.train.replay_capacity * row
    assert larger.selfplay == found.selfplay
    assert str(found).startswith("memory: at least ")


def test_what_cannot_fit_is_refused_with_the_numbers(problem, monkeypatch):
    found = memory.estimate(*problem)
    memory.check(found, CONFIG, trains=True)
    monkeypatch.setattr(engine_memory, "free_bytes", lambda device: found.search)
    memory.check(found, CONFIG, trains=False)
    with pytest.raises(InputError, match=r"^training takes at least .* are free .*replay-size"):
        memory.check(found, CONFIG, trains=True)
    monkeypatch.setattr(engine_memory, "free_bytes", lambda device: found.search - 1)
    with pytest.raises(InputError, match=r"^searching takes at least .* are free .*lower --k"):
        memory.check(found, CONFIG, trains=False)
