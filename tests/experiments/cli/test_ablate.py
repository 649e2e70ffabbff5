"""``rrplan ablate``: its help, and one clear line for what is wrong."""

import pytest

from experiments import studies
from experiments.cli import main as cli


def test_help_lists_every_ablation_with_a_sentence(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["ablate", "--help"])
    assert not stop.value.code
    output = capsys.readouterr().out
    for name, ablation in studies.ABLATIONS.items():
        assert any(line.split() == [name, *ablation.help.split()] for line in output.splitlines())
    with pytest.raises(SystemExit):
        cli.main(["ablate", "start", "--help"])
    assert "--price" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "",
            "expected an ablation: start, inputs, heads, depths, advantages, menus, widths,",
        ),
        ("netwroks", "unknown ablation 'netwroks': did you mean 'networks'?"),
        ("networks --seeds 0", "seeds must be at least 1, got 0"),
        ("networks --episodes 1", "episodes must be at least 2, got 1"),
        ("networks --chunks 0", "chunks must be at least 1, got 0"),
        ("networks --only huge", "no arm of networks has 'huge' in its label: expected part of"),
        ("networks --run runs/demo", "unknown option '--run'"),
        ("networks --resume", "--resume needs the file to go on with: --out FILE"),
        ("start", "missing --run: see rrplan ablate start --help"),
        ("start --run nowhere", "nowhere holds no run: config.json is missing"),
        ("learners --run nowhere --evaluations 0", "evaluations must be at least 1, got 0"),
        ("start --run nowhere --price x", "--price: could not convert string to float"),
    ],
)
def test_what_is_wrong_takes_one_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["ablate", *arguments.split()]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith(f"rrplan: error: {message}")
    assert list(tmp_path.iterdir()) == []
