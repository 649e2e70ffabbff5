"""``rrplan optimum``: the best that can be done on a metareasoning problem, exactly."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from envs.metareasoning import exact
from envs.metareasoning.mdp import MetalevelEnv
from experiments import runs, studies
from experiments.cli import options
from experiments.studies.metareasoning import scores
from experiments.studies.metareasoning import study as metalevel_study
from experiments.studies.metareasoning.scores import Answer
from rrplan.errors import InputError


@dataclasses.dataclass(frozen=True)
class OptimumOptions:
    """Print the optimal value of a metareasoning problem and what classical policies earn.

    Other options are the problem's own: --arms, --horizon and --alternative of bernoulli;
    --branching, --parents, --values and --probabilities of mouselab; --values, --probabilities
    and --costs of pandora.
    """

    env: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENV")]
    """Problem: bernoulli, mouselab, pandora, or package.module:Class."""
    cost: tuple[float, ...] = ()
    """Cost of a computation, or several to compare; the problem's own, or the run's, if not
    given."""
    agent: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory of a run of `rrplan run` on this problem, whose policies are scored too."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON, in full precision, instead of a table."""

    def __post_init__(self):
        for cost in self.cost:
            if not 0 <= cost < float("inf"):
                raise InputError(f"cost is {cost}: expected a number, at least 0")


def parse(arguments: Sequence[str], prog: str) -> tuple[OptimumOptions, dict[str, Any]]:
    """Return the command's own options, and the problem's as keyword arguments.

    Raises:
        InputError: an option has no value, or a wrong one.
    """
    own = {"--help", *(f"--{field.name}" for field in dataclasses.fields(OptimumOptions))}
    prefixed = []
    for argument, following in zip(arguments, [*arguments, "--"][1:], strict=True):
        if argument == "--cost" and following.startswith("--"):
            raise InputError("--cost needs a value: --cost COST [COST ...]")
        name = argument.partition("=")[0]
        of_problem = name.startswith("--") and not name.startswith("--env.") and name not in own
        prefixed.append(f"--env.{argument.removeprefix('--')}" if of_problem else argument)
    rest, kwargs = options.split_env_options(prefixed)
    return options.parse(OptimumOptions, rest, prog), kwargs


def answers(given: OptimumOptions, kwargs: dict[str, Any]) -> tuple[MetalevelEnv, list[Answer]]:
    """Return the problem, and an answer for each cost.

    Raises:
        InputError: there is no such problem, or it is too large, or the run is of another one.
    """
    if given.agent is None:
        env = metalevel_study.build_env(given.env, kwargs)
        table = exact.tabulate(env)
        costs = given.cost or (float(env.cost),)
        return env, [scores.answer(env, table, cost) for cost in costs]
    run = runs.load_run(given.agent, studies.METAREASONING)
    # Without options of its own the problem is the run's.
    env = metalevel_study.build_env(given.env, kwargs or run.config.env_kwargs)
    problem = metalevel_study.build_problem(run.config)
    if env != problem.env:
        raise InputError(f"{given.agent} is a run on {problem.env}, not on {env}")
    found = []
    for cost in given.cost or problem.costs:
        trained = metalevel_study.load_policies(problem, run, cost)
        row = metalevel_study.score_policies(problem, cost, trained)
        found.append(scores.answer(env, problem.table, cost, [row]))
    return env, found


def as_json(env: MetalevelEnv, found: Sequence[Answer]) -> list[dict[str, Any]]:
    """Return answers as plain values, in full precision."""
    return [
        {
            "env": env.name,
            "beliefs": env.num_beliefs,
            "cost": answer.cost,
            "stop_at_once": answer.bounds.nothing,
            "optimum": answer.bounds.optimum,
            "policies": [
                {
                    "policy": row.policy,
                    "values": answer.values(row),
                    "scores": answer.scores(row),
                    "computations": [play.computations for play in row.plays],
                    "setting": dict(row.setting),
                }
                for row in answer.rows
            ],
        }
        for answer in found
    ]
