"""A peer for base planners: PPO without a model and without a search, for as long by the clock.

Both train a network of the same shape, the environment's own preset's, and are then played with
and without a search: a network learned by PPO has a prior and a value too. Compilation counts.
"""

import dataclasses
import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

import envs
import rrplan
from agents import metapolicies
from agents.alphazero.train import make_train
from agents.model_free.config import PlainConfig
from agents.model_free.train import make_plain_train
from agents.networks import NetworkConfig, build
from agents.presets import train_preset
from agents.random_play import random_returns
from agents.training.fit import fit
from agents.training.protocol import Training
from experiments.studies.ablations.harness import Bench, Column, Row, Trial
from rrplan.statistics import mean_ci
from rrplan.types import Array, PyTree

SEED = 0x51DE  # of the episodes that are compared; no training is evaluated on them
_EVALUATIONS = 8  # in the course of a training
_TRIED = 3  # chunks that are timed beforehand
_KS = (8, 32)

_COLUMNS = (
    Column("parameters", "parameters", ","),
    Column("chunks", "chunks", ".0f"),
    Column("random", "random", ".4g"),
    Column("k0", "k = 0", ".4g"),
    *(Column(f"k{k}", f"k = {k}", ".4g") for k in _KS),
)


class Options(Protocol):
    """What is asked for."""

    episodes: int  # held-out ones
    chunks: int | None  # of each training; as many as fit into the seconds if None
    seconds: float  # of each training by the clock


class Arm(NamedTuple):
    """An environment, and who learns in it."""

    label: str
    environment: str
    options: Mapping[str, Any] = {}  # of envs.make
    ppo: Mapping[str, Any] | None = None  # what is changed in PPO's settings; None: the planner
    network: NetworkConfig | None = None  # the environment's preset's if None


_LAKE = {"is_slippery": False}
_SHORT = {"max_steps_in_episode": 500}
_PROBLEMS: Sequence[tuple[str, str, Mapping[str, Any]]] = (
    ("CartPole", "CartPole-v1", {}),
    ("Acrobot", "Acrobot-v1", {}),
    ("FrozenLake, not slippery", "FrozenLake-misc", _LAKE),
    ("Catch", "Catch-bsuite", {}),
    ("DeepSea", "DeepSea-bsuite", {}),
    ("FourRooms", "FourRooms-misc", {}),
    ("Breakout", "Breakout-MinAtar", _SHORT),
    ("SpaceInvaders", "SpaceInvaders-MinAtar", _SHORT),
    ("knapsack", "knapsack", {}),
    ("traps", "traps", {}),
    ("sliding tiles", "sliding_tiles", {}),
    ("sokoban", "sokoban", {}),
    ("tardiness", "tardiness", {}),
)
# github.com/luchris429/purejaxrl, ppo.py: half a million steps.
_PUREJAXRL = {
    "num_lanes": 4, "epochs": 4, "minibatches": 4, "learning_rate": 2.5e-4,
    "bootstrap_truncated": False, "num_chunks": 976,
}  # fmt: skip


def yardstick() -> list[Arm]:
    """Each environment with the planner and with PPO; one with published settings."""
    arms = []
    for name, environment, options in _PROBLEMS:
        arms += [
            Arm(f"{name}: planner", environment, options),
            Arm(f"{name}: PPO", environment, options, {}),
        ]
    network = NetworkConfig("mlp", "medium")
    arms.append(Arm("CartPole: PPO as purejaxrl", "CartPole-v1", {}, _PUREJAXRL, network))
    return arms


def prepare(arms: Sequence[Arm], options: Options) -> Bench:
    """Return the arms, each of which trains a network of its own."""
    return Bench(arms, lambda arm: make_trial(arm, options), "return", describe, _COLUMNS)


def make_trial(arm: Arm, options: Options) -> Trial:
    """Return what trains and evaluates one arm."""
    env, env_params = envs.make(arm.environment, **arm.options)
    environment = envs.adapt(env)
    preset = train_preset(arm.environment, "quick")
    chosen = arm.network or preset.network
    network, _ = build(chosen, environment, env_params, jax.random.key(0))
    settings: dict[str, Any] = dict(arm.ppo or {})

    def make(chunks: int) -> Training:
        whole = {"num_chunks": chunks, "checkpoint_every": chunks}
        whole["evaluate_every"] = math.ceil(chunks / _EVALUATIONS)
        if arm.ppo is None:
            config = dataclasses.replace(preset.train, **whole)
            return make_train(environment, env_params, network, config)
        changes = {"gamma": preset.train.gamma, **settings, **whole}
        config = dataclasses.replace(PlainConfig(), **changes)
        return make_plain_train(environment, env_params, network, config)

    chunks = options.chunks or settings.get("num_chunks")
    chunks = chunks or chunks_within(options.seconds, make, network.init(jax.random.key(0)))

    def train(seed: int) -> PyTree:
        with tempfile.TemporaryDirectory() as directory:
            return fit(make(chunks), jax.random.key(seed), directory, report=lambda record: None)

    search = rrplan.Search(acting="completed_q", discount=preset.train.gamma)
    planner = rrplan.Planner(environment, env_params, network, None, search, max(_KS))
    key = jax.random.key(SEED)
    random = random_returns(environment, env_params, key, options.episodes)

    def evaluate(params: PyTree) -> dict[str, Array]:
        own = planner._replace(params=params)
        columns = {
            f"k{k}": rrplan.evaluate(
                own, metapolicies.fixed(), k, key=key, episodes=options.episodes
            ).untimed_return
            for k in (0, *_KS)
        }
        return {"return": columns["k0"], "random": random, **columns}

    return Trial(
        train,
        evaluate,
        instances=f"{arm.environment} {dict(arm.options)}",
        facts={"parameters": network.describe()["parameters"], "chunks": chunks},
    )


def chunks_within(
    seconds: float,
    make: Callable[[int], Training],
    params: PyTree,
    clock: Callable[[], float] = time.perf_counter,
) -> int:
    """Return how many chunks of a training fit into some seconds: one at least.

    A few chunks and evaluations are timed. The first of each counts once, with its compilation.

    Args:
        seconds: of the whole training, with compilation and evaluations.
        make: returns the training of a number of chunks.
        params: of its network.
        clock: returns seconds.
    """
    training = make(1000)
    state = training.init(jax.random.key(0), params)
    times = [clock()]
    for _ in range(1 + _TRIED):
        state = jax.block_until_ready(training.advance(state)[0])
        times.append(clock())
    for _ in range(2):
        jax.block_until_ready(training.evaluate(state.params))
        times.append(clock())
    first, *chunk, first_evaluation, evaluation = np.diff(times)
    left = seconds - (first - np.median(chunk)) - first_evaluation
    left -= (_EVALUATIONS - 1) * evaluation
    return max(1, int(left / np.median(chunk)))


def describe(columns: Mapping[str, np.ndarray]) -> Row:
    """Return what a row tells of columns ``[S, E]``."""
    row: Row = {name: mean_ci(columns[name])._asdict() for name in ("k0", *(f"k{k}" for k in _KS))}
    return row | {"random": float(columns["random"][0].mean())}
