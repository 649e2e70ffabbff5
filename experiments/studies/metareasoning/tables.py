"""Answers to a metareasoning problem: as JSON, for the terminal, and as Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rich.box
import rich.table

from envs.metareasoning.mdp import MetalevelEnv
from experiments.analysis.comparisons import as_json
from experiments.analysis.seeds import t_interval
from experiments.report.formatting import DASH, format_markdown
from experiments.studies.metareasoning.scores import Answer, Row
from rrplan.statistics import Interval

Entry = Mapping[str, Any]
COLUMNS = ("value", "score", "computations")
CAPTION = (
    "Exact, in expectation. Score: 0 is to stop at once, 1 the optimum; a dash where computing "
    "cannot gain anything."
)


def entries(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Return each policy at each cost as ``results.json`` has agents.

    What is earned is ``timed``, what is earned before any cost ``untimed``, and computations
    stand as ``simulations``. Intervals are over training seeds.
    """
    return [_entry(answer, row) for answer in answers for row in answer.rows]


def terminal_tables(results: Mapping[str, Any], directory: Path | None) -> list[rich.table.Table]:
    """Return the tables of a study's results for :mod:`rich`."""
    del directory
    return [terminal_table(results["title"], results["agents"])]


def terminal_table(title: str, agents: Sequence[Entry]) -> rich.table.Table:
    """Return entries as a table for :mod:`rich`."""
    table = rich.table.Table(
        "policy",
        title=title,
        caption=CAPTION,
        title_justify="left",
        caption_justify="left",
        box=rich.box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for cost in _costs(agents):
        table.add_row(f"[bold]c = {cost:g}[/]")
        for entry in _at(agents, cost):
            table.add_row(*_cells(entry))
        table.add_section()
    return table


def markdown_table(agents: Sequence[Entry]) -> str:
    """Return entries as a Markdown table, with its caption below."""
    rows = ([f"{cost:g}", *_cells(entry)] for cost in _costs(agents) for entry in _at(agents, cost))
    return format_markdown(["c", "policy", *COLUMNS], rows, CAPTION, left=["policy"])


def title_of(env: MetalevelEnv) -> str:
    """Return what a table of a problem is headed with."""
    return f"{env.name}: {env.num_beliefs:,} beliefs, {env.num_computations} computations"


def _entry(answer: Answer, row: Row) -> dict[str, Any]:
    scores = answer.scores(row)
    return {
        "agent": row.policy,
        "k": row.setting.get("number"),
        "price": answer.cost,
        "seeds": len(row.plays),
        "episodes": None,
        "timed": _estimate(answer.values(row)),
        "untimed": _estimate([play.payoff for play in row.plays]),
        "simulations": _estimate([play.computations for play in row.plays]),
        "score": None if scores is None else _estimate(scores),
        "scores": scores,
        "setting": dict(row.setting),
    }


def _estimate(values: Sequence[float]) -> dict[str, Any]:
    """Return the mean over training seeds with Student's interval; of one seed it has no width."""
    mean = float(np.mean(values))
    return as_json(
        t_interval(np.asarray(values)) if len(values) > 1 else Interval(mean, mean, mean)
    )


def _costs(agents: Sequence[Entry]) -> list[float]:
    return sorted({entry["price"] for entry in agents})


def _at(agents: Sequence[Entry], cost: float) -> list[Entry]:
    return [entry for entry in agents if entry["price"] == cost]


def _cells(entry: Entry) -> tuple[str, ...]:
    value, computations = entry["timed"]["mean"], entry["simulations"]["mean"]
    return _name(entry), f"{value:.10f}", _score(entry), f"{computations:.2f}"


def _name(entry: Entry) -> str:
    """Return a policy's name, with the number that was chosen for it, or of its seeds."""
    if entry["k"] is not None:
        return f"{entry['agent']}, {entry['k']} computation{'' if entry['k'] == 1 else 's'}"
    return entry["agent"] + (f", {entry['seeds']} seeds" if entry["seeds"] > 1 else "")


def _score(entry: Entry) -> str:
    if entry["score"] is None:
        return DASH
    mean = f"{entry['score']['mean']:.4f}"
    return f"{mean} (least {min(entry['scores']):.4f})" if entry["seeds"] > 1 else mean
