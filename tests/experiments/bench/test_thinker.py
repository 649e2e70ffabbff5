"""The bench of augmented steps: its table, and what it refuses."""

import pytest

from experiments.bench import report, tables
from experiments.bench.thinker import ThinkerOptions
from rrplan.errors import InputError


def made_up(lanes, floor):
    """Steps a second of a cell in which Thinker takes twice, the other four times the floor."""
    speeds = {"thinker": floor / 2, "dynamic": floor / 4, "floor": floor}
    return {
        "lanes": lanes,
        "steps_per_second": {n: {"median": s, "min": s, "max": s} for n, s in speeds.items()},
        "over_floor": {"thinker": 2.0, "dynamic": 4.0},
    }


def test_the_table_tells_steps_a_second_and_the_floor(tmp_path):
    cells = [made_up(64, 1e5), made_up(4096, 4e6)]
    report.write(tmp_path, "thinker", {"k": 10}, report.begin(), {"cells": cells})
    text = tables.write(tmp_path, "thinker", report.load(tmp_path, "thinker"))
    assert "| 64 | 50,000 (50,000 to 50,000) | 25,000" in text
    assert "| 4,096 |" in text
    assert "| 2.00 | 4.00 |" in text
    assert "K = 10" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lanes": ()}, "lanes is empty"),
        ({"k": 1}, "k holds 1: expected numbers >= 2"),
        ({"steps": 0}, "steps holds 0: expected numbers >= 1"),
    ],
)
def test_bad_options_get_one_clear_line(options, message):
    with pytest.raises(InputError, match=message) as caught:
        ThinkerOptions(**options)
    assert "\n" not in str(caught.value)
