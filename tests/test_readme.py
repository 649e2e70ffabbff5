"""What the README shows runs as it stands."""

import re
import sys
from pathlib import Path

import pytest

import envs
from experiments import cli

README = (Path(__file__).parents[1] / "README.md").read_text()
TREATS, META_POLICY = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def treats(tmp_path, monkeypatch):
    (tmp_path / "treats.py").write_text(TREATS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield "treats:Treats"
    sys.modules.pop("treats", None)


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
