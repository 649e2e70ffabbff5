"""Users' folders called as ours: the command line finds its own, and users' modules load."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rrplan.errors import InputError
from rrplan.imports import check_own, load_object

LIGHTS = """
import envs
from envs import Knapsack as Ours
from envs.rows import ROWS as SAME
from .rows import ROWS
from . import SIZE

class LightsOut:
    found = (Ours.__module__, ROWS is SAME, SIZE)
"""
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's folder, with folders called as ours; one holds a module that ours has too."""
    place = tmp_path_factory.mktemp("user")
    files = {
        "envs/__init__.py": "SIZE = 5",
        "envs/lights.py": LIGHTS,
        "envs/rows.py": "ROWS = [1, 2]",
        "envs/options.py": "class Mine:\n    pass",
        "envs/broken.py": "raise SystemExit(3)",
        "agents/nets.py": "class Net:\n    pass",
        "experiments/cli.py": "print('a stranger')",
    }
    for name, text in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text)
    return place


def run(folder, program):
    """Run a program where the user's folders come first."""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
    )


def test_the_command_line_finds_its_own_packages_and_users_modules(folder):
    program = """
import sys
sys.argv[1:] = ["--version"]
from rrplan.imports import main
assert main() == 0
import agents, envs, experiments
from envs.rows import ROWS
from rrplan.imports import load_object
lights = load_object("envs.lights:LightsOut", "environment")
print(*lights.found, load_object("envs.rows:ROWS", "rows") is ROWS)
print(envs.is_metareasoning("envs.lights:LightsOut"))
print(load_object("envs.options:Mine", "environment").__name__, envs.options.__name__)
print(load_object("agents.nets:Net", "network").__name__, agents.__file__)
"""
    done = run(folder, program)
    assert done.stderr == ""
    assert done.stdout.splitlines()[1:] == [
        "envs.puzzles.knapsack True 5 True",
        "False",
        "Mine envs.options",
        f"Net {ROOT / 'agents' / '__init__.py'}",
    ]


def test_one_line_says_which_package_is_hidden_by_what(folder):
    program = """
from rrplan.imports import check_own
try:
    check_own("agents", "envs")
except ImportError as error:
    print(error)
import envs
check_own("envs")
"""
    done = run(folder, program)
    line = (
        f"{folder / 'envs' / '__init__.py'} hides rrplan's own package 'envs' ({ROOT / 'envs'}): "
        "rename it, or call rrplan.imports.own_first() before anything imports it"
    )
    assert done.stdout == f"{line}\n"
    assert done.stderr.splitlines()[-1] == f"ImportError: {line}"


def test_nothing_is_hidden_here():
    check_own("envs", "agents", "experiments")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("envs.lights", "network 'envs.lights': expected 'package.module:Class'"),
        (3, "network 3: expected 'package.module:Class'"),
        ("envs.lights:", "network 'envs.lights:': expected 'package.module:Class'"),
        (
            "envs.lights:LightOut",
            "unknown name in module envs.lights 'LightOut': did you mean 'LightsOut'?",
        ),
        ("envs.broken:A", "network 'envs.broken:A': cannot import it (SystemExit: 3)"),
        (
            "envs.nowhere:A",
            "network 'envs.nowhere:A': cannot import it "
            "(ModuleNotFoundError: No module named 'envs.nowhere')",
        ),
    ],
)
def test_what_cannot_be_loaded_gets_one_clear_line(folder, monkeypatch, path, message):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.setattr("sys.meta_path", list(sys.meta_path))
    with pytest.raises(InputError) as caught:
        load_object(path, "network")
    assert str(caught.value) == message
