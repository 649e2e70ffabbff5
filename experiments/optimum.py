"""``rrplan optimum``: what is the best that can be done on a metareasoning problem, exactly?"""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import rich.box
import rich.table
import tyro

import envs
from envs import tables
from envs.metalevel import MetalevelEnv
from experiments import options, scores
from experiments.formatting import DASH
from experiments.scores import Bounds, Row
from rrplan.errors import InputError

DIGITS = 10  # of values in the table


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
    """Cost of a computation, or several to compare; the problem's own if not given."""
    agent: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Directory of a run of `rrplan run` on this problem, whose controllers are scored too."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the rows as JSON instead of a table."""

    def __post_init__(self):
        for cost in self.cost:
            if not 0 <= cost < float("inf"):
                raise InputError(f"cost is {cost}: expected a number, at least 0")


class Answer(NamedTuple):
    """The rows of a problem at one cost."""

    cost: float
    bounds: Bounds
    rows: list[Row]


def parse(arguments: Sequence[str], prog: str) -> tuple[OptimumOptions, dict[str, Any]]:
    """Return the command's own options, and the problem's as keyword arguments.

    Raises:
        InputError: an option has no value, or a wrong one.
    """
    own = {"--help", *(f"--{field.name}" for field in dataclasses.fields(OptimumOptions))}
    prefixed = []
    for argument, following in zip(arguments, [*arguments[1:], "--"], strict=True):
        if argument == "--cost" and following.startswith("--"):
            raise InputError("--cost needs a value: --cost COST [COST ...]")
        name = argument.partition("=")[0]
        of_problem = name.startswith("--") and not name.startswith("--env.") and name not in own
        prefixed.append(f"--env.{argument.removeprefix('--')}" if of_problem else argument)
    rest, kwargs = options.split_env_options(prefixed)
    return options.parse(OptimumOptions, rest, prog), kwargs


def build(name: str, kwargs: dict[str, Any]) -> MetalevelEnv:
    """Return a metareasoning problem by name.

    Raises:
        InputError: it cannot be built, or is an environment of another kind.
    """
    env, _ = envs.make(name, **kwargs)
    if not isinstance(env, MetalevelEnv):
        raise InputError(
            f"{name} is no metareasoning problem: expected bernoulli, mouselab, pandora, or a "
            "subclass of envs.MetalevelEnv"
        )
    return env


def answer(given: OptimumOptions, kwargs: dict[str, Any]) -> tuple[MetalevelEnv, Iterator[Answer]]:
    """Return the problem, and an answer for each cost as it is worked out."""
    env = build(given.env, kwargs)
    table = tables.tabulate(env)
    costs = given.cost or (float(env.cost),)
    return env, (Answer(*found) for found in scores.score_problem(env, table, costs))


def show(env: MetalevelEnv, answers: Sequence[Answer]) -> rich.table.Table:
    """Return the answers as a table for :mod:`rich`."""
    table = rich.table.Table(
        "policy",
        title=f"{env.name}: {env.num_beliefs:,} beliefs, {env.num_computations} computations",
        caption=(
            "Exact, in expectation. Score: 0 is to stop at once, 1 the optimum; a dash where "
            "computing cannot gain anything."
        ),
        title_justify="left",
        caption_justify="left",
        box=rich.box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for name in ("value", "score", "computations"):
        table.add_column(name, justify="right", no_wrap=True)
    for found in answers:
        table.add_row(f"[bold]cost {found.cost:g}[/]")
        for row in found.rows:
            table.add_row(*_cells(row))
        table.add_section()
    return table


def _cells(row: Row) -> tuple[str, ...]:
    score = DASH if row.score is None else f"{row.score:.4f}"
    return (name_of(row), f"{row.value:.{DIGITS}f}", score, f"{row.computations:.2f}")


def name_of(row: Row) -> str:
    """Return a policy's name, with the number that was chosen for it."""
    number = row.setting.get("number")
    if number is None:
        return row.policy
    return f"{row.policy}, {number} computation{'' if number == 1 else 's'}"


def as_json(env: MetalevelEnv, answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Return the answers as plain values, in full precision."""
    return [
        {
            "env": env.name,
            "beliefs": env.num_beliefs,
            "cost": found.cost,
            "stop_at_once": found.bounds.nothing,
            "optimum": found.bounds.optimum,
            "policies": [row._asdict() for row in found.rows],
        }
        for found in answers
    ]
