"""An ablation of a base planner, tiny."""

import json

import pytest

from experiments.cli import main as cli

TINY = ["ablate", "optimum", "--only", "Catch", "--chunks", "1", "--seeds", "1", "--episodes", "8"]


def test_a_planner_is_trained_and_gone_on_with(tmp_path, capsys):
    out = tmp_path / "rows.json"
    arguments = [*TINY, "--out", str(out)]
    assert cli.main(arguments) == 0
    first = capsys.readouterr().out.splitlines()
    assert first[0] == (
        "| arm | parameters | return at k = 0 | to the first arm | gain over greedy |"
        " seconds a seed |"
    )
    (row,) = json.loads(out.read_text())["rows"]
    assert (row["arm"], row["parameters"]) == ("Catch", 3876)
    assert row["k0"]["mean"] == pytest.approx(sum(row["seeds"]))
    assert "gain" not in row  # Catch has no greedy rule
    assert cli.main([*arguments, "--resume"]) == 0
    assert capsys.readouterr().out.splitlines() == first
