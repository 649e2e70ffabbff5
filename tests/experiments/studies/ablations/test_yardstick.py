"""Planners beside PPO for as long by the clock: how long that is, and rows of a tiny training."""

import json
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from agents.random_play import random_returns
from experiments.cli import main as cli
from experiments.studies.ablations import yardstick
from tests.rrplan import tabular

TINY = ["--chunks", "1", "--seeds", "1", "--episodes", "16"]


class Clock:
    """A clock that the training puts forward: first calls are slower, as they compile."""

    def __init__(self):
        self.now, self.advances, self.evaluations = 0.0, 0, 0

    def advance(self, state):
        self.now += 2.0 if self.advances else 12.0
        self.advances += 1
        return state, None

    def evaluate(self, params):
        self.now += 1.0 if self.evaluations else 5.0
        self.evaluations += 1
        return params


@pytest.mark.parametrize(("seconds", "chunks"), [(100.0, 39), (22.0, 1), (1.0, 1)])
def test_chunks_fill_the_seconds_with_compilation_and_evaluations(seconds, chunks):
    clock = Clock()
    training = SimpleNamespace(
        init=lambda key, params: SimpleNamespace(params=params),
        advance=clock.advance,
        evaluate=clock.evaluate,
    )
    # 10 s to compile a chunk, 2 s each; 5 s for the first evaluation and 1 s for each of 7 more.
    found = yardstick.chunks_within(seconds, lambda chunks: training, (), lambda: clock.now)
    assert found == chunks


def test_random_actions_are_legal_and_all_as_likely():
    environment = tabular.TabularEnvironment()
    table = tabular.make_table(4, environment.num_actions)
    found = random_returns(environment, table, jax.random.key(0), 8192)
    reward, over, following, illegal = (
        np.asarray(getattr(table, name), float if name == "reward" else int)
        for name in ("reward", "terminal", "next_state", "invalid")
    )
    expected = np.zeros(len(reward))
    for _ in range(environment.max_length):
        worth = reward + np.where(over, 0.0, expected[following])
        expected = np.average(worth, axis=1, weights=1 - illegal)
    error = float(np.std(found)) / 8192**0.5
    assert abs(float(np.mean(found)) - expected.mean()) < 4 * error


@pytest.mark.slow
def test_both_learners_are_trained_and_compared_on_the_same_episodes(tmp_path, capsys):
    out = tmp_path / "rows.json"
    arguments = ["ablate", "yardstick", "--only", "Catch", "--out", str(out), *TINY]
    assert cli.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" |")[0] for line in lines[2:]] == ["| Catch: planner", "| Catch: PPO"]
    planner, ppo = json.loads(out.read_text())["rows"]
    assert planner["parameters"] == ppo["parameters"] == 3876
    assert planner["random"] == ppo["random"]
    assert planner["chunks"] == ppo["chunks"] == 1
    assert ppo["difference"]["mean"] == pytest.approx(ppo["k0"]["mean"] - planner["k0"]["mean"])
    # Ten steps to the ground: a search of 32 sees the ball arrive.
    assert ppo["k32"]["mean"] > ppo["random"] + 0.5


def test_seconds_that_mean_nothing_get_one_line(capsys):
    assert cli.main(["ablate", "yardstick", "--seconds", "0"]) == 2
    assert "seconds must be a finite number above 0, got 0.0" in capsys.readouterr().err
