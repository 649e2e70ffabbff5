"""A finished run once more: the lane engine against mctx in lockstep, and over lanes."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import mctx
import numpy as np
import tyro

from agents import fit
from experiments import runs
from experiments.bench.problem import select_lanes
from experiments.bench.search import Report
from experiments.bench.timing import Rounds, check_counts, measure, timed
from experiments.evaluation import (
    Domain,
    Planner,
    Problem,
    Split,
    build_problem,
    evaluate_agent,
    fixed_agent,
    study_key,
)
from rrplan import keys
from rrplan.acting import mask_logits
from rrplan.errors import InputError
from rrplan.statistics import Interval, mean_ci, paired_difference
from rrplan.types import Array, PyTree


@dataclass(frozen=True)
class StudyOptions:
    """Run a study's fixed sweep by the lane engine and in lockstep, and at other lanes."""

    run: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Directory of a finished run; nothing is written there."""
    episodes: int = 1024
    """Held-out episodes, from the first."""
    budgets: tuple[int, ...] = ()
    """Simulations a decision, k, of the sweep; the run's own if none are given."""
    k: int = 8
    """Simulations a decision where numbers of lanes are compared."""
    lanes: tuple[int, ...] = (1, 16, 64, 1024)
    """Numbers of lanes, compared pair by pair."""
    rounds: Annotated[Rounds, tyro.conf.arg(name="")] = Rounds(seconds=0.0)
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/bench")
    """Directory of the result, study.json."""
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace a result that is there already."""

    def __post_init__(self):
        check_counts("episodes", (self.episodes,), least=2)  # an interval needs two
        if self.budgets:
            check_counts("budgets", self.budgets, least=0)
        check_counts("k", (self.k,), least=0)
        check_counts("lanes", self.lanes)
        _finished(self.run)


class Trained(NamedTuple):
    """A finished run's planners, and what they are evaluated on."""

    problem: Problem  # its configuration holds the budgets and the number of lanes
    params: Sequence[PyTree]  # of each training seed
    acting: str
    split: Split


class Outcome(NamedTuple):
    """What came of the episodes; of all training seeds, ``S``."""

    untimed_return: np.ndarray  # [S, E] float32
    simulations: np.ndarray  # [S, E] int32
    length: np.ndarray  # [S, E] int32


class Settings(NamedTuple):
    """What a program in lockstep is given. Traced, as the engine's are."""

    params: PyTree
    env_params: PyTree
    key: Array  # [] of the evaluation
    noise_key: Array  # [] of what mctx draws
    c_init: Array  # []
    c_base: Array  # []
    discount: Array  # [] of real steps, in the search


class Position(NamedTuple):
    """A place in the environment, frozen once its episode is over."""

    state: PyTree  # [B, ...]
    done: Array  # [B] bool


def run_study(options: StudyOptions, report: Report = lambda line: None) -> dict[str, Any]:
    """Measure both parts and return the results as JSON.

    Raises:
        InputError: the run has no trained planner, or there are several devices.
    """
    if jax.device_count() > 1:
        raise InputError(
            f"found {jax.device_count()} devices: expected one, on which both are compared"
        )
    trained = load_trained(options.run, options.episodes, options.budgets)
    config = trained.problem.config
    return {
        "study": {
            "env": config.env,
            "env_kwargs": config.env_kwargs,
            "network": trained.problem.network.describe(),
            "acting": trained.acting,
            "c_init": config.search.c_init,
            "c_base": config.search.c_base,
            "discount": config.search.discount,
            "seeds": config.seeds,
            "lanes": _lanes_used(trained),
        },
        "lockstep": compare_lockstep(trained, options.rounds, report),
        "lanes": compare_lanes(trained, options.k, options.lanes, report),
    }


def load_trained(directory: Path, episodes: int, budgets: tuple[int, ...] = ()) -> Trained:
    """Return a finished run's planners, to evaluate on its first held-out episodes.

    Args:
        directory: of the run.
        episodes: how many.
        budgets: of the sweep; the run's own if empty.

    Raises:
        InputError: there is no run, or it has not finished, or has no intact checkpoint.
    """
    run, acting = _finished(directory)
    sweep = dataclasses.replace(run.config.sweep, budgets=budgets or run.config.sweep.budgets)
    problem = build_problem(dataclasses.replace(run.config, sweep=sweep))
    shapes = jax.eval_shape(problem.network.init, jax.random.key(0))
    seeds = range(run.config.seeds)
    params = [fit.load_params(run.training(seed), shapes) for seed in seeds]
    return Trained(problem, params, acting, Split("held-out", Domain.HELD_OUT, episodes))


def run_engine(trained: Trained, k: int) -> Outcome:
    """Run the agent that always thinks ``k`` simulations by the engine, as the study does."""
    problem, _, acting, split = trained
    agent = fixed_agent("fixed", k)
    rows = [
        evaluate_agent(problem, Planner(params), agent, split, acting) for params in trained.params
    ]
    return Outcome(
        *(np.stack([np.asarray(getattr(row, name)) for row in rows]) for name in Outcome._fields)
    )


# In lockstep


def compile_lockstep(trained: Trained, k: int) -> Callable[[], Outcome]:
    """Return what runs the same agent in lockstep, compiled for this ``k``.

    Lanes are as many as the engine's. They take a batch of episodes, all decide at once, and
    wait for the last to end before the next batch begins.
    """
    lanes, episodes = _lanes_used(trained), trained.split.episodes
    ids = np.arange(-(-episodes // lanes) * lanes, dtype=np.int32).reshape(-1, lanes)
    settings = [_settings(trained, params) for params in trained.params]
    play = functools.partial(play_batch, trained.problem, trained.acting, k, episodes)
    program = jax.jit(play).lower(settings[0], ids[0]).compile()

    def run() -> Outcome:
        rows = [[program(given, batch) for batch in ids] for given in settings]
        total, length = (
            np.stack([np.concatenate([batch[field] for batch in row])[:episodes] for row in rows])
            for field in (0, 1)
        )
        return Outcome(total, k * length, length)

    return run


def play_batch(
    problem: Problem, acting: str, k: int, episodes: int, settings: Settings, ids: Array
) -> tuple[Array, Array]:
    """Play episodes side by side until the last has ended; return their returns and lengths.

    First states and real steps are drawn as the engine draws them, so that both play the same
    episodes. What mctx draws belongs to the batch: an imagined step of a stochastic environment
    has another sample than the engine's.

    Args:
        problem: environment and network, static.
        acting: rule of acting, static.
        k: simulations of every decision, static.
        episodes: how many there are, static; lanes with an id beyond stay idle.
        settings: traced.
        ids: ``[B]`` int32 episode ids.

    Returns:
        Untimed returns ``[B]`` and lengths ``[B]``.
    """

    def decide_and_step(carry):
        position, observation, total, length, number = carry
        noise_key = jax.random.fold_in(settings.noise_key, number)
        action = decide(problem, acting, k, settings, noise_key, position, observation)
        step_keys = keys.draw(settings.key, ids, keys.Domain.STEP, length, jnp.zeros_like(length))
        following, observation, reward = _step(problem, settings, step_keys, action, position)
        return following, observation, total + reward, length + ~position.done, number + 1

    reset_keys = keys.draw(settings.key, ids, keys.Domain.RESET)
    state, observation = jax.vmap(problem.environment.reset, (0, None))(
        reset_keys, settings.env_params
    )
    none = jnp.zeros(ids.shape, jnp.int32)
    first = Position(state, ids >= episodes)
    carry = (first, observation, none.astype(jnp.float32), none, jnp.int32(0))
    carry = jax.lax.while_loop(lambda carry: ~carry[0].done.all(), decide_and_step, carry)
    return carry[2], carry[3]


def decide(
    problem: Problem,
    acting: str,
    k: int,
    settings: Settings,
    noise_key: Array,
    position: Position,
    observation: PyTree,
) -> Array:
    """Return the action ``[B]`` after ``k`` simulations of mctx in every lane."""
    logits, value, invalid = _evaluate(problem, settings, position, observation)
    scores = logits
    if k > 0:
        output = mctx.muzero_policy(
            settings,
            noise_key,
            mctx.RootFnOutput(prior_logits=logits, value=value, embedding=position),
            functools.partial(_imagine, problem),
            k,
            invalid_actions=invalid,
            dirichlet_fraction=0.0,
            pb_c_init=settings.c_init,
            pb_c_base=settings.c_base,
        )
        scores = _score(acting, logits, output.search_tree)
    scores = jnp.where(invalid, -jnp.inf, scores)
    best = scores == scores.max(-1, keepdims=True)  # of equals, the higher prior
    return jnp.where(best, logits, -jnp.inf).argmax(-1).astype(jnp.int32)


def _score(acting: str, logits: Array, tree: mctx.Tree) -> Array:
    """Return what the rule of acting takes the best of, ``[B, A]``."""
    if acting == "visits":
        return tree.summary().visit_counts.astype(jnp.float32)
    complete = mctx.qtransform_completed_by_mix_value
    return logits + jax.vmap(lambda one: complete(one, one.ROOT_INDEX))(tree)


def _imagine(
    problem: Problem, settings: Settings, key: Array, action: Array, position: Position
) -> tuple[mctx.RecurrentFnOutput, Position]:
    """Step the model once in every lane, as mctx's ``recurrent_fn``."""
    step_keys = jax.random.split(key, action.shape[0])
    following, observation, reward = _step(problem, settings, step_keys, action, position)
    logits, value, _ = _evaluate(problem, settings, following, observation)
    output = mctx.RecurrentFnOutput(
        reward=reward,
        discount=jnp.where(following.done, 0.0, settings.discount),
        prior_logits=logits,
        value=value,
    )
    return output, following


def _step(
    problem: Problem, settings: Settings, step_keys: Array, action: Array, position: Position
) -> tuple[Position, PyTree, Array]:
    """Return where the lanes come to, what is seen there, and the rewards ``[B]``."""
    step = jax.vmap(problem.environment.step, (0, 0, 0, None))
    after = step(step_keys, position.state, action, settings.env_params)
    following = Position(
        select_lanes(position.done, position.state, after.state),
        position.done | after.terminated | after.truncated,
    )
    return following, after.observation, jnp.where(position.done, 0.0, after.reward)


def _evaluate(
    problem: Problem, settings: Settings, position: Position, observation: PyTree
) -> tuple[Array, Array, Array]:
    """Return masked prior logits ``[B, A]``, values ``[B]`` and illegal actions ``[B, A]``."""
    evaluation = problem.network(settings.params, observation)
    over_lanes = jax.vmap(problem.environment.invalid_actions, (0, None))
    invalid = over_lanes(position.state, settings.env_params)
    value = jnp.where(position.done, 0.0, evaluation.value)
    return mask_logits(evaluation.prior_logits, invalid), value, invalid


def _settings(trained: Trained, params: PyTree) -> Settings:
    config, domain = trained.problem.config, trained.split.domain
    return Settings(
        params=params,
        env_params=jax.tree.map(jnp.asarray, trained.problem.env_params),
        key=study_key(config, domain),
        noise_key=study_key(config, domain, 1),
        c_init=jnp.float32(config.search.c_init),
        c_base=jnp.float32(config.search.c_base),
        discount=jnp.float32(config.search.discount),
    )


# What is measured


def compare_lockstep(
    trained: Trained, rounds: Rounds, report: Report = lambda line: None
) -> dict[str, Any]:
    """Time the sweep by the engine and in lockstep, and compare episode by episode."""
    budgets = trained.problem.config.sweep.budgets
    # The engine's budgets are traced: whatever it compiles, it compiles in its first call.
    first, again = (timed(lambda: run_engine(trained, budgets[0]))[0] for _ in range(2))
    compiling = {"engine": max(0.0, first - again), "lockstep": 0.0}
    cells = []
    for k in budgets:
        cells.append(_compare_at(trained, k, rounds))
        compiling["lockstep"] += cells[-1]["compile_seconds"]
        report(_line(cells[-1]))
    seconds = {name: sum(cell["seconds"][name]["median"] for cell in cells) for name in compiling}
    whole = {name: seconds[name] + compiling[name] for name in compiling}
    total = {
        "seconds": seconds,
        "compile_seconds": compiling,
        "lockstep_over_engine": seconds["lockstep"] / seconds["engine"],
        "lockstep_over_engine_with_compilation": whole["lockstep"] / whole["engine"],
    }
    report(
        f"all k: engine {seconds['engine']:.3g} s, lockstep {seconds['lockstep']:.3g} s,"
        f" {total['lockstep_over_engine']:.1f} times as long"
        f" ({total['lockstep_over_engine_with_compilation']:.1f} with compilation)"
    )
    return {"cells": cells, "total": total}


def compare_lanes(
    trained: Trained, k: int, lanes: Sequence[int], report: Report = lambda line: None
) -> dict[str, Any]:
    """Run the engine on the same episodes with other numbers of lanes, and count what differs."""
    config, outcomes, cells = trained.problem.config, [], []
    for count in lanes:
        sweep = dataclasses.replace(config.sweep, budgets=(k,), num_lanes=count)
        problem = trained.problem._replace(config=dataclasses.replace(config, sweep=sweep))
        outcomes.append(run_engine(trained._replace(problem=problem), k))
        untimed = _estimate(mean_ci(outcomes[-1].untimed_return))
        used = min(count, trained.split.episodes)
        cells.append({"lanes": count, "lanes_used": used, "untimed": untimed})
        report(f"{count:,} lanes, k = {k}: mean return {untimed['mean']:.5g}")
    matrix = [[share_differing(one, other) for other in outcomes] for one in outcomes]
    return {"k": k, "cells": cells, "differing": matrix}


def share_differing(one: Outcome, other: Outcome) -> float:
    """Return the share of episodes of which anything differs, to the last bit."""
    pairs = zip(one, other, strict=True)
    return float(np.any([a != b for a, b in pairs], axis=0).mean())


def _compare_at(trained: Trained, k: int, rounds: Rounds) -> dict[str, Any]:
    compiling, lockstep = timed(lambda: compile_lockstep(trained, k))
    runners = {"engine": lambda: run_engine(trained, k), "lockstep": lockstep}
    warm, outcomes = {}, {}
    for name, run in runners.items():
        warm[name], outcomes[name] = timed(run)
    contestants = {name: lambda number, run=run: run() for name, run in runners.items()}
    timings = measure(contestants, rounds, warm)
    ours, theirs = (outcomes[name].untimed_return for name in ("engine", "lockstep"))
    return {
        "k": k,
        "seconds": timings,
        "compile_seconds": compiling,  # of lockstep, which compiles for each k
        "lockstep_over_engine": timings["lockstep"]["median"] / timings["engine"]["median"],
        "untimed": {"engine": _estimate(mean_ci(ours)), "lockstep": _estimate(mean_ci(theirs))},
        "difference": _estimate(paired_difference(ours, theirs)),
        "differing": float((ours != theirs).mean()),
        "largest_difference": float(np.abs(ours - theirs).max()),
    }


def _finished(directory: Path) -> tuple[runs.Run, str]:
    """Return a finished run and the rule of acting that it has chosen."""
    run = runs.load_run(directory)
    if not run.results.exists():
        raise InputError(f"{directory} has not finished: go on with it (rrplan run --resume)")
    return run, runs.load_results(directory)["acting"]


def _lanes_used(trained: Trained) -> int:
    return min(trained.problem.config.sweep.num_lanes, trained.split.episodes)


def _estimate(interval: Interval) -> dict[str, Any]:
    return {"mean": interval.mean, "ci95": [interval.low, interval.high]}


def _line(cell: dict[str, Any]) -> str:
    seconds, untimed = cell["seconds"], cell["untimed"]
    return (
        f"k = {cell['k']}: engine {seconds['engine']['median']:.3g} s,"
        f" lockstep {seconds['lockstep']['median']:.3g} s,"
        f" {cell['lockstep_over_engine']:.1f} times as long;"
        f" mean return {untimed['engine']['mean']:.5g} and {untimed['lockstep']['mean']:.5g},"
        f" {cell['differing']:.2%} of episodes differ"
    )
