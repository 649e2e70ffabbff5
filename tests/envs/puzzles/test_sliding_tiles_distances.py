"""Distances of sliding-tile boards: against plain searches, and by what defines a distance."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import sliding_tiles_distance
from envs.puzzles.sliding_tiles_distances import (
    LARGEST,
    is_solvable,
    list_boards,
    manhattan_distances,
    neighbours,
    rank_boards,
)
from rrplan.errors import InputError

# Boards at each distance of the 8-puzzle, as published (OEIS A089473).
EIGHT_PUZZLE = [
    *(1, 2, 4, 8, 16, 20, 39, 62, 116, 152, 286, 396, 748, 1024, 1893, 2512, 4485, 5638, 9529),
    *(10878, 16993, 17110, 23952, 20224, 24047, 15578, 14560, 6274, 3910, 760, 221, 2),
]


def moves(board, columns):
    """Return all boards one move away, in plain Python; a board is a tuple of its cells."""
    blank, found = board.index(0), []
    for there in range(len(board)):
        apart = abs(there // columns - blank // columns) + abs(there % columns - blank % columns)
        if apart == 1:
            cells = list(board)
            cells[blank], cells[there] = cells[there], 0
            found.append(tuple(cells))
    return found


def breadth_first(rows, columns):
    """Return the distance of each board that is reached from the goal, by a dictionary."""
    solved = (*range(1, rows * columns), 0)
    found, layer = {solved: 0}, [solved]
    while layer:
        layer = [other for board in layer for other in moves(board, columns)]
        layer = [board for board in dict.fromkeys(layer) if board not in found]
        found.update(dict.fromkeys(layer, max(found.values()) + 1))
    return found


def meet_in_the_middle(board):
    """Return the distance of a 3 x 3 board, by search from both ends at once."""
    sides = [{board}, {(*range(1, 9), 0)}]
    seen = [set(side) for side in sides]
    for count in itertools.count():
        if sides[0] & sides[1]:
            return count
        turn = count % 2
        sides[turn] = {other for one in sides[turn] for other in moves(one, 3)} - seen[turn]
        seen[turn] |= sides[turn]


@pytest.mark.parametrize("size", [(2, 2), (2, 3), (3, 2)])
def test_distances_are_those_of_a_plain_search_and_all_other_boards_have_none(size):
    known = breadth_first(*size)
    boards = np.array(list(itertools.permutations(range(size[0] * size[1]))))
    expected = [known.get(tuple(board), -1) for board in boards.tolist()]
    told = sliding_tiles_distance(boards.reshape(-1, *size))
    np.testing.assert_array_equal(told, expected)
    np.testing.assert_array_equal(is_solvable(boards, size[1]), np.array(expected) >= 0)


@pytest.mark.parametrize(
    ("size", "count", "last"),
    [((2, 3), 360, 1), ((3, 2), 360, 1), ((2, 4), 20_160, 1), ((3, 3), 181_440, 2)],
)
def test_all_boards_are_listed_once_up_to_the_largest_distance(size, count, last):
    boards = list_boards(*size)
    assert boards.cells.shape == (count, size[0] * size[1])
    np.testing.assert_array_equal(np.sort(rank_boards(boards.cells)), np.arange(count))
    assert len(boards.starts) - 2 == LARGEST[size] == boards.distances.max()
    assert boards.starts[-1] - boards.starts[-2] == last


def test_the_eight_puzzle_has_as_many_boards_at_each_distance_as_published():
    boards = list_boards(3, 3)
    assert np.diff(boards.starts).tolist() == EIGHT_PUZZLE
    assert np.bincount(boards.distances).tolist() == EIGHT_PUZZLE
    farthest, _ = boards.within(31, 31)
    assert sorted(farthest.tolist()) == [[6, 4, 7, 8, 5, 0, 3, 2, 1], [8, 6, 7, 2, 5, 4, 3, 0, 1]]


@pytest.mark.parametrize("size", [(2, 4), (3, 3)])
def test_each_move_changes_the_distance_by_one_and_one_move_lowers_it(size):
    # With 0 at the goal alone, this is what makes distances of numbers.
    boards = list_boards(*size).cells
    blank = boards.argmin(axis=1)
    every = np.arange(len(boards))
    told = np.asarray(sliding_tiles_distance(boards.reshape(-1, *size)))
    assert (told == 0).sum() == 1
    nearest = np.full(len(boards), 99)
    row, column = np.divmod(blank, size[1])
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        inside = (row + down >= 0) & (row + down < size[0])
        inside &= (column + right >= 0) & (column + right < size[1])
        moved, place = boards[inside], every[: inside.sum()]
        target = (blank + down * size[1] + right)[inside]
        moved[place, blank[inside]] = moved[place, target]
        moved[place, target] = 0
        after = np.asarray(sliding_tiles_distance(moved.reshape(-1, *size)))
        assert (abs(after - told[inside]) == 1).all()
        nearest[inside] = np.minimum(nearest[inside], after)
    np.testing.assert_array_equal(nearest[told > 0], told[told > 0] - 1)


@pytest.mark.parametrize("distance", [9, 20, 27, 31])
def test_a_search_from_both_ends_finds_the_same_distance(distance):
    boards, _ = list_boards(3, 3).within(distance, distance)
    assert meet_in_the_middle(tuple(boards[len(boards) // 2].tolist())) == distance


@settings(max_examples=30)
@given(board=st.permutations(range(9)))
def test_a_board_and_its_reflection_are_equally_far(board):
    board = np.array(board).reshape(3, 3)
    # Across the diagonal; the tiles get the names under which the goal is the goal again.
    names = np.append(0, np.arange(1, 10).reshape(3, 3).T.ravel()[:8])
    reflected = names[board].T
    told = sliding_tiles_distance(np.stack([board, reflected]))
    assert told[0] == told[1]
    assert (told[0] >= 0) == is_solvable(board.ravel(), 3)
    if told[0] >= 0:
        places = manhattan_distances(3, 3)[board.ravel(), np.arange(9)].sum()
        assert places <= told[0]
        assert (told[0] - places) % 2 == 0


def test_manhattan_distances_of_a_hand_case():
    # Tile 1 two columns and a row away, tile 2 one row, tile 3 two columns; 4 and 5 at home.
    cells = np.array([3, 0, 0, 4, 5, 1])
    told = manhattan_distances(2, 3)[cells, np.arange(6)]
    np.testing.assert_array_equal(told, [2, 0, 0, 0, 0, 3])


def test_the_blank_has_neighbours_up_right_down_and_left():
    np.testing.assert_array_equal(neighbours(2, 3)[:2], [[-1, 1, 3, -1], [-1, 2, 4, 0]])
    np.testing.assert_array_equal(neighbours(2, 3)[5], [2, -1, -1, 4])


def test_the_fifteen_puzzle_with_its_last_tiles_exchanged_cannot_be_solved():
    solved = np.append(np.arange(1, 16), 0)
    exchanged = solved.copy()
    exchanged[[13, 14]] = exchanged[[14, 13]]
    assert is_solvable(solved, 4)
    assert not is_solvable(exchanged, 4)


def test_the_distance_can_be_compiled_and_mapped():
    boards = list_boards(2, 3).cells[[0, 5, 359]].reshape(3, 2, 3)
    expected = sliding_tiles_distance(boards)
    assert expected.dtype == jnp.int32
    np.testing.assert_array_equal(jax.jit(jax.vmap(sliding_tiles_distance))(boards), expected)


@pytest.mark.parametrize(
    ("boards", "message"),
    [
        (
            np.arange(16).reshape(4, 4),
            "the shape of boards is (4, 4): expected rows and columns at the end, "
            "2 x 2, 2 x 3, 3 x 2, 2 x 4, 4 x 2 or 3 x 3",
        ),
        (
            np.array([[1, 2, 3], [4, 5, 6]]),
            "a board holds [1, 2, 3, 4, 5, 6]: expected the numbers from 0 to 5, each once",
        ),
    ],
)
def test_what_is_no_board_gets_one_clear_line(boards, message):
    with pytest.raises(InputError) as caught:
        sliding_tiles_distance(boards)
    assert str(caught.value) == message
