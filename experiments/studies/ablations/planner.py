"""What helps a base planner: the quick preset's training, with one change.

Planners are compared by their returns without search (k = 0). ``docs/training.md`` quotes the
tables.
"""

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

import envs
from agents.alphazero.train import EVALUATION_SEED, make_train
from agents.networks import NetworkConfig, build
from agents.presets import train_preset
from agents.training.fit import fit
from experiments.studies.ablations.harness import Bench, Column, Row, Trial
from rrplan.capabilities import Greedy, offers
from rrplan.engine.rollouts import rollout
from rrplan.statistics import mean_ci
from rrplan.types import Array, Environment, PyTree

_COLUMNS = (
    Column("parameters", "parameters", ","),
    Column("k0", "return at k = 0", ".4f"),
    Column("difference", "to the first arm", "+.4f"),
    Column("gain", "gain over greedy", "+.4f"),
)


class Options(Protocol):
    """What is asked for."""

    episodes: int  # held-out ones
    chunks: int | None  # of each training; the preset's if None


class Arm(NamedTuple):
    """One setting: an environment, a network, and what is changed in the training."""

    label: str
    environment: str = "knapsack"
    options: Mapping[str, Any] = {}  # of envs.make
    network: NetworkConfig = NetworkConfig("items", "tiny")
    changes: Mapping[str, Any] = {}  # of the training
    longer: int = 1  # times as many chunks


def networks() -> list[Arm]:
    """Architectures and sizes on the knapsack."""
    chosen = [("items", "tiny"), ("items", "small"), ("mlp", "tiny"), ("mlp", "small")]
    return [Arm(f"{kind}, {size}", network=NetworkConfig(kind, size)) for kind, size in chosen]


def targets() -> list[Arm]:
    """What the policy learns from: simulations, considered actions, the weight of Q."""
    changes = [{"num_simulations": k} for k in (4, 8, 16)]
    changes += [{"max_num_considered_actions": 4}, {"value_scale": 0.02}]
    changes += [{"rescale_values": False}, {"gumbel_scale": 0.0}, {"td_lambda": 0.5}]
    return [Arm(", ".join(f"{k} {v}" for k, v in one.items()), changes=one) for one in changes]


def optimum() -> list[Arm]:
    """Environments whose optimum is a return of 1, with their own quick presets."""
    lake = {"is_slippery": False}
    arms = [Arm("Catch", "Catch-bsuite"), Arm("FrozenLake, not slippery", "FrozenLake-misc", lake)]
    return [arm._replace(network=train_preset(arm.environment, "quick").network) for arm in arms]


def long() -> list[Arm]:
    """A larger network, trained twelve times as long: how far k = 0 can get."""
    network = NetworkConfig("items", "small")
    return [Arm("items, small, long", network=network, changes={"replay_size": 65536}, longer=12)]


def prepare(arms: Sequence[Arm], options: Options) -> Bench:
    """Return the arms, each of which trains planners of its own."""
    return Bench(arms, lambda arm: make_trial(arm, options), "return", describe, _COLUMNS)


def make_trial(arm: Arm, options: Options) -> Trial:
    """Return what trains and evaluates one arm."""
    env, env_params = envs.make(arm.environment, **arm.options)
    environment = envs.adapt(env)
    settings = train_preset(arm.environment, "quick").train
    last = arm.longer * (options.chunks or settings.num_chunks)
    # Nobody looks at a training that is under way, and none is gone on with.
    whole = {"num_chunks": last, "evaluate_every": last, "checkpoint_every": last}
    config = dataclasses.replace(
        settings, evaluation_episodes=options.episodes, **whole, **arm.changes
    )
    network, _ = build(arm.network, environment, env_params, jax.random.key(0))
    training = make_train(environment, env_params, network, config)
    greedy = {}
    if offers(env, Greedy):
        greedy["greedy"] = _greedy_returns(env, environment, env_params, options.episodes)

    def train(seed: int) -> PyTree:
        with tempfile.TemporaryDirectory() as directory:
            return fit(training, jax.random.key(seed), directory, report=lambda record: None)

    def evaluate(params: PyTree) -> dict[str, Array]:
        return {"return": training.evaluate(params), **greedy}

    return Trial(
        train,
        evaluate,
        instances=f"{arm.environment} {dict(arm.options)}",
        facts={"parameters": network.describe()["parameters"]},
    )


def describe(columns: Mapping[str, np.ndarray]) -> Row:
    """Return what a row tells of columns ``[S, E]``: the greedy rule's, where there is one."""
    row: Row = {"k0": mean_ci(columns["return"])._asdict()}
    if "greedy" in columns:
        row["greedy"] = float(columns["greedy"][0].mean())
        row["gain"] = mean_ci(columns["return"] - columns["greedy"])._asdict()
    return row


def _greedy_returns(
    env: Greedy, environment: Environment, env_params: PyTree, episodes: int
) -> Array:
    def act(env_params, state, observation, invalid_actions):
        return jax.vmap(env.greedy_action, (0, None))(state, env_params)

    # The key of the held-out episodes, so that differences are taken episode by episode.
    key = jax.random.key(EVALUATION_SEED)
    return rollout(
        environment, env_params, act, env_params, key=key, episodes=episodes
    ).untimed_return
