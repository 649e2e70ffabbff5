"""Generated levels: all can be solved, no two are alike, and they are what was asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.puzzles.sokoban import generate_levels, solve
from envs.puzzles.sokoban.generator import make_rooms, reachable
from envs.puzzles.sokoban.tiles import BOX, PLAYER, TARGET, WALL
from tests.envs.puzzles.sokoban.made_up import MOVES

SIZES = [(7, 7, 1), (7, 7, 2), (6, 9, 2), (8, 8, 3), (10, 10, 4)]


def count(grids, bit):
    return ((grids & bit) > 0).sum(axis=(1, 2))


@pytest.mark.parametrize("size", SIZES)
def test_levels_are_what_was_asked_for(size):
    rows, columns, boxes = size
    grids = generate_levels(*size, 500)
    assert grids.shape == (500, rows, columns)
    assert (count(grids, BOX) == boxes).all()
    assert (count(grids, TARGET) == boxes).all()
    assert (count(grids, PLAYER) == 1).all()
    # Nothing stands on anything else, so no box is on a target and no level is solved.
    assert set(np.unique(grids)) == {0, WALL, TARGET, BOX, PLAYER}
    border = grids.copy()
    border[:, 1:-1, 1:-1] = WALL
    assert (border == WALL).all()


@pytest.mark.parametrize(("size", "most"), [((7, 7, 2), 700), ((8, 8, 3), 300), ((6, 6, 1), 300)])
def test_every_level_can_be_solved(size, most):
    grids = generate_levels(*size, 10_000)[:most]
    assert len(grids) == most
    pushes = np.array([solve(grid).pushes for grid in grids])  # None has no pushes
    assert pushes.min() >= size[2]
    assert pushes.max() > 3 * size[2]


@pytest.mark.parametrize("size", [(7, 7, 2), (8, 8, 3)])
def test_no_two_of_ten_thousand_are_alike(size):
    grids = generate_levels(*size, 10_000)[:10_000]
    assert len(grids) == 10_000
    assert len(np.unique(grids.reshape(len(grids), -1), axis=0)) == 10_000


def test_small_sizes_hold_few_levels():
    few = generate_levels(3, 5, 1, 1000)
    # The player, the box and the target in a row, either way round.
    assert sorted(grid[1].tobytes() for grid in few) == [
        bytes([WALL, TARGET, BOX, PLAYER, WALL]),
        bytes([WALL, PLAYER, BOX, TARGET, WALL]),
    ]
    assert 100 < len(generate_levels(5, 5, 1, 16384)) < 1000


def test_a_seed_names_the_levels():
    one = generate_levels(7, 7, 2, 100, 7)
    generate_levels.cache_clear()
    np.testing.assert_array_equal(generate_levels(7, 7, 2, 100, 7), one)
    np.testing.assert_array_equal(generate_levels(7, 7, 2, 50, 7), one[:50])
    other = generate_levels(7, 7, 2, 100, 8)
    assert not {grid.tobytes() for grid in one} & {grid.tobytes() for grid in other}


def test_rooms_have_half_their_cells_free_and_hang_together():
    rooms = make_rooms(np.random.default_rng(0), 2000, 10, 10)
    # In Boxoban's unfiltered levels it is 0.49.
    assert 0.44 < rooms.sum(axis=1).mean() / 64 < 0.54
    anywhere = rooms.argmax(axis=1)
    whole = (reachable(rooms, anywhere, 10) == rooms).all(axis=1)
    assert whole.mean() > 0.9


@settings(max_examples=50)
@given(data=st.data())
def test_reachable_cells_are_those_of_a_walk(data):
    rows, columns = data.draw(st.integers(3, 6)), data.draw(st.integers(3, 6))
    inside = st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns)
    free = np.array(data.draw(st.lists(inside, min_size=3, max_size=3))).reshape(3, rows, columns)
    free[:, [0, -1]] = free[:, :, [0, -1]] = False
    start = (data.draw(st.integers(1, rows - 2)), data.draw(st.integers(1, columns - 2)))
    told = reachable(free.reshape(3, -1), np.full(3, start[0] * columns + start[1]), columns)
    for room, cells in zip(free, told.reshape(free.shape), strict=True):
        seen, left = set(), [start]
        while left:
            place = left.pop()
            if place not in seen:
                seen.add(place)
                around = [(place[0] + down, place[1] + right) for down, right in MOVES]
                left += [near for near in around if room[near]]
        assert {(int(row), int(column)) for row, column in np.argwhere(cells)} == seen
