"""Distances of sliding-tile boards from the goal: all boards of small sizes, breadth first."""

import functools
import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from rrplan.errors import InputError
from rrplan.types import Array

LARGEST = {(2, 2): 6, (2, 3): 21, (3, 2): 21, (2, 4): 36, (4, 2): 36, (3, 3): 31}
"""Sizes whose boards are all listed, and the largest distance from the goal on each."""

_UNKNOWN = 255


class Boards(NamedTuple):
    """All boards of one size from which the goal can be reached, ``N`` in number, in numpy.

    A board is a row of its ``C`` cells: the number of the tile there, or 0 for the blank.
    """

    cells: np.ndarray  # [N, C] uint8, the goal first, then in order of distance
    starts: np.ndarray  # [D + 2] int32, boards nearer than each distance 0, 1, ..., D + 1
    distances: np.ndarray  # [N] uint8, in order of rank, see rank_boards

    def within(self, nearest: int, farthest: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the boards at some distances.

        Returns:
            The cells ``[S, C]``, in order of distance, and ``[R + 1]`` int32: where in them each
            of the ``R`` distances from ``nearest`` to ``farthest`` begins, and their number.
        """
        starts = self.starts[nearest : farthest + 2]
        return self.cells[starts[0] : starts[-1]], starts - starts[0]


def sliding_tiles_distance(boards: Array | np.ndarray) -> Array:
    """Return the least number of moves from a board to the goal, exactly.

    The first call for a size lists all its boards, which takes about a second for 3 x 3. The
    function can be compiled; the table it then holds has one byte for each board.

    Args:
        boards: ``[..., rows, columns]`` integers, each board a permutation of the numbers from 0,
            which is the blank. The goal is 1, 2, ... in reading order, with the blank last.

    Returns:
        ``[...]`` int32; -1 for a board from which the goal cannot be reached.

    Raises:
        InputError: the size is not one of ``LARGEST``, or, unless compiled, a board is no
            permutation.
    """
    # What is known is looked up at once; only what is traced becomes part of a program.
    xp = jnp if isinstance(boards, Tracer) else np
    boards = xp.asarray(boards)
    size = boards.shape[-2:]
    if size not in LARGEST:
        raise InputError(
            f"the shape of boards is {boards.shape}: expected rows and columns at the end, "
            f"{_listed_sizes()}"
        )
    cells = boards.reshape(*boards.shape[:-2], -1)
    if xp is np:
        _check_permutations(np.asarray(cells).reshape(-1, cells.shape[-1]))
    distances = xp.asarray(list_boards(*size).distances)[rank_boards(cells, xp)]
    found = xp.where(is_solvable(cells, size[1], xp), distances.astype(np.int32), -1)
    return jnp.asarray(found, jnp.int32)


@functools.cache
def list_boards(rows: int, columns: int) -> Boards:
    """Return all boards of a size from which the goal can be reached, by breadth-first search.

    Args:
        rows: of the board.
        columns: of the board; the size is one of ``LARGEST``.
    """
    places = neighbours(rows, columns)
    count = places.shape[0]
    distances = np.full(count_boards(count), _UNKNOWN, np.uint8)
    layer, layers = goal(count)[None], []
    distances[rank_boards(layer)] = 0
    while len(layer):
        layers.append(layer)
        met = np.concatenate([_moved(layer, places[:, action]) for action in range(4)])
        ranks = rank_boards(met)
        ranks, first = np.unique(ranks, return_index=True)
        new = distances[ranks] == _UNKNOWN
        distances[ranks[new]] = len(layers)
        layer = met[first[new]]
    starts = np.cumsum([0, *map(len, layers)], dtype=np.int32)
    return Boards(np.concatenate(layers), starts, distances)


def rank_boards(cells: Array | np.ndarray, xp=np) -> Array | np.ndarray:
    """Return the place of each board among those from which the goal can be reached.

    The rank is a bijection from these boards to 0..C!/2 - 1: the cell of the blank counts first,
    then the lexicographic rank of the tiles in reading order, halved. Orders of ranks 2i and
    2i + 1 differ in the last two tiles, so exactly one of them can be solved.

    Args:
        cells: ``[..., C]``, at least three and at most twelve cells.
        xp: ``numpy`` or ``jax.numpy``.

    Returns:
        ``[...]`` int32.
    """
    count = cells.shape[-1]
    tiles = count - 1
    place = xp.arange(count)
    blank = xp.argmin(cells, axis=-1)
    # Where a tile stands among the tiles alone; the blank has no later tile that is smaller.
    position = xp.clip(place - (place > blank[..., None]), 0, tiles - 1)
    factorials = np.array([math.factorial(tiles - 1 - i) for i in range(tiles)], np.int32)
    order = (_smaller_later(cells, xp) * xp.asarray(factorials)[position]).sum(-1)
    return (blank * (math.factorial(tiles) // 2) + order // 2).astype(np.int32)


def is_solvable(cells: Array | np.ndarray, columns: int, xp=np) -> Array | np.ndarray:
    """Return whether the goal can be reached from each board ``[..., C]``, ``[...]`` bool.

    A move along a row leaves the order of the tiles as it is. A move along a column takes a tile
    past ``columns - 1`` others. So inversions, with the blank's rows from the last where
    ``columns`` is even, stay even or odd. Source: Johnson and Story (1879), "Notes on the '15'
    puzzle".
    """
    rows_below = (cells.shape[-1] - 1 - xp.argmin(cells, axis=-1)) // columns
    return (_smaller_later(cells, xp).sum(-1) + (columns - 1) * rows_below) % 2 == 0


def neighbours(rows: int, columns: int) -> np.ndarray:
    """Return the cell above, right of, below and left of each cell, ``[C, 4]`` int32; -1: none."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    row = row[:, None] + np.array([-1, 0, 1, 0])
    column = column[:, None] + np.array([0, 1, 0, -1])
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    return np.where(inside, row * columns + column, -1).astype(np.int32)


def goal(count: int) -> np.ndarray:
    """Return the solved board, ``[C]`` uint8: the tiles in order, then the blank."""
    return (np.arange(1, count + 1) % count).astype(np.uint8)


def manhattan_distances(rows: int, columns: int) -> np.ndarray:
    """Return rows and columns from each cell to each tile's place, ``[C, C]`` int32, tile first.

    The row of tile 0, the blank, is all 0.
    """
    row, column = np.divmod(np.arange(rows * columns), columns)
    steps = abs(row[:, None] - row) + abs(column[:, None] - column)
    return np.concatenate([np.zeros_like(steps[:1]), steps[:-1]]).astype(np.int32)


def count_boards(count: int) -> int:
    """Return how many boards of ``count`` cells can be solved, half of all permutations."""
    return math.factorial(count) // 2


def _smaller_later(cells, xp):
    """Return how many smaller tiles come after each cell, ``[..., C]``."""
    later = np.triu(np.ones((cells.shape[-1],) * 2, bool), 1)
    smaller = (cells[..., None, :] < cells[..., :, None]) & (cells[..., None, :] > 0)
    return (smaller & later).sum(-1)


def _moved(boards: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the boards after the blank has moved to ``targets [C]``, where that is a cell."""
    blank = boards.argmin(axis=1)
    can = targets[blank] >= 0
    boards, blank = boards[can], blank[can]
    every, target = np.arange(len(boards)), targets[blank]
    boards[every, blank] = boards[every, target]
    boards[every, target] = 0
    return boards


def _check_permutations(cells: np.ndarray) -> None:
    wrong = (np.sort(cells, axis=1) != np.arange(cells.shape[1])).any(axis=1)
    if wrong.any():
        raise InputError(
            f"a board holds {cells[wrong.argmax()].tolist()}: expected the numbers from 0 to "
            f"{cells.shape[1] - 1}, each once"
        )


def _listed_sizes() -> str:
    *first, last = (f"{rows} x {columns}" for rows, columns in LARGEST)
    return f"{', '.join(first)} or {last}"
