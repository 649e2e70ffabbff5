"""The oracle beside a study: what is said where there is none."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from experiments.bill import Bill
from experiments.runs.progress import Progress
from experiments.studies.planning_depth import oracle_rows
from experiments.studies.planning_depth.config import ControlConfig, StudyConfig
from rrplan.errors import InputError
from rrplan.operations import Operations

BILL = Bill("operations", "simulation", 0.0, 100.0, Operations(20.0, 80.0), {})


def refuse(*_):
    raise InputError("num_items is 20: expected at most 16 to list all subsets")


@pytest.mark.parametrize(
    ("enumerable", "said"),
    [
        (False, "no oracle: knapsack has no enumerate_states"),
        (True, "no oracle: num_items is 20: expected at most 16 to list all subsets"),
    ],
)
def test_one_line_says_why_there_is_none(monkeypatch, enumerable, said):
    monkeypatch.setattr(oracle_rows, "_of_seed", refuse)
    config = StudyConfig(env="knapsack", control=ControlConfig(agents=("oracle",)))
    listing = {"enumerate_states": refuse} if enumerable else {}
    environment = SimpleNamespace(**listing)
    problem = SimpleNamespace(config=config, environment=environment)
    written = io.StringIO()
    with Progress(Console(file=written, width=200)) as progress:
        assert oracle_rows.work_out(problem, None, [None], "visits", BILL, progress) == []
    *begun, last = written.getvalue().splitlines()
    assert last == said
    assert begun == (["oracle: begins, 1 evaluations"] if enumerable else [])
