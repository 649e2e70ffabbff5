"""Random play of Sokoban: what is counted, level after level, and what is not compared."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.puzzles.sokoban import parse_level
from experiments.bench.sokoban import measuring
from experiments.bench.sokoban.measuring import LIMIT, SIDE, Played
from experiments.cli import main as cli
from rrplan.errors import InputError

LEVELS = (
    # Four pushes to the right solve it, as long as the player walks around.
    """
##########
#        #
# @$.    #
#  $.    #
#  $.    #
#  $.    #
#        #
#        #
#        #
##########""",
    """
##########
#   #    #
# @$ .   #
# $. $.  #
#   $.   #
#        #
#    #   #
#        #
#        #
##########""",
)
UP, DOWN, LEFT, RIGHT = range(4)


@pytest.fixture(scope="module")
def grids():
    return np.stack([parse_level(text.strip("\n")) for text in LEVELS])


def test_lanes_go_from_level_to_level(grids):
    solve = [RIGHT, LEFT, DOWN, RIGHT, LEFT, DOWN, RIGHT, LEFT, DOWN, RIGHT]
    wait = [LEFT, RIGHT] * ((LIMIT - 2) // 2) + [LEFT, LEFT]
    first = solve + wait
    contestant = measuring.ours(grids)
    play = jax.jit(measuring.make_play(contestant, 2))
    actions = np.array([first, [LEFT] * len(first)]).T
    played = play(jnp.asarray(actions))
    assert played.solved.tolist() == [1, 0]
    # The first lane solved level 0 and was then cut in level 2 mod 2; the second was cut once.
    assert played.ended.tolist() == [2, 1]
    solved = 4 * 1.0 + 10.0 - 10 * 0.1
    np.testing.assert_allclose(played.rewards[0], solved - 0.1 * LIMIT, atol=1e-3)


def test_the_player_is_followed(grids):
    play = jax.jit(measuring.make_play(measuring.ours(grids), 2))
    played = play(jnp.array([[DOWN, LEFT], [DOWN, LEFT], [LEFT, UP]]))
    assert played.cells[0] == (3 + 4) * SIDE + 2 * 2 + (4 * SIDE + 1)


def test_other_episodes_are_not_compared():
    same = Played(np.ones(2), np.ones(2), np.zeros(2), np.array([3, 4]), None)
    measuring.check_equal({"rrplan": same, "jumanji": same._replace(rewards=np.ones(2) + 1e-4)})
    for change in ({"cells": np.array([3, 5])}, {"rewards": np.full(2, 2.0)}):
        with pytest.raises(InputError, match="rrplan and jumanji did not play the same episodes"):
            measuring.check_equal({"rrplan": same, "jumanji": same._replace(**change)})


def test_without_jumanji_it_stands_alone(tmp_path, monkeypatch, capsys, grids):
    monkeypatch.setitem(sys.modules, "jumanji", None)
    (tmp_path / "levels.txt").write_text("\n".join(f"; {i}{text}" for i, text in enumerate(LEVELS)))
    arguments = ["bench", "sokoban", "--lanes", "2", "--steps", "3", "--repeats", "1"]
    arguments += ["--seconds", "0", "--sample", "0", "--levels", str(tmp_path / "levels.txt")]
    assert cli.main([*arguments, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "| rrplan |" in out
    assert "Left out: jumanji, because it needs the package jumanji" in out


def test_levels_of_another_size_are_refused(tmp_path, capsys):
    path = tmp_path / "small.txt"
    path.write_text("; 0\n#####\n#@$.#\n#####\n")
    assert cli.main(["bench", "sokoban", "--levels", str(path), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith(
        f"{path} has levels of 3 x 5 with 1 boxes: expected 10 x 10 with 4, the only ones that "
        "jumanji knows\n"
    )
