"""Everything that is imported is declared, so that a clean install can run."""

import ast
import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from setuptools import find_packages

ROOT = Path(__file__).parents[1]
PACKAGES = ("rrplan", "envs", "agents", "experiments")
# Module name -> distribution, where they differ.
DISTRIBUTIONS = {"orbax": "orbax-checkpoint"}
# gymnax 1.0.1 imports six and does not declare it.
NEEDED_BY_OTHERS = {"six"}


def imported_modules(*folders: str) -> set[str]:
    modules = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    modules.add(node.module.split(".")[0])
    return modules


def settings() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def declared(*extras: str) -> set[str]:
    project = settings()["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {Requirement(line).name for line in lines}


def third_party(modules: set[str]) -> set[str]:
    own = {*PACKAGES, "tests", *sys.stdlib_module_names}
    return {DISTRIBUTIONS.get(name, name) for name in modules - own}


def test_every_import_is_declared_and_nothing_else_is():
    assert third_party(imported_modules(*PACKAGES)) | NEEDED_BY_OTHERS == declared()


def test_every_import_of_the_tests_is_declared():
    assert third_party(imported_modules("tests")) <= declared("dev") | {"numpy"}


def test_the_examples_need_nothing_more():
    assert third_party(imported_modules("examples")) <= declared()


def test_no_package_is_left_out_of_a_wheel():
    inits = [path for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")]
    expected = {".".join(path.parent.relative_to(ROOT).parts) for path in inits}
    include = settings()["tool"]["setuptools"]["packages"]["find"]["include"]
    assert set(find_packages(ROOT, include=include)) == expected


def test_every_folder_with_modules_is_a_package():
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


def test_types_are_shipped():
    assert settings()["tool"]["setuptools"]["package-data"] == {"*": ["py.typed"]}
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").exists(), package


def test_a_commit_is_checked_as_make_lint_does():
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = lint[1].replace("$(BIN)", ".venv/bin").split("\n")
    hooks = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert hooks == [command.strip() for command in commands if command]


def test_only_public_names_of_mctx_are_used():
    for folder in (*PACKAGES, "tests", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom):
                    assert not (node.module or "").startswith("mctx._"), path
                if isinstance(node, ast.Attribute):
                    assert node.attr != "_src", path
