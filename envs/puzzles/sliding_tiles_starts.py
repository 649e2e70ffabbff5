"""First boards of sliding-tile puzzles, drawn at random; never the goal."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from envs.options import check_whole
from envs.puzzles.sliding_tiles_distances import (
    LARGEST,
    goal,
    is_solvable,
    list_boards,
    neighbours,
)
from rrplan.errors import InputError
from rrplan.types import Array

MAX_WALK = 1000  # moves of a random walk
_BITS = 4  # of a packed cell

Distance = int | tuple[int, int] | None
"""Of first boards: a number, a pair of the least and the largest, or None for any."""


def read_distance(distance: Distance, size: tuple[int, int]) -> Distance:
    """Return a distance in its one form: a pair that is one number becomes that number.

    Raises:
        InputError: it is no number or pair, or larger than boards of this size have.
    """
    if distance is None:
        return None
    pair = distance if isinstance(distance, list | tuple) else (distance, distance)
    if len(pair) != 2:
        raise InputError(
            f"distance is {distance!r}: expected a whole number, or two with the smaller first"
        )
    largest = LARGEST.get(size)
    told = f", the largest distance on {size[0]} x {size[1]}" if largest else ""
    for one in pair:
        check_whole("distance", one, 1, largest or MAX_WALK, told)
    nearest, farthest = pair
    if nearest > farthest:
        raise InputError(
            f"distance is {distance!r}: expected the smaller first, {(farthest, nearest)}"
        )
    return nearest if nearest == farthest else (nearest, farthest)


def draw_at_distance(key: Array, size: tuple[int, int], nearest: int, farthest: int) -> Array:
    """Draw a distance from a range, then a board at this distance, both uniformly.

    The boards become a constant of the compiled program: 4 bytes for each board in the range,
    0.1 MB for any one distance on 3 x 3 and 0.7 MB for all.

    Args:
        key: scalar key.
        size: rows and columns, one of ``sliding_tiles_distances.LARGEST``.
        nearest: least distance, at least 1.
        farthest: largest distance.

    Returns:
        The cells, ``[C]`` uint8.
    """
    distance_key, board_key = jax.random.split(key)
    boards, begins = list_boards(*size).within(nearest, farthest)
    distance = jax.random.randint(distance_key, (), 0, farthest - nearest + 1)
    first, end = jnp.asarray(begins)[distance + np.arange(2)]
    row = jax.random.randint(board_key, (), first, end)
    return _unpack(jnp.asarray(_pack(boards))[row], boards.shape[1])


def draw_any(key: Array, size: tuple[int, int]) -> Array:
    """Draw a board uniformly from all that can be solved, the goal aside.

    Args:
        key: scalar key.
        size: rows and columns.

    Returns:
        The cells, ``[C]`` uint8.
    """
    rows, columns = size
    solved = jnp.asarray(goal(rows * columns))

    def draw(key):
        cells = jax.random.permutation(key, solved)
        # Tiles 1 and 2 change places where it cannot be solved: then it can. Each board that can
        # be solved has one partner that cannot, so all are drawn alike.
        exchanged = jnp.where(cells == 1, 2, jnp.where(cells == 2, 1, cells))
        return jnp.where(is_solvable(cells, columns, jnp), cells, exchanged).astype(jnp.uint8)

    return _draw_unsolved(key, solved, draw)


def draw_walk(key: Array, size: tuple[int, int], fewest: int, most: int) -> Array:
    """Walk from the goal by random moves, none of which takes back the one before.

    Args:
        key: scalar key.
        size: rows and columns.
        fewest: least number of moves, at least 1.
        most: largest number of moves; the number is drawn uniformly.

    Returns:
        The cells, ``[C]`` uint8.
    """
    places = jnp.asarray(neighbours(*size))
    solved = jnp.asarray(goal(size[0] * size[1]))

    def draw(key):
        count_key, walk_key = jax.random.split(key)
        count = jax.random.randint(count_key, (), fewest, most + 1)

        def move(index, walk):
            cells, blank, before = walk
            targets = places[blank]
            number = jax.random.uniform(jax.random.fold_in(walk_key, index), targets.shape)
            target = targets[jnp.argmax(jnp.where((targets < 0) | (targets == before), -1, number))]
            return move_blank(cells, blank, target), target, blank

        blank = jnp.int32(solved.size - 1)
        return jax.lax.fori_loop(0, count, move, (solved, blank, blank))[0]

    return _draw_unsolved(key, solved, draw)


def move_blank(cells: Array, blank: Array, target: Array) -> Array:
    """Return the cells ``[C]`` after the blank and what is in cell ``target`` changed places."""
    place = jnp.arange(cells.size)
    moved = jnp.where(place == blank, cells[target], cells)
    return jnp.where(place == target, 0, moved).astype(cells.dtype)


def _draw_unsolved(key: Array, solved: Array, draw: Callable[[Array], Array]) -> Array:
    """Draw until the board is not the goal."""

    def draw_again(carry):
        next_key, draw_key = jax.random.split(carry[0])
        return next_key, draw(draw_key)

    def is_solved(carry):
        return (carry[1] == solved).all()

    return jax.lax.while_loop(is_solved, draw_again, (key, solved))[1]


def _pack(cells: np.ndarray) -> np.ndarray:
    """Return boards ``[S, C]`` of at most nine cells as ``[S]`` uint32, without their last cell."""
    shifts = _BITS * np.arange(cells.shape[1] - 1, dtype=np.uint32)
    return (cells[:, :-1].astype(np.uint32) << shifts).sum(axis=1, dtype=np.uint32)


def _unpack(packed: Array, count: int) -> Array:
    """Return the cells ``[C]`` uint8 of a packed board; the last holds the number that is left."""
    shifts = _BITS * jnp.arange(count - 1, dtype=jnp.uint32)
    cells = (packed >> shifts) & (2**_BITS - 1)
    last = count * (count - 1) // 2 - cells.sum(dtype=jnp.uint32)
    return jnp.append(cells, last).astype(jnp.uint8)
