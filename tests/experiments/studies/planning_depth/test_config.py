"""Configurations: presets, the way through JSON and back, and what is refused."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from agents.presets import PRESETS
from agents.thinker.config import ThinkerConfig
from experiments import roster
from experiments.cli.options import parse_run
from experiments.runs.codec import from_dict, to_dict
from experiments.studies.metareasoning.config import MetalevelConfig
from experiments.studies.planning_depth.checks import conflict
from experiments.studies.planning_depth.config import ControlConfig, StudyConfig, SweepConfig
from experiments.studies.presets import preset
from rrplan import InputError

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(
    "env",
    [
        "knapsack",
        "sliding_tiles",
        "sokoban",
        "tardiness",
        "traps",
        "Catch-bsuite",
        "a.module:Class",
    ],
)
def test_every_preset_survives_json(env, name):
    config = preset(env, name)
    assert from_dict(json.loads(json.dumps(to_dict(config)))) == config


def test_presets_are_what_the_study_promises():
    quick, full = preset("knapsack", "quick"), preset("knapsack", "full")
    assert quick.sweep.budgets == (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
    assert full.sweep.budgets == (*quick.sweep.budgets, 64)
    assert preset("traps", "quick").sweep.budgets == (*quick.sweep.budgets, 48, 64)
    assert quick.sweep.prices == full.sweep.prices == (3e-4, 1e-3, 2e-3)
    assert (quick.sweep.episodes, full.sweep.episodes) == (4096, 8192)
    assert (quick.seeds, full.seeds) == (1, 5)
    agents = ("entropy", "vet", "schedule", "gate", "stopper", "self-aware", "oracle")
    assert quick.control.agents == agents
    assert full.control.agents == roster.choosable(depth=False)
    assert full.trained_prices == (3e-4, 1e-3)
    assert full.control.oracle_episodes == 1024
    rounds = [preset("sokoban", name).control.ppo.num_chunks for name in PRESETS]
    assert rounds == [100, 400]
    assert quick.control.ppo == full.control.ppo
    assert (quick.control.ppo.num_chunks, quick.control.ppo.minibatches) == (400, 16)


def test_budgets_of_tiles_and_sokoban_reach_beyond_their_best_k():
    for env in ("sliding_tiles", "sokoban"):
        for name in PRESETS:
            budgets = preset(env, name).sweep.budgets
            assert budgets == (*preset("traps", "quick").sweep.budgets, 96, 128)


def test_a_given_option_of_the_environment_takes_the_place_of_all_of_the_preset():
    def options(*arguments):
        return parse_run(["sokoban", *arguments], "rrplan run").study.env_kwargs

    assert options() == {"max_steps_in_episode": 40, "show_dead": True}
    assert options("--preset", "full", "--seed", "3") == options()
    assert options("--env.num_boxes", "1") == {"num_boxes": 1}
    assert parse_run(["sliding_tiles"], "rrplan run").study.env_kwargs == {}


def test_search_and_meta_policies_discount_as_training_did():
    config = preset("FrozenLake-misc", "quick")
    assert config.search.discount == config.control.ppo.gamma == config.train.gamma < 1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"agents": ("stoper",)}, "unknown control agent 'stoper': did you mean 'stopper'"),
        ({"oracle_episodes": 1}, "control.oracle_episodes must be at least 2, got 1"),
        (
            {"agents": ("stopper",), "stopper_menu": (1, 2)},
            r"menu is \(1, 2\): expected 0 and at least one larger number",
        ),
        ({"num_prices": 0}, "control.num_prices must be at least 1, got 0"),
        (
            {"agents": ("gate",), "inputs": ("search", "prize")},
            "unknown input group 'prize': did you mean 'price'",
        ),
        (
            {"agents": ("gate", "yoked")},
            "control.agents has yoked without stopper, whose amounts it takes: add stopper$",
        ),
        (
            {"agents": ("stopper-blind",), "inputs": ("features", "price")},
            "control.inputs must be some of what stopper-blind may see",
        ),
    ],
)
def test_meta_policies_are_checked(changes, message):
    with pytest.raises(InputError, match=f"^{message}"):
        ControlConfig(**changes)


def test_meta_policies_follow_the_sweep():
    control = ControlConfig(agents=("stopper", "oracle"), num_prices=2, oracle_episodes=100)
    sweep = SweepConfig(prices=(1e-3,), episodes=50)
    config = StudyConfig(env="knapsack", control=control, sweep=sweep)
    assert (config.trained_prices, config.oracle_episodes) == ((1e-3,), 50)


def test_prices_lie_within_what_priced_agents_are_trained_on():
    control = ControlConfig(agents=("gate-priced",))
    with pytest.raises(InputError, match=r"sweep\.prices must be from 0\.0001 to 0\.01"):
        StudyConfig(env="knapsack", control=control, sweep=SweepConfig(prices=(1e-3, 0.02)))


def test_an_agent_for_one_price_is_not_shown_it():
    control = ControlConfig(inputs=("search", "price"))
    assert control.meta(roster.find("stopper")).inputs == ("search",)
    assert control.meta(roster.find("stopper-priced")).inputs == ("search", "price")
    assert control.meta(roster.find("gate-priced")).menu == control.gate_menu


def test_a_control_sees_its_groups_of_those_of_the_study():
    control = ControlConfig(inputs=("search", "progress", "features", "price"))
    assert control.meta(roster.find("stopper-blind")).inputs == ("search", "progress")
    assert control.meta(roster.find("stopper-deaf")).inputs == ("progress", "features")
    varying = control.meta(roster.find("gate-blind"), price_varies=True)
    assert varying.inputs == ("search", "progress", "price")
    assert control.meta(roster.find("direct")) == control.meta(roster.find("gate"))


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(InputError, match="unknown preset 'quik': did you mean 'quick'"):
        preset("knapsack", "quik")


def test_order_and_repetition_of_budgets_make_no_other_study():
    assert SweepConfig(budgets=(8, 0, 8)) == SweepConfig(budgets=(0, 8))


def test_the_largest_budget_sizes_the_search():
    assert SweepConfig(budgets=(0, 12)).max_budget == 12
    assert SweepConfig(budgets=(0,)).max_budget == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budgets": (0, -1)}, "sweep.budgets must be at least 0 simulations, got -1"),
        ({"budgets": ()}, r"sweep.budgets must hold at least one number, got \(\)"),
        ({"prices": (-1e-3,)}, "sweep.prices must be at least 0, got -0.001"),
        ({"prices": (float("nan"),)}, "sweep.prices must be at least 0, got nan"),
        ({"episodes": 0}, r"sweep.episodes must be at least 2 \(an interval needs two\), got 0"),
        ({"budgets": (0, 1.5)}, r"sweep.budgets\[1\] must be a valid integer, got 1.5"),
        ({"budgets": ("1", 2)}, r"sweep.budgets\[0\] must be a valid integer, got '1'"),
        ({"depth_budgets": (True,)}, r"sweep.depth_budgets\[0\] must be a valid integer, got True"),
        ({"depths": (2.5,)}, r"sweep.depths\[0\] must be a valid integer, got 2.5"),
        ({"prices": ("low",)}, r"sweep.prices\[0\] must be a valid number, got 'low'"),
        ({"episodes": 2.5}, "sweep.episodes must be a valid integer, got 2.5"),
        ({"num_lanes": None}, "sweep.num_lanes must be a valid integer, got None"),
        ({"num_lanes": 0}, "sweep.num_lanes must be at least 1, got 0"),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        SweepConfig(**changes)


@pytest.mark.parametrize("changes", [{"seeds": 0}, {"seed": -1}, {"seed": 2**32}])
def test_seeds_out_of_range_are_refused(changes):
    with pytest.raises(InputError, match="must be"):
        StudyConfig(env="knapsack", **changes)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        (StudyConfig, {"env": 3}, "env must be a valid string, got 3"),
        (StudyConfig, {"seeds": "3"}, "seeds must be a valid integer, got '3'"),
        (StudyConfig, {"seed": True}, "seed must be a valid integer, got True"),
        (StudyConfig, {"price_level": None}, "price_level must be a valid number, got None"),
        (StudyConfig, {"bill": 1}, "bill must be 'operations', 'simulations' or 'seconds', got 1"),
        (StudyConfig, {"control": {}}, "control must be a ControlConfig, got {}"),
        (ControlConfig, {"width": 1.5}, "control.width must be a valid integer, got 1.5"),
        (ControlConfig, {"gate_menu": 4}, "control.gate_menu must be a valid tuple, got 4"),
        (MetalevelConfig, {"seeds": 1.5}, "seeds must be a valid integer, got 1.5"),
    ],
)
def test_values_of_another_type_are_refused(kind, changes, message):
    named = {} if kind is ControlConfig else {"env": "knapsack"}
    with pytest.raises(InputError, match=f"^{message}$"):
        kind(**named | changes)


def test_lists_arrays_and_numbers_of_numpy_will_do():
    sweep = SweepConfig(budgets=[np.int64(4), 0], prices=np.array([1e-3]), episodes=np.int32(64))
    assert sweep == SweepConfig(budgets=(0, 4), prices=(1e-3,), episodes=64)
    assert json.dumps(to_dict(sweep))


def test_a_model_learns_beside_thinker_only_where_there_is_one():
    control = ControlConfig(thinker=ThinkerConfig(model_steps=4))
    with pytest.raises(InputError, match=r"^control\.thinker\.model_steps must be 0, as"):
        StudyConfig(env="knapsack", control=control)
    assert StudyConfig(env="knapsack", control=control, model="learned").control == control


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("sweep", "budget"), [1], "unknown key in config.sweep 'budget': did you mean 'budgets'?"),
        (("netwrk",), 1, "unknown key in config 'netwrk': did you mean 'network'?"),
        (("seeds",), "1", "config.seeds has a wrong value: '1' (expected a valid integer)"),
        (("seeds",), True, "config.seeds has a wrong value: True (expected a valid integer)"),
        (
            ("search", "acting"),
            "vists",
            "config.search.acting has a wrong value: 'vists'"
            " (expected 'visits', 'completed_q' or 'validate')",
        ),
        (
            ("sweep", "budgets"),
            [0, 1.5],
            "config.sweep.budgets[1] has a wrong value: 1.5 (expected a valid integer)",
        ),
        (
            ("sweep", "budgets"),
            "34",
            "config.sweep.budgets has a wrong value: '34' (expected a valid array)",
        ),
        (("network",), 3, "config.network has a wrong value: 3 (expected an object)"),
        (
            ("control", "ppo", "gama"),
            1.0,
            "unknown key in config.control.ppo 'gama': did you mean 'gamma'?",
        ),
        (
            ("sweep", "episodes"),
            1,
            "sweep.episodes must be at least 2 (an interval needs two), got 1",
        ),
    ],
)
def test_a_wrong_file_is_told_where_it_is_wrong(config, path, value, message):
    data = to_dict(config)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(InputError) as error:
        from_dict(data)
    assert str(error.value) == message


def test_a_missing_key_is_told(config):
    data = to_dict(config)
    del data["env"]
    with pytest.raises(InputError, match=r"^config\.env is missing$"):
        from_dict(data)


def test_whole_numbers_are_read_as_floats_where_floats_are_meant(config):
    data = to_dict(config)
    data["sweep"]["prices"] = [1]
    assert from_dict(data).sweep.prices == (1.0,)


def test_environment_options_are_kept(config):
    config = dataclasses.replace(config, env_kwargs={"num_items": 5, "law": "weakly"})
    assert from_dict(to_dict(config)).env_kwargs == {"num_items": 5, "law": "weakly"}


def test_an_option_of_several_numbers_is_read_as_it_was_typed(config):
    """JSON has lists for tuples; a checkpoint of the one would not be known as the other's."""
    typed = dataclasses.replace(config, env_kwargs={"distance": (1, 30), "rows": 3})
    read = from_dict(json.loads(json.dumps(to_dict(typed))))
    assert repr(read.env_kwargs) == "{'distance': (1, 30), 'rows': 3}"
    assert read == typed
    assert conflict(read, dataclasses.replace(typed, env_kwargs={"distance": (1, 4), "rows": 3}))
    fewer = dataclasses.replace(typed.sweep, budgets=typed.sweep.budgets[:1])
    assert conflict(read, dataclasses.replace(typed, sweep=fewer))


def test_a_run_of_an_older_version_is_read_as_what_it_was():
    older = json.loads((ROOT / "docs" / "full" / "results.json").read_text())["config"]
    config = from_dict(older)
    assert "asks_per_chunk" in older["control"]["ppo"]
    assert config.control.ppo.looks_per_chunk == older["control"]["ppo"]["asks_per_chunk"]
    assert config.control.ppo.lambda_per == "look"
    assert config.bill == "simulations"  # it knew no other
    assert from_dict(to_dict(config)) == config
