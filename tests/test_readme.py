"""What the README shows runs as it stands."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import envs
from experiments import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TEN_LINES, TREATS, META_POLICY = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[:3]
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


def test_the_environment_is_sound(treats):
    report = envs.check(*envs.make(treats))
    assert report.ok, str(report)


def test_the_environment_runs_the_study(treats, tmp_path, capsys):
    options = "--k 0 4 --sweep.episodes 32 --sweep.validation-episodes 32 --train.num-chunks 2"
    options += " --control.agents"  # none
    status = cli.main(["run", treats, "--preset", "quick", "--out", "run", *options.split()])
    assert status == 0, capsys.readouterr().err
    assert (tmp_path / "run" / "results.json").exists()
    assert "fixed" in capsys.readouterr().out


def test_the_meta_policy_runs(capsys):
    exec(compile(META_POLICY, "README.md", "exec"), {})
    timed, simulations = map(float, capsys.readouterr().out.split())
    assert 0.5 < timed < 1.0
    assert 8 <= simulations <= 320


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "docs").glob("*.md"))], ids=str)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_readme_has_the_table_of_the_demo():
    ours = re.search(r"\| fixed k = 4 .*?\n\n", README, re.DOTALL)[0]
    theirs = (ROOT / "docs" / "demo" / "table.md").read_text()
    for line in ours.strip().splitlines():
        assert f"| 0.0003 {line[:-2]} |" in theirs, line
