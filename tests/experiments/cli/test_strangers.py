"""A user's own environment that is broken: one line says what was found and what was expected."""

import sys
from pathlib import Path

import pytest

from experiments.cli import main as cli

FILE = Path(__file__).parents[2] / "envs" / "checker" / "strangers.py"

BROKEN = {
    "AnotherShape": "(float32[2], then float32[1]); expected one shape and one strong dtype",
    "GrowingState": "position (int32[], then int32[1]); expected arrays of one shape",
    "MaskTooShort": "invalid_actions after reset_env is bool[1]: expected shape (2,)",
    "MaskTooLong": "invalid_actions after reset_env is bool[2,2]: expected shape (2,)",
    "NothingLegal": "has no legal action: expected at least one",
    "TwoRewards": "float32[2]: expected a float32 scalar",
    "SeesNone": "reset_env returns is None, not an array: its space says float32[2]",
    "ThreeValues": "step_env returns 3 values: expected 5, observation, state, reward, terminated",
    "ResetsToOneValue": "reset_env returns a State: expected 2, observation and state",
    "Branches": "step_env cannot be compiled by jit: it turns a traced array into a Python value",
    "NoActions": "the action space has 0 actions: expected 1 or more",
    "Raises": "step_env raises KeyError: 'no such cell:",
    "SeesNan": "the observation is NaN or infinite: expected finite numbers",
    "PaysNan": "the reward is NaN or infinite: expected finite numbers",
    "ForTwo": "it has a current_player: expected a game of one player",
    "GreedyOutside": "greedy_action returns an action that is out of range or illegal",
    "GreedyVector": "greedy_action returns float32[2]: expected an int32 scalar",
    "NeverEnds": "no episode of random legal play ended",
    "NeverSaysSo": "though max_steps_in_episode is 6: expected an end, by terminated",
    "CannotBeBuilt": "cannot be built (ValueError: no level file)",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder in which the user works: it holds the environments."""
    place = tmp_path_factory.mktemp("user")
    (place / "own_envs.py").write_text(FILE.read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(sys, "path", list(sys.path))
        yield place
    sys.modules.pop("own_envs", None)


@pytest.mark.parametrize(("name", "words"), BROKEN.items())
def test_a_broken_environment_is_refused_in_one_line(folder, capsys, name, words):
    assert cli.main(["run", f"own_envs:{name}", "--out", "run"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rrplan: error: environment 'own_envs:{name}'")
    assert words in line
    assert not (folder / "run").exists()


def test_train_refuses_it_too(folder, capsys):
    assert cli.main(["train", "own_envs:ThreeValues", "--out", "run"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_check_tells_what_is_wrong_from_what_is_mended(folder, capsys):
    assert cli.main(["check", "own_envs:Mended", "--steps", "60"]) == 0
    output = capsys.readouterr().out.splitlines()
    assert output[0] == "Mended: keeps the contract"
    assert "  mended by envs.adapt: the reward is int32[1]: expected a float32 scalar" in output
    assert any(line.startswith("  note: it looks deterministic") for line in output)
    assert cli.main(["check", "own_envs:GreedyOutside", "--steps", "60"]) == 2
    printed = capsys.readouterr()
    expected = "  problem: greedy_action returns 2: expected an action from 0 to 1"
    assert expected in printed.out.splitlines()
    assert printed.err == "rrplan: error: own_envs:GreedyOutside has 1 problem: see above\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("check", "missing ENV: see rrplan check --help"),
        ("check knapsak", "unknown environment 'knapsak': did you mean 'knapsack'?"),
        ("check knapsack --steps 0", "steps must be at least 1, got 0"),
    ],
)
def test_check_takes_no_wrong_word(capsys, arguments, message):
    assert cli.main(arguments.split()) == 2
    assert capsys.readouterr().err == f"rrplan: error: {message}\n"
