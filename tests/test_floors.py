"""Imports run one way: between the packages, and between the rooms inside each.

A floor may import from itself and from those above it in these lists. The first floor whose
pattern fits a module is its own: ``a.b`` stands for the module, ``a.b.*`` for all inside as well.
"""

import ast
import fnmatch
import functools
from pathlib import Path

import pytest

from tests import sources

ROOT = Path(__file__).parents[1]
PACKAGES = ("rrplan", "envs", "agents", "experiments")
FLOORS = {
    "rrplan": [
        ["rrplan.errors", "rrplan.costs"],
        ["rrplan.types", "rrplan.imports", "rrplan.capabilities"],
        ["rrplan.keys", "rrplan.logits", "rrplan.statistics", "rrplan.tracing"],
        ["rrplan.search.*", "rrplan.models.*"],
        ["rrplan.planner"],
        ["rrplan.operations"],
        ["rrplan.engine.*"],
        ["rrplan.oracle.*"],
        ["rrplan"],
    ],
    "envs": [
        ["envs.checker.report", "envs.options"],
        ["envs.adapters.*", "envs.puzzles.*", "envs.metareasoning.*"],
        ["envs.checker.*"],
        ["envs.registry"],
        ["envs"],
    ],
    "agents": [
        ["agents.declarations", "agents.training.*"],
        ["agents.networks.*", "agents.ppo.*"],
        [
            "agents.alphazero.*",
            "agents.metapolicies.*",
            "agents.metareasoning.*",
            "agents.model_free.*",
            "agents.model_learning.*",
            "agents.greedy_rule",
            "agents.lookahead",
            "agents.random_play",
            "agents.thinker.*",
        ],
        ["agents.presets"],
        ["agents"],
    ],
    "experiments": [
        ["experiments.checking", "experiments.roster_controls"],
        ["experiments.sweep"],
        ["experiments.roster", "experiments.studies.registry", "experiments.studies"],
        ["experiments.studies.*.config"],
        ["experiments.cores", "experiments.memory", "experiments.seeds"],
        [
            "experiments.runs.*",
            "experiments.modelling",
            "experiments.evaluation",
            "experiments.cluster.*",
        ],
        ["experiments.calibration"],
        ["experiments.bill"],
        ["experiments.analysis.*"],
        ["experiments.report.*"],
        ["experiments.studies.*"],
        ["experiments.loading", "experiments.html.*"],
        ["experiments.story.*"],
        ["experiments.cli.options"],
        ["experiments.bench.*"],
        ["experiments.reproductions.*"],
        ["experiments.cli.*"],
        ["experiments"],
    ],
}


def modules() -> dict[str, Path]:
    """Return every module of the four packages by its name."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def floor_of(module: str) -> int:
    """Return the floor of a module in its package; the lowest is 0."""
    for floor, patterns in enumerate(FLOORS[module.partition(".")[0]]):
        for pattern in patterns:
            if fnmatch.fnmatch(module, pattern) or f"{module}.*" == pattern:
                return floor
    raise AssertionError(f"{module} has no floor")


@functools.cache
def imports(module: str) -> set[str]:
    """Return the modules of the four packages that a module imports, anywhere in it."""
    found = set()
    for node in sources.read(MODULES[module]).imports:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
        else:
            found |= {alias.name for alias in node.names}
    return {name for name in found if name in MODULES} - {module}


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_from_those_below(package):
    above = PACKAGES[PACKAGES.index(package) + 1 :]
    wrong = [
        f"{module} imports {other}"
        for module in MODULES
        if module.split(".")[0] == package
        for other in imports(module)
        if other.split(".")[0] in above
    ]
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_only_from_their_floor_and_those_below(package):
    wrong = [
        f"{module} imports {other}"
        for module in sorted(MODULES)
        if module.split(".")[0] == package
        for other in sorted(imports(module))
        if other.split(".")[0] == package and floor_of(other) > floor_of(module)
    ]
    assert not wrong


def test_no_file_is_long_and_no_room_is_crowded():
    lengths = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    # One subject each: the store of trees with its descent and back-up, and the exploration of a
    # state graph.
    long = {"rrplan.search.trees", "rrplan.oracle.state_graph"}
    assert {name for name, length in lengths.items() if length > 300} <= long
    folders = [path.parent for path in MODULES.values()]
    assert {str(f.relative_to(ROOT)) for f in folders if folders.count(f) > 13} == set()
