"""Makes the reproduction: trains planners, lets them play every level, writes and draws."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import binomtest

import envs
from agents import metapolicies
from envs.puzzles.sokoban import Sokoban
from experiments import runs
from experiments.analysis import columns
from experiments.analysis.columns import Columns
from experiments.analysis.comparisons import as_json
from experiments.evaluation import Domain, StudyProblem, play, study_key
from experiments.reproductions import keeping, planners
from experiments.reproductions.sokoban.figure import draw_solved
from experiments.reproductions.sokoban.options import SokobanOptions
from experiments.reproductions.sokoban.table import markdown
from experiments.studies.presets import preset
from rrplan import keys
from rrplan.errors import InputError
from rrplan.planner import Planner
from rrplan.statistics import mean_ci
from rrplan.types import Array, Environment, PyTree

_DRAWN = 4096  # episodes whose level is looked up at a time


def reproduce(options: SokobanOptions, say: Callable[[str], None]) -> list[str]:
    """Train and play, and write results, table and figure; return lines.

    Args:
        options: of the command.
        say: takes a line of progress.

    Raises:
        InputError: levels cannot be read, or are not all of one size; the directory holds another
            reproduction, or this one and it is not resumed.
    """
    test, test_params = read_test(options)
    problems = {}
    for name, env_kwargs in sources(options, test).items():
        try:
            problems[name] = build(options, env_kwargs)
        except InputError as error:
            raise InputError(f"to train on {name} levels: {error}") from None
    read = {f"{name}_levels": problem.env_params for name, problem in problems.items()}
    with keeping.claimed(options.directory, options, {"test_levels": test_params} | read):
        return _make(options, test, test_params, problems, say)


def _make(
    options: SokobanOptions,
    test: Sokoban,
    test_params: PyTree,
    problems: Mapping[str, StudyProblem],
    say: Callable[[str], None],
) -> list[str]:
    out = options.directory
    key = study_key(next(iter(problems.values())).config, Domain.HELD_OUT)
    environment = envs.adapt(test)
    number = options.first or len(test_params.level_player)
    episodes = each_once(environment, test_params, key, number)
    found: dict[str, dict[int, list[Columns]]] = {
        name: {k: [] for k in options.k} for name in problems
    }
    for name, problem in problems.items():
        for seed in range(options.seeds):
            directory = out / "seeds" / str(seed) / name
            trained = planners.train(problem, directory, seed, options.acting, lambda record: None)
            say(f"{name} levels, seed {seed}: planner trained")
            planner = trained._replace(environment=environment, env_params=test_params)
            for k in options.k:
                path = out / "evaluations" / f"{name}-seed{seed}-k{k}.npz"
                table = _solve(planner, path, key, episodes, k)
                found[name][k].append(table)
                share = solved(table, test, test_params).mean()
                say(f"{name} levels, seed {seed}, k = {k}: {100 * share:.1f}% solved")
    tables = {
        name: {k: columns.stack_tables(rows) for k, rows in by_k.items()}
        for name, by_k in found.items()
    }
    results = summarize(tables, test, test_params)
    results |= {"trainings": {name: _describe(problem) for name, problem in problems.items()}}
    results |= {"options": keeping.tell(options), "versions": runs.versions()}
    return keeping.write(out, results, markdown(results), {"solved": draw_solved})


def read_test(options: SokobanOptions) -> tuple[Sokoban, PyTree]:
    """Return the environment of the levels to be solved, and its parameters.

    Raises:
        InputError: they cannot be read, or there are fewer than asked for.
    """
    try:
        test = Sokoban(levels=str(options.test), **_shared(options))
    except InputError as error:
        raise InputError(f"--test: {error}") from None
    params = test.default_params
    number = len(params.level_player)
    if options.first is not None and options.first > number:
        raise InputError(f"first is {options.first}: {options.test} holds {number} levels")
    return test, params


def sources(options: SokobanOptions, test: Sokoban) -> dict[str, dict[str, Any]]:
    """Return what planners are trained on, by name: the environment's options."""
    size = {name: getattr(test, name) for name in ("rows", "columns", "num_boxes")}
    shared = size | _shared(options)
    found = {"generated": shared | {"num_levels": options.generated}}
    if options.train is not None:
        found["given"] = shared | {"levels": str(options.train)}
    return found


def _shared(options: SokobanOptions) -> dict[str, Any]:
    return {"max_steps_in_episode": options.limit, "show_dead": True}


def build(options: SokobanOptions, env_kwargs: Mapping[str, Any]) -> StudyProblem:
    """Return the environment that a planner is trained on, and its network; nothing is trained."""
    network = preset("sokoban", "quick").network
    return planners.build(
        "sokoban",
        (0, max(1, *options.k)),
        options.planner_chunks,
        env_kwargs=dict(env_kwargs),
        network=dataclasses.replace(network, width=options.units or network.width),
    )


def each_once(environment: Environment, env_params: PyTree, key: Array, number: int) -> np.ndarray:
    """Return ids of episodes ``[number]`` that begin with the levels 0, 1, 2, ... in turn.

    Episodes draw their levels with replacement. So the first that draws a level is taken.

    Args:
        environment: of the levels.
        env_params: with at least ``number`` levels.
        key: of the evaluation.
        number: of levels.
    """
    first_states = jax.jit(keys.first_states, static_argnums=0)
    found, first = np.full(number, -1), 0
    while (found < 0).any():
        ids = np.arange(first, first + _DRAWN, dtype=np.int32)
        states, _ = first_states(environment, env_params, key, jnp.asarray(ids))
        levels, at = np.unique(np.asarray(states.level), return_index=True)
        wanted = levels < number
        levels, at = levels[wanted], at[wanted]
        found[levels] = np.where(found[levels] < 0, ids[at], found[levels])
        first += _DRAWN
    return found


def _solve(planner: Planner, path: Path, key: Array, episodes: np.ndarray, k: int) -> Columns:
    """Return what the search with k simulations at each decision does, run or read."""
    return keeping.evaluated(
        path,
        len(episodes),
        lambda: play(
            planner,
            metapolicies.fixed(),
            jnp.int32(k),
            key=key,
            episodes=episodes,
        ),
    )


def solved(table: Columns, env: Sokoban, env_params: PyTree) -> np.ndarray:
    """Return which episodes ended with all boxes on targets: these earn more than for the boxes."""
    earned = table["untimed_return"] - env_params.step_reward * table["length"]
    return earned > ((env.num_boxes or 0) + 0.5) * env_params.box_reward


def summarize(
    tables: Mapping[str, Mapping[int, Columns]], env: Sokoban, env_params: PyTree
) -> dict[str, Any]:
    """Return what ``results.json`` holds: plain values, the same whenever it is made.

    Args:
        tables: the table ``[S, E]`` of each training and k.
        env: of the levels to be solved.
        env_params: its parameters.
    """
    rows = []
    for name, by_k in tables.items():
        for k, table in by_k.items():
            won = solved(table, env, env_params)
            rows.append(
                {
                    "training": name,
                    "k": k,
                    "solved": _share(won),
                    "seeds": won.mean(axis=1).tolist(),
                    "moves": float(table["length"][won].mean()) if won.any() else None,
                    "return": as_json(mean_ci(table["untimed_return"].astype(float))),
                    "simulations": float(table["simulations"].mean()),
                }
            )
    number = next(iter(next(iter(tables.values())).values()))["length"].shape[1]
    return {"reproduction": "sokoban", "levels": number, "rows": rows}


def _share(won: np.ndarray) -> dict[str, Any]:
    """Return the share of ``won [S, E]`` with its 95% interval.

    Wilson's of one seed, which is right for shares near 0 too; else over seeds and levels.
    """
    if len(won) > 1:
        return as_json(mean_ci(won.astype(float)))
    interval = binomtest(int(won.sum()), won.size).proportion_ci(0.95, method="wilson")
    return {"mean": float(won.mean()), "ci95": [float(interval.low), float(interval.high)]}


def _describe(problem: StudyProblem) -> dict[str, Any]:
    """Return how long a planner was trained, and with how many units."""
    train = problem.config.train
    return {
        "chunks": train.num_chunks,
        "steps": train.num_chunks * train.steps_per_chunk * train.num_lanes,
        "units": problem.config.network.units,
    }
