"""A network in a user's own file: trained by a study, resumed, evaluated and loaded again."""

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import experiments
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned.config import MetaConfig
from agents.networks.own import OwnNetwork
from experiments.cli import main as cli

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
(OWN,) = re.findall(r"```python\n(import dataclasses.*?)```", PAGE, re.DOTALL)
TINY = shlex.split(
    "knapsack --no-report --env.num_items 4 --k 0 4 --prices 1e-3 --train.num-chunks 2 "
    "--train.num-lanes 8 --train.batch-size 16 --train.checkpoint-every 1 "
    "--train.num-simulations 4 --train.updates-per-chunk 2 --train.evaluation-episodes 8 "
    "--sweep.episodes 16 --sweep.validation-episodes 16 --sweep.num-lanes 8 "
    "--search.acting visits --control.agents"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder in which the user works: it holds the network's file."""
    place = tmp_path_factory.mktemp("user")
    (place / "my_nets.py").write_text(OWN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(sys, "path", list(sys.path))
        yield place
    sys.modules.pop("my_nets", None)


@pytest.fixture(scope="module")
def directory(folder):
    """A finished run."""
    assert cli.main(["run", *TINY, "--network", "my_nets:Linear", "--out", "run"]) == 0
    return folder / "run"


def test_it_is_trained_and_loaded_again(directory):
    config = json.loads((directory / "config.json").read_text())["config"]
    assert config["network"]["kind"] == "my_nets:Linear"
    loaded = experiments.load(directory)
    network, params = loaded.planner.network, loaded.planner.params
    assert isinstance(network, OwnNetwork)
    fresh = network.init(jax.random.key(0))
    assert jax.tree.map(np.shape, params) == jax.tree.map(np.shape, fresh)
    # Its features are what a meta-policy on this planner sees.
    meta = meta_networks.build(MetaConfig("stopper"), loaded.planner)
    assert not meta.rows_are_actions


def test_it_is_evaluated_at_other_budgets(directory, capsys):
    results = json.loads((directory / "results.json").read_text())
    arguments = ["evaluate", str(directory), "--k", "0", "2", "--prices", "1e-3", "--json"]
    assert cli.main(arguments) == 0
    again = json.loads(capsys.readouterr().out)["agents"]
    assert again[0]["untimed"] == results["agents"][0]["untimed"]


def test_checkpoints_of_another_run_are_refused(directory, folder, capsys):
    other = folder / "other"
    shutil.copytree(directory, other)
    config = other / "config.json"
    for name, value, told in (
        ("seed", 5, "key"),
        ("env", "tardiness", "env"),
        ("env_kwargs", {"num_items": 4, "capacity_fraction": 0.4}, "env_options"),
    ):
        data = json.loads((directory / "config.json").read_text())
        data["config"][name] = value
        if name == "env":
            data["config"]["env_kwargs"] = {}
        config.write_text(json.dumps(data))
        assert cli.main(["evaluate", str(other), "--k", "0"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"holds checkpoints of another training ({told}" in line, line


def test_another_is_another_training(directory, capsys):
    arguments = ["run", *TINY, "--out", str(directory), "--resume"]
    assert cli.main([*arguments, "--network=mlp"]) == 2
    assert "network.kind is 'my_nets:Linear' there, 'mlp' here" in capsys.readouterr().err
    assert cli.main([*arguments, "--network", "my_nets:Lniear"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("unknown name in module my_nets 'Lniear': did you mean 'Linear'?")
