"""The command that a report shows makes the same run."""

import dataclasses
import shlex

import pytest

from agents.networks import NetworkConfig
from experiments.cli.options import parse_run
from experiments.html import making
from experiments.studies.planning_depth.config import ControlConfig, SweepConfig
from experiments.studies.presets import preset


def varied():
    """Return configurations, each with another thing changed."""
    knapsack = preset("knapsack", "quick")
    sweep = dataclasses.replace(knapsack.sweep, budgets=(0, 3), depths=(1, 2), prices=(1e-3, 5e-3))
    train = dataclasses.replace(knapsack.train, rescale_values=False, num_chunks=7)
    return {
        "preset": knapsack,
        "full": preset("traps", "full"),
        "sweep": dataclasses.replace(knapsack, sweep=sweep),
        "booleans": dataclasses.replace(knapsack, train=train, calibrate=True, seeds=2, seed=9),
        "options": dataclasses.replace(
            knapsack, env_kwargs={"num_items": 20, "law": "weakly", "capacity_fraction": 0.25}
        ),
        "instance": preset("sokoban", "quick"),
        "other instance": dataclasses.replace(
            preset("sokoban", "full"), env_kwargs={"num_boxes": 1, "show_dead": False}
        ),
        "agents": dataclasses.replace(
            knapsack,
            control=dataclasses.replace(
                knapsack.control, agents=("stopper", "oracle"), gate_menu=(0, 5)
            ),
            network=NetworkConfig(size="large"),
            return_label="a 'quoted' return",
        ),
        "nobody": dataclasses.replace(knapsack, control=ControlConfig(), sweep=SweepConfig()),
    }


@pytest.mark.parametrize("name", varied())
def test_the_command_is_read_as_the_same_configuration(name):
    config = varied()[name]
    words = shlex.split(making.run_again(config, priced=False))
    assert words[:2] == ["rrplan", "run"]
    assert parse_run(words[2:], "rrplan run").study == config


def test_a_preset_takes_no_options():
    assert making.run_again(preset("knapsack", "quick"), priced=False) == "rrplan run knapsack"
    assert making.run_again(preset("sokoban", "quick"), priced=False) == "rrplan run sokoban"
    full = making.run_again(preset("traps", "full"), priced=False)
    assert full == "rrplan run traps --preset full"


def test_prices_that_were_worked_out_are_worked_out_again():
    found = preset("Catch-bsuite", "quick").with_prices((0.01, 0.03, 0.06))
    assert making.run_again(found, priced=True) == "rrplan run Catch-bsuite"


def test_every_setting_is_told():
    told = dict(making.settings(preset("knapsack", "quick")))
    assert told["env"] == "knapsack"
    assert told["sweep.prices"] == "0.0003, 0.001, 0.002"
    assert told["sweep.depths"] == "none"
    assert len(told) > 80
