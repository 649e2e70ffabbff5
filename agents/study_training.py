"""What helps a base planner learn: the same training with one thing changed at a time.

``python -m agents.study_training NAME`` trains every arm of a study over a few seeds and
prints a table of returns without search (k = 0) on held-out episodes, the same for all, with
95% intervals that resample seeds and episodes. ``docs/training.md`` quotes its tables.
"""

import argparse
import dataclasses
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

import envs
from agents.alphazero.train import EVALUATION_SEED, make_train
from agents.networks import NetworkConfig, build
from agents.presets import train_preset
from agents.training.fit import fit
from rrplan import statistics
from rrplan.capabilities import Greedy, offers
from rrplan.engine.rollouts import rollout


class Arm(NamedTuple):
    """One setting: a preset and what is changed in it."""

    label: str
    environment: str = "knapsack"
    options: dict[str, Any] = {}  # noqa: RUF012 - of envs.make; never written to
    network: NetworkConfig = NetworkConfig("items", "tiny")
    changes: dict[str, Any] = {}  # noqa: RUF012 - of the training; never written to


def networks() -> list[Arm]:
    """Architectures and sizes on the knapsack, with the quick preset's training."""
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
    changes = {"num_chunks": 600, "replay_size": 65536}
    return [Arm("items, small, long", network=NetworkConfig("items", "small"), changes=changes)]


STUDIES: dict[str, Callable[[], list[Arm]]] = {
    study.__name__: study for study in (networks, targets, optimum, long)
}


def run_arm(arm: Arm, seeds: int, episodes: int) -> dict[str, Any]:
    """Train one arm and return its row: the interval, the gain over greedy, seconds a seed."""
    env, env_params = envs.make(arm.environment, **arm.options)
    environment = envs.adapt(env)
    settings = train_preset(arm.environment, "quick").train
    config = dataclasses.replace(settings, evaluation_episodes=episodes, **arm.changes)
    # Nobody looks at a training that is under way, and none is gone on with.
    last = config.num_chunks
    config = dataclasses.replace(config, evaluate_every=last, checkpoint_every=last)
    network, _ = build(arm.network, environment, env_params, jax.random.key(0))
    train = make_train(environment, env_params, network, config)
    returns, seconds = [], []
    for seed in range(seeds):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as directory:
            params = fit(train, jax.random.key(seed), directory, report=lambda record: None)
        returns.append(np.asarray(train.evaluate(params)))
        seconds.append(round(time.perf_counter() - start, 1))
    row = {"arm": arm.label, "parameters": network.describe()["parameters"], "seconds": seconds}
    returns = np.stack(returns)
    row["k0"] = statistics.mean_ci(returns)._asdict()
    row["seeds"] = returns.mean(axis=1).tolist()
    if offers(env, Greedy):
        greedy = _greedy_returns(environment, env_params, episodes)
        row["greedy"] = float(greedy.mean())
        row["gain"] = statistics.mean_ci(returns - greedy)._asdict()
    return row


def _greedy_returns(environment, env_params, episodes: int) -> np.ndarray:
    def act(env_params, state, observation, invalid_actions):
        return jax.vmap(environment.greedy_action, (0, None))(state, env_params)

    # The key of the held-out episodes, so that differences are taken episode by episode.
    key = jax.random.key(EVALUATION_SEED)
    played = rollout(environment, env_params, act, env_params, key=key, episodes=episodes)
    return np.asarray(played.untimed_return)


def show(row: dict[str, Any]) -> str:
    """Return a row as a line of a Markdown table."""
    cells = [row["arm"], f"{row['parameters']:,}", _interval(row["k0"], ".4f")]
    cells.append(_interval(row["gain"], "+.4f") if "gain" in row else "-")
    cells.append(f"{np.median(row['seconds']):.0f}")
    return "| " + " | ".join(cells) + " |"


def _interval(interval: dict[str, float], style: str) -> str:
    return f"{interval['mean']:{style}} [{interval['low']:{style}}, {interval['high']:{style}}]"


def main() -> None:
    """Run a study from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", choices=sorted(STUDIES), help="what is compared")
    parser.add_argument("--seeds", type=int, default=3, help="training seeds of each arm")
    parser.add_argument("--episodes", type=int, default=4096, help="held-out episodes")
    parser.add_argument("--only", default="", help="arms whose label contains this")
    parser.add_argument("--out", type=Path, help="also write the rows to this JSON file")
    args = parser.parse_args()
    rows = []
    print("| arm | parameters | return at k = 0 | gain over greedy | seconds a seed |")
    print("| --- | ---: | --- | --- | ---: |", flush=True)
    for arm in STUDIES[args.study]():
        if args.only not in arm.label:
            continue
        rows.append(run_arm(arm, args.seeds, args.episodes))
        print(show(rows[-1]), flush=True)
        if args.out is not None:
            args.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
