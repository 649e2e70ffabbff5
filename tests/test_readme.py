"""What the README and the pages for users show runs as it stands."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import agents
from experiments.cli import main as cli
from experiments.studies.planning_depth import training as meta_training
from experiments.studies.presets import preset

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


TEN_LINES, APPLY = blocks("README.md")
(LOAD,) = blocks("docs/studies.md")
TREATS, META_POLICY, OWN_AGENT = blocks("docs/your-own.md")
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]


@pytest.fixture
def treats(tmp_path, monkeypatch):
    (tmp_path / "treats.py").write_text(TREATS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield "treats:Treats"
    sys.modules.pop("treats", None)


def test_the_ten_lines_print_what_the_readme_says(capsys):
    exec(compile(TEN_LINES, "README.md", "exec"), {})
    shown = README.split(TEN_LINES)[1].split("```\n")[2]
    printed, expected = (
        np.array([line.split() for line in text.splitlines()], float)
        for text in (capsys.readouterr().out, shown)
    )
    np.testing.assert_allclose(printed, expected, atol=0.002)


def test_the_environment_runs_the_study(treats, tmp_path, capsys):
    options = "--k 0 4 --sweep.episodes 32 --sweep.validation-episodes 32 --train.num-chunks 2"
    options += " --train.num-lanes 8 --train.batch-size 16 --train.num-simulations 4"
    options += " --train.updates-per-chunk 2 --train.evaluation-episodes 8"
    options += " --control.agents"  # none
    status = cli.main(["run", treats, "--preset", "quick", "--out", "run", *options.split()])
    assert status == 0, capsys.readouterr().err
    assert (tmp_path / "run" / "results.json").exists()
    assert "fixed" in capsys.readouterr().out


def test_the_meta_policy_runs_and_is_declared_as_an_agent(capsys):
    names = {}
    assert APPLY in META_POLICY
    exec(compile(META_POLICY, "your-own.md", "exec"), names)
    timed, simulations = map(float, capsys.readouterr().out.split())
    assert 0.5 < timed < 1.0
    assert 8 <= simulations <= 320
    exec(compile(OWN_AGENT, "your-own.md", "exec"), names)
    rule = names["UNDECIDED"]
    assert isinstance(rule, agents.Rule)
    assert [candidate.params["gap"] for candidate in rule.candidates(None, ())] == [0, 2, 4, 8]


def test_what_is_loaded_is_named_as_the_page_says():
    compile(LOAD, "studies.md", "exec")
    config = preset("knapsack", "quick")
    assert "stopper-0.0003" in LOAD
    assert "stopper-0.0003" in [case.label for case in meta_training.list_cases(config)]


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "docs").glob("*.md"))], ids=str)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_readme_has_the_table_of_the_demo():
    ours = re.search(r"\| fixed k = \d+ \|.*?\n\n", README, re.DOTALL)[0]
    theirs = (ROOT / "docs" / "demo" / "table.md").read_text()
    for line in ours.strip().splitlines():
        assert f"| 0.0003 {line[:-2]} |" in theirs, line
