"""Everything that is imported is declared, so that a clean install can run."""

import ast
import email
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from experiments.html.document import NEEDED
from experiments.runs.tracking import PACKAGES as PACKAGES_OF_TRACKERS
from tests import sources

ROOT = Path(__file__).parents[1]
PACKAGES = ("rrplan", "envs", "agents", "experiments")
# Module name -> distribution, where they differ.
DISTRIBUTIONS = {"orbax": "orbax-checkpoint", "vl_convert": "vl-convert-python"}
# gymnax 1.0.1 imports six and does not declare it.
NEEDED_BY_OTHERS = {"six"}


def imported_modules(*folders: str) -> set[str]:
    modules = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in sources.read(path).imports:
                if isinstance(node, ast.Import):
                    modules |= {alias.name.split(".")[0] for alias in node.names}
                else:
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
    assert third_party(imported_modules(*PACKAGES)) | NEEDED_BY_OTHERS == declared("report")


def test_every_import_of_the_tests_is_declared():
    assert third_party(imported_modules("tests")) <= declared("dev", "browser") | {"numpy"}


def test_a_report_needs_what_its_extra_has():
    lines = settings()["project"]["optional-dependencies"]["report"]
    assert {Requirement(line).name for line in lines} == set(NEEDED.values())


def test_every_tracker_has_an_extra_with_its_package():
    for extra, package in PACKAGES_OF_TRACKERS.items():
        (line,) = settings()["project"]["optional-dependencies"][extra]
        assert Requirement(line).name == package


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text()
    project = settings()["project"]
    for name in ("version", "license"):
        assert f"\n{name}: {project[name]}\n" in citation


def test_the_examples_need_nothing_more():
    assert third_party(imported_modules("examples")) <= declared()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of this checkout, built without a network in a copy, as building leaves files."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, source / package, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "tests", "docs", "examples"):
        (source / name).symlink_to(ROOT / name)
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", code, str(out)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (path,) = out.iterdir()
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_a_wheel_holds_all_files_of_the_packages_and_nothing_else(wheel):
    files = {path for package in PACKAGES for path in (ROOT / package).rglob("*.*")}
    expected = {str(path.relative_to(ROOT)) for path in files if path.suffix != ".pyc"}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == expected
    for package in PACKAGES:
        assert f"{package}/py.typed" in expected


def test_a_wheel_brings_the_command_its_needs_and_the_license(wheel):
    (folder,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    read = lambda name: wheel.read(f"{folder}/{name}").decode()  # noqa: E731
    assert read("entry_points.txt").split("\n")[:2] == [
        "[console_scripts]",
        "rrplan = rrplan.imports:main",
    ]
    metadata = email.message_from_string(read("METADATA"))
    needs = {Requirement(line) for line in metadata.get_all("Requires-Dist")}
    assert {need.name for need in needs if not need.marker} == declared()
    assert metadata["Requires-Python"] == settings()["project"]["requires-python"]
    assert metadata.get_payload().strip() == (ROOT / "README.md").read_text().strip()
    assert read("licenses/LICENSE") == (ROOT / "LICENSE").read_text()


@pytest.mark.slow
def test_a_wheel_alone_runs_the_demo_from_another_folder(wheel, tmp_path):
    """Nothing of this checkout is in reach; the packages that it needs are those of the tests."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel.filename]
    subprocess.run([python, *install], check=True)
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    place = Path(subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip())
    # Folders that a .pth file names are searched, but what they themselves redirect is not.
    (place / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    given: dict = {"cwd": elsewhere, "env": clean, "text": True}
    rrplan = python.with_name("rrplan")
    found = subprocess.run([rrplan, "--version"], check=True, capture_output=True, **given)
    assert found.stdout == f"rrplan {settings()['project']['version']}\n"
    code = "import rrplan, envs, agents, experiments as e; print(rrplan.__file__, e.__file__)"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, **given)
    assert all(file.startswith(str(place)) for file in found.stdout.split())
    command = [rrplan, "run", "knapsack", "--preset", "quick", "--out", "demo", "--resume"]
    lines = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, **given) as run:
        assert run.stderr is not None
        while line := run.stderr.readline():
            lines.append(line)
            if line.startswith("training: begins"):
                break
        time.sleep(60)
        assert run.poll() is None, lines
        run.send_signal(signal.SIGINT)
        lines += run.stderr.readlines()
    assert run.returncode == 130
    assert "Traceback" not in "".join(lines)
    assert "interrupted; go on with: rrplan run knapsack" in lines[-1]
    assert (elsewhere / "demo" / "config.json").exists()


def test_every_folder_with_modules_is_a_package():
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


def test_a_commit_is_checked_as_make_lint_does():
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = lint[1].replace("$(BIN)", ".venv/bin").split("\n")
    hooks = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    assert hooks == [command.strip() for command in commands if command]


def test_only_public_names_of_mctx_are_used():
    for folder in (*PACKAGES, "tests", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            source = sources.read(path)
            for node in source.imports:
                if isinstance(node, ast.ImportFrom):
                    assert not (node.module or "").startswith("mctx._"), path
            assert "_src" not in source.attributes, path
