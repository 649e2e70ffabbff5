"""Dead squares: where a box can never reach a target again, whatever else happens."""

import numpy as np

from envs.puzzles.sokoban.tiles import TARGET, WALL, offsets

_TOGETHER = 4096  # levels worked out at a time, so that the arrays stay in the cache


def dead_squares(grids: np.ndarray) -> np.ndarray:
    """Return where a box is lost, for one level or many.

    A square is dead if a box that stood there alone, with the player wherever it likes, could not
    be pushed to any target. It is found backwards: from every target boxes are pulled as far as
    walls allow. Other boxes are left out of account, so a square that is not dead may still be
    useless.

    Args:
        grids: ``[..., rows, columns]`` uint8, with walls and targets; the outermost cells are
            walls.

    Returns:
        ``[..., rows, columns]`` bool, true on floor that is dead; false on walls.
    """
    grids = np.asarray(grids)
    rows, columns = grids.shape[-2:]
    flat = grids.reshape(-1, rows * columns)
    parts = [
        _dead(flat[start : start + _TOGETHER], columns) for start in range(0, len(flat), _TOGETHER)
    ]
    return np.concatenate(parts).reshape(grids.shape)


def _dead(flat: np.ndarray, columns: int) -> np.ndarray:
    """Return the dead squares of some levels ``[L, cells]``."""
    floor = (flat & WALL) == 0
    alive = (flat & TARGET) > 0
    first, last = columns + 1, flat.shape[1] - columns - 1  # the cells between top and bottom
    # A box is pushed from a cell to the one ahead of it by a player on the one behind it. Cells at
    # the sides are walls, so that it does not matter which cells lie behind and ahead of them.
    ways = []
    for step in offsets(columns).tolist():
        ahead = alive[:, first + step : last + step]
        ways.append((ahead, floor[:, first:last] & floor[:, first - step : last - step]))
    here, count = alive[:, first:last], -1
    while count != (count := np.count_nonzero(alive)):
        for ahead, free in ways:
            here |= ahead & free
    return floor & ~alive
