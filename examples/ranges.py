"""What random play earns on each problem, and what the best play does.

``python examples/ranges.py FILE`` also writes both to a file.
"""

import json
import sys
from pathlib import Path

import jax
import numpy as np

import envs
from agents.random_play import random_returns
from envs.puzzles.sokoban import solve
from experiments.studies.presets import preset

NAMES = ("knapsack", "traps", "sliding_tiles", "sokoban", "tardiness")


def best_returns(name, env, params, states):
    """Return the largest return that can be had from each first state, ``[E]``."""
    if name == "sliding_tiles":
        return jax.jit(jax.vmap(env.optimal_return, (0, None)))(states, params)
    if name == "tardiness":
        return -envs.optimal_tardiness(states.processing_times, states.due_dates) / states.scale
    if name == "sokoban":
        first = [env.begin_level(level, params) for level in np.asarray(states.level)]
        solutions = [solve(env.to_grid(state), "moves") for state in first]
        moves = [solution.moves for solution in solutions if solution]  # every level has one
        whole = params.solved_reward + params.box_reward * env.num_boxes
        return whole + params.step_reward * np.asarray(moves)
    return np.ones(1)  # a share of the best


def find_range(name: str, episodes: int = 4096, solved: int = 1024) -> dict[str, float]:
    """Return the mean return of random play with its standard error, and of the best play."""
    env, params = envs.make(name, **preset(name, "quick").env_kwargs)
    played = random_returns(envs.adapt(env), params, jax.random.key(0), episodes)
    keys = jax.random.split(jax.random.key(0), solved if name == "sokoban" else episodes)
    _, states = jax.jit(jax.vmap(env.reset_env, (0, None)))(keys, params)
    return {
        "random": float(played.mean()),
        "error": float(played.std() / episodes**0.5),
        "best": float(np.mean(best_returns(name, env, params, states))),
    }


if __name__ == "__main__":
    ranges = {name: find_range(name) for name in NAMES}
    for name, found in ranges.items():
        print(f"{name}: random {found['random']:.3f}, best {found['best']:.3f}")
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(json.dumps(ranges, indent=1) + "\n")
