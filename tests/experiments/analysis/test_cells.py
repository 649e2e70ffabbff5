"""The table of a sweep: rows of its runs, means over seeds."""

import numpy as np
import pytest

from experiments import runs
from experiments.analysis import cells
from experiments.analysis.seeds import t_interval
from experiments.cluster.grid import Axis, Grid
from experiments.report import sweep_tables
from tests.experiments import made_up

GRID = Grid(("knapsack",), (Axis("network.size", ("tiny", "small")), Axis("seed", ("0", "1", "2"))))


@pytest.fixture
def out(tmp_path):
    """All cells but the last are done; a stopper earns 0.01 more with each seed."""
    for cell in GRID.cells[:-1]:
        results = made_up.results(("stopper",))
        seed = int(cell.values["seed"])
        for entry in results["agents"]:
            if entry["agent"] == "stopper":
                entry["timed"] = made_up.around(0.9 + 0.01 * seed)
            entry["seeds"] = 1
        if seed == 2:
            results["best_fixed"] = [{"price": p, "k": 2} for p in made_up.PRICES]
        runs.write_json(cell.directory(tmp_path) / "results.json", results)
        runs.write_text(cell.directory(tmp_path) / "table.md", "")
    return tmp_path


def test_every_agent_of_every_cell_that_is_done_has_a_row(out):
    frame = cells.collect(GRID, out)
    # k = 0, 2, 8, random and the best fixed k at two prices, the stopper at one.
    assert len(frame) == 5 * (5 * 2 + 1)
    row = frame.filter(agent="fixed", k=8, price=3e-4, seed="0").row(0, named=True)
    assert row["untimed"] == pytest.approx(0.92 + 0.04 * 8 / 12)
    assert row["untimed_high"] - row["untimed_low"] == pytest.approx(0.004)
    best = frame.filter(agent=cells.BEST, price=3e-4)
    assert best.filter(seed="0")["k"].to_list() == [8, 8]
    assert best.filter(seed="2")["k"].to_list() == [2]


def test_means_are_over_seeds_with_students_interval(out):
    axes = [axis.name for axis in GRID.axes]
    pooled = cells.over_seeds(cells.collect(GRID, out), axes)
    of_tiny = pooled.filter(**{"network.size": "tiny"})
    stopper = of_tiny.filter(agent="stopper").row(0, named=True)
    # 4.303 is Student's quantile for two degrees of freedom.
    half = 4.302652730 * 0.01 / np.sqrt(3)
    assert stopper["timed"] == pytest.approx(0.91)
    assert stopper["timed_high"] - 0.91 == pytest.approx(half, rel=1e-6)
    assert (stopper["cells"], stopper["seeds"]) == (3, 3)
    # The best k is not the same in all; each fixed k keeps a row of its own.
    assert of_tiny.filter(agent=cells.BEST, price=3e-4)["k"].to_list() == [None]
    assert of_tiny.filter(agent="fixed", price=3e-4)["k"].to_list() == [0, 2, 8]
    table = sweep_tables.markdown_table(GRID, pooled)
    assert "| network.size | cells | k | best fixed | stopper |" in table
    assert "| tiny | 3 | - |" in table
    assert "| small | 2 | 8 |" in table
    assert "0.910 ±.025 |" in table


def test_one_cell_keeps_the_interval_of_its_run(out):
    one = Grid(("knapsack",), (Axis("network.size", ("tiny",)), Axis("seed", ("0",))))
    pooled = cells.over_seeds(cells.collect(one, out), ["network.size", "seed"])
    stopper = pooled.filter(agent="stopper").row(0, named=True)
    assert stopper["timed_low"] == pytest.approx(0.898)
    tables = sweep_tables.terminal_tables(one, pooled)
    assert [table.row_count for table in tables] == [1, 1]


def test_an_axis_may_be_called_as_a_column_of_results(tmp_path):
    grid = Grid(("knapsack",), (Axis("k", ("0 2 8", "0 2")), Axis("seed", ("0", "1"))))
    for place, cell in enumerate(grid.cells):
        results = made_up.results(("stopper",))
        for entry in results["agents"]:
            entry["timed"] = made_up.around(0.5 + 0.1 * place)
        if place != 3:
            runs.write_json(cell.directory(tmp_path) / "results.json", results)
            runs.write_text(cell.directory(tmp_path) / "table.md", "")
    pooled = cells.over_seeds(cells.collect(grid, tmp_path), ["k", "seed"])
    stopper = pooled.filter(agent="stopper")
    assert dict(zip(stopper["--k"], stopper["cells"], strict=True)) == {"0 2 8": 2, "0 2": 1}
    table = sweep_tables.markdown_table(grid, pooled)
    assert "| --k | cells | k | best fixed | stopper |" in table
    assert "over the seeds' means; the run's own where cells is 1" in table


def test_students_interval_of_two_values():
    interval = t_interval(np.array([0.0, 2.0]))
    assert interval.mean == 1.0
    assert interval.high == pytest.approx(1.0 + 12.706204736)
    assert t_interval(np.array([3.0, 3.0, 3.0])) == (3.0, 3.0, 3.0)


def test_no_cell_is_done(tmp_path):
    pooled = cells.over_seeds(cells.collect(GRID, tmp_path), ["network.size", "seed"])
    assert sweep_tables.markdown_table(GRID, pooled) == "No cell is done.\n"
