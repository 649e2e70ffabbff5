"""Levels from text: what is read, and what is refused, in one line that says where."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

import envs
from envs.puzzles.sokoban import Sokoban, dead_squares, parse_level, read_levels, to_image, to_text
from envs.puzzles.sokoban.tiles import BOX, PLAYER, TARGET, WALL
from experiments.cli.options import split_env_options
from rrplan.errors import InputError
from tests.envs.puzzles.sokoban.made_up import HAND

GOOD = "#####\n#@$.#\n#####"
MIRRORED = "#####\n#.$@#\n#####"
BOXOBAN = os.environ.get("RRPLAN_BOXOBAN")


def write(folder, *levels, name="levels.txt"):
    """Write levels as Boxoban does, the first being number 0."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"; {number}\n{level}\n\n" for number, level in enumerate(levels)))
    return file


def test_characters_are_bits():
    grid = parse_level("######\n#+$*.#\n#    #\n#  $ #\n######")
    np.testing.assert_array_equal(grid[1], [WALL, PLAYER | TARGET, BOX, BOX | TARGET, TARGET, WALL])
    assert (grid.dtype, grid.shape) == (np.uint8, (5, 6))
    assert grid[2, 1] == 0


@pytest.mark.parametrize("name", HAND)
def test_text_comes_back(name):
    text, _ = HAND[name]
    assert to_text(parse_level(text)) == text


def test_text_refuses_two_things_on_a_cell():
    with pytest.raises(InputError, match=r"^a cell of the grid is 12: expected one of \[0, 1, 2, "):
        to_text(np.full((1, 1), BOX | PLAYER, np.uint8))


def test_a_file_is_read_in_its_order(tmp_path):
    grids, _ = read_levels(write(tmp_path, GOOD, MIRRORED))
    assert [to_text(grid) for grid in grids] == [GOOD, MIRRORED]


@pytest.mark.parametrize(
    "text",
    [
        f"{GOOD}\n\n{MIRRORED}",  # no numbers
        f"; 7\r\n{GOOD}\r\n; 8\r\n{MIRRORED}\r\n".replace("\r\n", "\n").replace("\n", "\r\n"),
        f"\n\n; first\n\n{GOOD}\n; second\n{MIRRORED}\n\n\n",
    ],
)
def test_other_ways_to_part_levels(tmp_path, text):
    file = tmp_path / "levels.txt"
    file.write_bytes(text.encode())
    assert [to_text(grid) for grid in read_levels(file).grids] == [GOOD, MIRRORED]


def test_a_folder_is_read_with_the_folders_in_it_by_name(tmp_path):
    write(tmp_path, GOOD, name="b.txt")
    write(tmp_path, MIRRORED, MIRRORED, name="a/z.txt")
    (tmp_path / "LICENSE").write_text("not a level")
    grids, _ = read_levels(tmp_path)
    assert [to_text(grid) for grid in grids] == [MIRRORED, MIRRORED, GOOD]


def test_a_file_that_changes_is_another_problem(tmp_path):
    first = Sokoban(levels=str(write(tmp_path, GOOD)))
    same = Sokoban(levels=str(tmp_path / "levels.txt"))
    other = Sokoban(levels=str(write(tmp_path, MIRRORED, GOOD)))
    assert first == same != other
    assert len(other.default_params.level_player) == 2
    assert envs.adapt(first).describe() != envs.adapt(other).describe()


DAMAGED = [
    ("#####\n#@$?#\n#####", " line 2, level 0: row 2 holds '?', expected # . $ * @ + or a space"),
    ("#####\n#@$.\n#####", " line 2, level 0: row 2 has 4 characters, expected 5 as in the first"),
    ("#####\n# $.#\n#####", " line 2, level 0 has 0 players, expected 1"),
    ("#####\n@@$.#\n#####", " line 2, level 0 has 2 players, expected 1"),
    ("#####\n#@ ##\n#####", " line 2, level 0 has no box, expected at least 1"),
    ("######\n#@$$.#\n######", " line 2, level 0 has 2 boxes and 1 targets, expected as many of"),
    ("#####\n#@$. \n#####", " line 2, level 0 has a gap in its border, expected # all round"),
    ("#####\n#@* #\n#####", " line 2, level 0 is solved from the start, expected a box off its"),
    ("", " holds no level: expected rows of # . $ * @ + and spaces"),
    (f"{GOOD}\n; 1\n; 2\n{GOOD}", " line 5: level 1 has no rows"),
    (f"{GOOD}\n; 1", " line 5: level 1 has no rows"),
    (f"{GOOD}\n; 1\n{GOOD[:11]}", " line 6, level 1 has 2 rows, expected 3 as the first level"),
    (f"{GOOD}\n; 1\n######\n#@$ .#\n######", " line 6, level 1: row 1 has 6 characters, expected"),
    (
        f"{GOOD}\n; 1\n#####\n#@$.#\n#####\n#@$.#",
        " line 6, level 1 has 4 rows, expected 3 as the first level",
    ),
    (
        "#######\n#@$$..#\n#######\n; x\n#######\n#@$ . #\n#######",
        " line 6, level x has 1 boxes, expected 2 as the first level",
    ),
    ("#####\n#@$é#\n#####", " line 3: expected rows of # . $ * @ + and spaces, got the byte 195"),
]


@pytest.mark.parametrize(("text", "message"), DAMAGED)
def test_a_damaged_file_gets_one_line_that_says_where(tmp_path, text, message):
    file = tmp_path / "bad.txt"
    file.write_text(f"; 0\n{text}" if text else "", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_levels(file)
    assert str(caught.value).startswith(f"{file}{message}")
    assert "\n" not in str(caught.value)


def test_all_files_of_a_folder_must_agree(tmp_path):
    write(tmp_path, GOOD, name="a.txt")
    bad = write(tmp_path, "######\n#@$ .#\n######", name="b.txt")
    with pytest.raises(InputError, match=re.escape(f"{bad} line 2, level 0: row 1 has 6 ")):
        read_levels(tmp_path)
    bad.write_text("; 3\n#####\n#@$.#\n")
    with pytest.raises(InputError, match=re.escape(f"{bad} line 2, level 3 has 2 rows, expected")):
        read_levels(tmp_path)


def test_a_path_that_leads_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    where = tmp_path / "no.txt"
    for path, message in (
        ("no.txt", f"levels is 'no.txt': expected a file or a folder, {where} is neither"),
        (".", "levels is '.': the folder has no .txt files to read"),
        ("", "levels is '': expected the path of a file or folder of levels"),
        (3, "levels is 3: expected the path of a file or folder of levels"),
    ):
        with pytest.raises(InputError) as caught:
            envs.make("sokoban", levels=path)
        assert str(caught.value) == f"environment 'sokoban': {message}"


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    write(tmp_path, GOOD)
    gone = tmp_path / "gone.txt"
    gone.symlink_to(tmp_path / "nothing")
    with pytest.raises(InputError) as caught:
        read_levels(tmp_path)
    assert str(caught.value) == f"{gone} cannot be read (No such file or directory)"


def test_a_relative_path_from_the_command_line(tmp_path, monkeypatch):
    write(tmp_path, GOOD, MIRRORED, name="my levels/few.txt")
    monkeypatch.chdir(tmp_path)
    for text in ("my levels/few.txt", "my levels", f"{tmp_path}/my levels"):
        rest, kwargs = split_env_options(["sokoban", "--env.levels", text, "--seed", "3"])
        assert (rest, kwargs) == (["sokoban", "--seed", "3"], {"levels": text})
        env, params = envs.make("sokoban", **kwargs)
        assert (env.rows, env.columns, env.num_boxes) == (3, 5, 1)
        first = [env.begin_level(level, params) for level in range(2)]
        assert [env.render_text(state) for state in first] == [GOOD, MIRRORED]


def test_what_the_levels_have_cannot_be_asked_for_otherwise(tmp_path):
    file = str(write(tmp_path, GOOD))
    assert Sokoban(levels=file, rows=3, num_boxes=1) == Sokoban(levels=Path(file))
    with pytest.raises(InputError, match=f"^rows is 7: expected 3, as the levels of '{file}'$"):
        Sokoban(levels=file, rows=7)


def test_a_picture_has_eight_pixels_a_cell():
    image = to_image(parse_level("######\n#+$*.#\n#    #\n#  $ #\n######"))
    assert (image.shape, image.dtype) == ((40, 48, 3), np.uint8)
    cells = image.reshape(5, 8, 6, 8, 3).swapaxes(1, 2)
    middle = [tuple(cell[4, 4].tolist()) for cell in cells[1]]
    wall, player, box, placed, target, _ = middle
    assert len({wall, player, box, placed, target, tuple(cells[2, 1][4, 4].tolist())}) == 6
    # The target shows beside the player; a cell of floor or wall has one colour.
    assert tuple(cells[1, 1][2, 2].tolist()) == target
    assert len(np.unique(cells[2, 1].reshape(-1, 3), axis=0)) == 1
    np.testing.assert_array_equal(cells[0, 0], cells[4, 5])


@pytest.mark.skipif(not BOXOBAN, reason="RRPLAN_BOXOBAN names no folder with Boxoban's levels")
@pytest.mark.parametrize(("part", "number"), [("hard", 3332), ("unfiltered/test", 1000)])
def test_boxobans_levels_are_read_to_the_last(part, number):
    folder = Path(BOXOBAN, part)
    grids, _ = read_levels(folder)
    assert grids.shape == (number, 10, 10)
    text = "".join(file.read_text() for file in sorted(folder.glob("*.txt")))
    shown = "".join(f"{to_text(grid)}\n" for grid in grids)
    assert shown == re.sub(r"; \d+\n|(?<=\n)\n", "", text)
    assert (((grids & BOX) > 0).sum(axis=(1, 2)) == 4).all()
    # These levels can be solved, so no box starts where it is lost.
    assert not (dead_squares(grids) & ((grids & BOX) > 0)).any()
