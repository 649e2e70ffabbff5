"""A study whose training and evaluation are replaced: everything around them is real."""

import collections
import shutil
import types
import zlib
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from experiments import bill, evaluation, runs
from experiments.studies.planning_depth import evaluating, study
from experiments.studies.planning_depth.config import StudyConfig, SweepConfig
from rrplan import Episodes, MetaPolicy, Search, Work, statistics
from rrplan.operations import Operations


class FakeEnvironment(NamedTuple):
    num_actions: int = 4

    def greedy_action(self, state, params):
        return jnp.int32(0)


def touch_figures(directory):
    for name in ("front.png", "front.svg", "returns.png", "returns.svg"):
        runs.write_atomically(directory / "figures" / name, lambda file: None)


class FakeWork:
    """Counts what is trained and evaluated, and can be told to be killed on the way."""

    def __init__(self):
        self.trained = 0
        self.evaluated = []
        self.interrupt_after = None
        self.stochastic = False
        self.gained = lambda agent, seed: 0.02  # by learned agents, over what a fixed k earns

    def train(self, problem, run, progress):
        self.trained += 1
        return list(range(problem.config.seeds))

    def train_meta_policies(self, problem, run, params, tuned, acting, bill, progress):
        every = collections.defaultdict(lambda: (MetaPolicy(init=None, apply=None), None))
        return [evaluation.TrainedSeed(seed_params, every) for seed_params in params]

    def evaluate(self, problem, trained, agent, split, acting, report=None, on_work=None):
        if self.interrupt_after is not None and len(self.evaluated) >= self.interrupt_after:
            raise KeyboardInterrupt
        self.evaluated.append((split.name, acting, trained.params, agent.evaluation))
        on_work(Work(seconds=1.0))
        learned = agent.family == "learned"
        gained = self.gained(agent.name, trained.params) if learned else 0.0
        return fake_episodes(trained.params, agent, split, acting, gained)


def fake_episodes(training_seed, agent, split, acting, gained=0.0):
    """Return episodes whose return rises with k and levels off, the same on every call."""
    instance = np.random.default_rng(zlib.crc32(split.name.encode())).normal(
        0.9, 0.03, split.episodes
    )
    name = f"{training_seed}{agent.evaluation}{acting}"
    noise = np.random.default_rng(zlib.crc32(name.encode())).normal(0, 0.005, split.episodes)
    of_family = {"untuned": 5, "greedy": 0, "rule": 4, "learned": 3, "one-step": 2}
    k = of_family.get(agent.family, agent.k)
    penalty = 0.01 if acting == "completed_q" else 0.0
    returns = instance + noise + 0.06 * k / (k + 4) - penalty + gained
    whole = np.full(split.episodes, 5)
    return Episodes(
        untimed_return=jnp.asarray(returns, jnp.float32),
        timed_return=jnp.asarray(returns, jnp.float32),
        cost=jnp.zeros(split.episodes),
        simulations=jnp.asarray(whole * k, jnp.int32),
        length=jnp.asarray(whole, jnp.int32),
        looks=jnp.asarray(whole * (agent.family == "learned"), jnp.int32),
        levels=jnp.asarray(2 * whole * k, jnp.int32),
    )


@pytest.fixture
def config():
    return StudyConfig(
        env="knapsack",
        search=Search(acting="validate"),
        sweep=SweepConfig(
            budgets=(0, 2, 8, 32), prices=(3e-4, 2e-3), episodes=64, validation_episodes=32
        ),
    )


@pytest.fixture
def fake_work(monkeypatch):
    work = FakeWork()
    monkeypatch.setattr(
        study,
        "build_problem",
        lambda config, **_: evaluation.StudyProblem(config, FakeEnvironment(), None, None),
    )
    monkeypatch.setattr(study, "check_agents", lambda problem: None)
    monkeypatch.setattr(study, "train_planners", work.train)
    monkeypatch.setattr(evaluating, "evaluate_agent", work.evaluate)
    monkeypatch.setattr(study.training, "train_all", work.train_meta_policies)
    monkeypatch.setattr(bill, "_planner", lambda problem, network: None)
    monkeypatch.setattr(
        bill,
        "operations",
        types.SimpleNamespace(
            of_planner=lambda planner: Operations(step=20.0, evaluation=80.0),
            of_look=lambda *arguments: 50.0,
        ),
    )
    monkeypatch.setattr(study, "is_stochastic", lambda environment, params: work.stochastic)
    # Intervals have tests of their own as well.
    for name in ("mean_ci", "simultaneous_ci", "gap_closed", "significant_falls"):
        monkeypatch.setitem(getattr(statistics, name).__kwdefaults__, "resamples", 50)
    # Drawing takes seconds, and has tests of its own.
    monkeypatch.setattr(study, "figures", types.SimpleNamespace(draw=touch_figures))
    return work


_KEPT = {}


@pytest.fixture
def finished(tmp_path, tmp_path_factory, config, fake_work):
    """A directory that holds a finished study: run once, and copied for each test."""
    directory, name = tmp_path / "finished", repr(config)
    if name not in _KEPT:
        kept = tmp_path_factory.mktemp("finished") / "run"
        study.run_study(config, kept)
        _KEPT[name] = kept, fake_work.trained, list(fake_work.evaluated)
    kept, fake_work.trained, evaluated = _KEPT[name]
    fake_work.evaluated[:] = evaluated
    shutil.copytree(kept, directory)
    return directory
