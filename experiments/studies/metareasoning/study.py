"""The study of a metareasoning problem: train policies on it, and score them exactly."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from rich.console import Console

import envs
from agents.metareasoning import network as metareasoning_networks
from agents.metareasoning.greedy import greedy_policy
from agents.model_free.train import make_plain_train
from agents.training import fit
from agents.training.protocol import TrainableEvaluator
from envs.metareasoning import exact
from envs.metareasoning.exact import BeliefTable
from envs.metareasoning.mdp import MetalevelEnv
from experiments import runs
from experiments.cluster import processes
from experiments.evaluation import Domain, study_key
from experiments.report import figures
from experiments.runs import Run
from experiments.runs.codec import to_dict
from experiments.runs.progress import Progress
from experiments.runs.tracking import open_tracker
from experiments.studies import registry
from experiments.studies.metareasoning import scores
from experiments.studies.metareasoning import tables as metalevel_tables
from experiments.studies.metareasoning.config import MetalevelConfig
from experiments.studies.metareasoning.scores import Row
from rrplan.capabilities import Initializable, require
from rrplan.errors import InputError
from rrplan.types import Environment, PyTree

TRAINED = "ppo"
"""What tables and folders call the trained policy."""


class MetareasoningProblem(NamedTuple):
    """A metareasoning problem and the network of its policies, built."""

    config: MetalevelConfig
    env: MetalevelEnv
    environment: Environment
    network: TrainableEvaluator
    table: BeliefTable

    @property
    def costs(self) -> tuple[float, ...]:
        """Costs that policies are trained for."""
        return self.config.costs or (float(self.env.cost),)

    def params(self, cost: float) -> PyTree:
        """Return the environment's parameters at a cost."""
        return dataclasses.replace(self.env.default_params, cost=float(cost))


def run_study(
    config: MetalevelConfig,
    directory: Path,
    *,
    resume: bool = False,
    console: Console | None = None,
    log: str | None = None,
) -> dict[str, Any]:
    """Run a study in a directory, or go on with one, and return its results.

    Args:
        config: what to run.
        directory: the run's directory; see :mod:`experiments.runs`.
        resume: go on with a run that was begun there.
        console: where progress is shown; None shows nothing.
        log: the tracker that metrics are sent to, see :mod:`experiments.runs.tracking`.

    Raises:
        rrplan.InputError: something in the configuration or the directory is wrong, or the problem
            is too large for an exact solution.
    """
    problem = build_problem(config)
    with (
        runs.open_run(directory, config, resume=resume) as run,
        open_tracker(log, run) as tracker,
        Progress(console, tracker) as progress,
    ):
        answers = []
        for cost in problem.costs:
            trained = [_train(problem, run, cost, seed, progress) for seed in range(config.seeds)]
            row = score_policies(problem, cost, processes.hand_over(trained))
            answers.append(scores.answer(problem.env, problem.table, cost, [row]))
        costs = _curve_costs(problem)
        curve = []
        with progress.evaluations("classical policies", len(costs)) as bar:
            for cost in costs:
                bar.begin(f"cost {cost:.3g}")
                curve.append(scores.answer(problem.env, problem.table, cost))
                bar.finish()
        agents = metalevel_tables.entries(answers)
        results = {
            "study": registry.METAREASONING.name,
            "config": to_dict(config),
            "versions": dict(run.versions),
            "acting": "likeliest action",
            "title": metalevel_tables.title_of(problem.env),
            "cost_unit": _cost_unit(problem.env),
            "best_fixed": [_best_fixed(agents, cost) for cost in problem.costs],
            "agents": agents,
            "curve": metalevel_tables.entries(curve),
        }
        runs.write_json(run.results, results)
        figures.draw(run.path)
        runs.write_text(run.table, metalevel_tables.markdown_table(agents))
    return results


def build_problem(config: MetalevelConfig) -> MetareasoningProblem:
    """Build the problem and its table, and the network of its policies.

    Raises:
        rrplan.InputError: one of them cannot be built.
    """
    env = build_env(config.env, config.env_kwargs)
    environment = envs.adapt(env)
    key = jax.random.key(0)
    network, _ = metareasoning_networks.build(config.network, environment, env.default_params, key)
    return MetareasoningProblem(config, env, environment, network, exact.tabulate(env))


def build_env(name: str, kwargs: dict[str, Any]) -> MetalevelEnv:
    """Return a metareasoning problem by name.

    Raises:
        rrplan.InputError: it cannot be built, or is an environment of another kind.
    """
    env, _ = envs.make_checked(name, **kwargs)
    if not isinstance(env, MetalevelEnv):
        raise InputError(
            f"{name} is no metareasoning problem: expected bernoulli, mouselab, pandora, or a "
            "subclass of envs.MetalevelEnv"
        )
    return env


def score_policies(problem: MetareasoningProblem, cost: float, trained: Sequence[PyTree]) -> Row:
    """Return what trained policies come to at a cost, exactly, with their likeliest actions."""
    plays = []
    for params in trained:
        policy = greedy_policy(
            problem.environment,
            problem.params(cost),
            problem.network,
            params,
            problem.table.beliefs,
        )
        plays.append(exact.play(problem.table, policy))
    return Row(TRAINED, tuple(plays), {})


def load_policies(problem: MetareasoningProblem, run: Run, cost: float) -> list[PyTree]:
    """Return the parameters of a run's policies for a cost, one of each training seed.

    Raises:
        rrplan.InputError: none were trained for it, or their training has not ended.
    """
    if cost not in problem.costs:
        known = ", ".join(f"{c:g}" for c in problem.costs)
        raise InputError(
            f"{run.path} has no metareasoning policy for cost {cost:g}: expected {known}"
        )
    shapes = jax.eval_shape(require(problem.network, Initializable).init, jax.random.key(0))
    directories = (_directory(run, cost, seed) for seed in range(problem.config.seeds))
    return [fit.load_params(directory, shapes) for directory in directories]


def _train(
    problem: MetareasoningProblem, run: Run, cost: float, seed: int, progress: Progress
) -> PyTree:
    config = problem.config
    train = make_plain_train(
        problem.environment, problem.params(cost), problem.network, config.train
    )
    # Policies for different costs differ in it alone.
    key = study_key(config, Domain.CONTROL, seed)
    label = f"{TRAINED}-{cost:g}"
    with progress.training(seed, config.seeds, config.train.num_chunks, label) as report:
        return fit.fit(train, key, _directory(run, cost, seed), resume=True, report=report)


def _directory(run: Run, cost: float, seed: int) -> Path:
    return run.training(seed) / "control" / f"{TRAINED}-{cost:g}"


def _curve_costs(problem: MetareasoningProblem) -> list[float]:
    """Return costs around those that were trained for, evenly spread in their logarithms."""
    positive = [cost for cost in problem.costs if cost > 0]
    if not positive or not problem.config.curve_points:
        return []
    ends = np.log10([min(positive) / 10, max(positive) * 10])
    return [float(cost) for cost in np.logspace(ends[0], ends[1], problem.config.curve_points)]


def _cost_unit(env: MetalevelEnv) -> str:
    return "units of payoff" if set(env.unit_costs) == {1.0} else "multiples of its own"


def _best_fixed(agents: Sequence[dict[str, Any]], cost: float) -> dict[str, Any]:
    """Return the best fixed number at a cost, as studies of planning depth name it."""
    at_cost = (entry for entry in agents if entry["price"] == cost)
    k = next(entry["k"] for entry in at_cost if entry["agent"] == "fixed")
    return {"price": cost, "k": k}
