"""The solver: levels by hand, another solver of another kind, and its own solutions played."""

import numpy as np
import pytest

from envs.puzzles.sokoban import ACTIONS, dead_squares, generate_levels, parse_level, solve, to_text
from rrplan.errors import InputError
from tests.envs.puzzles.sokoban.made_up import HAND, MOVES, Answer, Plain, search

SIZES = [(6, 6, 1), (5, 8, 2), (7, 7, 2), (7, 7, 3)]


def play(text, actions):
    """Return whether some actions solve a level, and how many of them push."""
    level, pushes = Plain.read(text), 0
    for action in actions:
        after, pushed = level.step(action)
        assert after != level, "a solution never runs into a wall"
        level, pushes = after, pushes + pushed
    return level.solved, pushes


@pytest.mark.parametrize("name", HAND)
def test_levels_by_hand(name):
    text, answer = HAND[name]
    grid = parse_level(text)
    solutions = solve(grid), solve(grid, "moves")
    if answer.pushes is None:
        assert solutions == (None, None)
        return
    assert (solutions[0].pushes, solutions[1].moves) == answer
    for solution in solutions:
        assert play(text, solution.actions) == (True, solution.pushes)
        assert len(solution.actions) == solution.moves


def test_twenty_levels_by_hand_are_those_of_the_plain_search():
    assert len(HAND) >= 20
    found = {name: Answer(search(text, 0), search(text, 1)) for name, (text, _) in HAND.items()}
    assert found == {name: answer for name, (_, answer) in HAND.items()}


def test_the_two_aims_differ_where_walking_is_long():
    grid = parse_level(HAND["push or walk"][0])
    fewest_pushes, fewest_moves = solve(grid), solve(grid, "moves")
    assert (fewest_pushes.pushes, fewest_pushes.moves) == (3, 13)
    assert (fewest_moves.pushes, fewest_moves.moves) == (5, 7)
    assert [ACTIONS[a] for a in fewest_moves.actions] == [
        *("left", "left", "down", "left"),
        *("up", "up", "right"),
    ]


@pytest.mark.parametrize("size", SIZES)
def test_generated_levels_take_what_the_plain_search_says(size):
    for grid in generate_levels(*size, 12, 3):
        text = to_text(grid)
        assert solve(grid).pushes == search(text, 0)
        assert solve(grid, "moves").moves == search(text, 1)


def test_a_turned_level_takes_as_many_pushes():
    for grid in generate_levels(7, 7, 2, 10, 4):
        counts = {solve(np.rot90(turned, n)).pushes for turned in (grid, grid.T) for n in range(4)}
        assert len(counts) == 1


def test_it_gives_up_with_one_clear_line():
    grid = parse_level(HAND["make room"][0])
    with pytest.raises(InputError) as caught:
        solve(grid, max_positions=5)
    assert str(caught.value) == (
        "the solver visited max_positions = 5 positions without a solution: expected a smaller "
        "level, or a larger max_positions"
    )
    assert solve(grid).visited > 5


def test_an_unknown_aim_names_the_nearest():
    with pytest.raises(InputError, match=r"^unknown aim 'push': did you mean 'pushes'\?$"):
        solve(parse_level(HAND["beside"][0]), "push")


def lost(level, place):
    """Return whether a box alone, pushed from any side at any time, can reach no target."""
    seen, left = set(), [place]
    while left:
        row, column = left.pop()
        if (row, column) in level.targets:
            return False
        if (row, column) in seen:
            continue
        seen.add((row, column))
        left += [
            (row + down, column + right)
            for down, right in MOVES
            if {(row + down, column + right), (row - down, column - right)} <= level.floor
        ]
    return True


def test_dead_squares_by_hand():
    dead = dead_squares(parse_level("#######\n#    .#\n# $@  #\n#     #\n#######"))
    # The top row leads to the target, but for its left corner. Along the walls to the left and
    # below there is no way back. In the right column a box is pushed up.
    shown = ["".join("x" if cell else "-" for cell in row) for row in dead]
    assert shown == ["-------", "-x-----", "-x-----", "-xxxxx-", "-------"]


def test_dead_squares_are_those_from_which_no_push_leads_to_a_target():
    levels = [parse_level(text) for text, _ in HAND.values()]
    levels += list(generate_levels(7, 7, 2, 20, 5))
    for grid in levels:
        level = Plain.read(to_text(grid))
        expected = np.zeros(grid.shape, bool)
        for place in level.floor:
            expected[place] = lost(level, place)
        np.testing.assert_array_equal(dead_squares(grid), expected)


def test_dead_squares_of_many_levels_are_those_of_each():
    grids = generate_levels(6, 7, 2, 30, 6)
    np.testing.assert_array_equal(dead_squares(grids), [dead_squares(grid) for grid in grids])
    assert dead_squares(grids).any()
