"""Levels as pictures: eight by eight pixels a cell, in plain colours."""

import numpy as np

from envs.puzzles.sokoban.tiles import BOX, PLAYER, TARGET, WALL

CELL = 8  # pixels along the side of a cell
FLOOR_COLOUR = (236, 232, 220)
WALL_COLOUR = (70, 72, 80)
TARGET_COLOUR = (204, 62, 62)
BOX_COLOUR = (176, 122, 60)
BOX_ON_TARGET_COLOUR = (74, 150, 84)
PLAYER_COLOUR = (52, 98, 186)


def to_image(grid: np.ndarray) -> np.ndarray:
    """Return a picture of a grid ``[rows, columns]``: ``[8 rows, 8 columns, 3]`` uint8.

    Walls fill their cell. A box is a square of six pixels, green on a target; a target is a square
    of four pixels, and shows as a frame around the player, who is a square of two by four.
    """
    grid = np.asarray(grid)
    shown = np.empty((*grid.shape, CELL, CELL, 3), np.uint8)
    shown[:] = FLOOR_COLOUR
    shown[(grid & WALL) > 0] = WALL_COLOUR
    _paint(shown, (grid & TARGET) > 0, slice(2, 6), slice(2, 6), TARGET_COLOUR)
    on_target = (grid & (BOX | TARGET)) == BOX | TARGET
    _paint(shown, (grid & BOX) > 0, slice(1, 7), slice(1, 7), BOX_COLOUR)
    _paint(shown, on_target, slice(1, 7), slice(1, 7), BOX_ON_TARGET_COLOUR)
    _paint(shown, (grid & PLAYER) > 0, slice(2, 6), slice(3, 5), PLAYER_COLOUR)
    rows, columns = grid.shape
    return shown.swapaxes(1, 2).reshape(rows * CELL, columns * CELL, 3)


def _paint(shown: np.ndarray, where: np.ndarray, down: slice, across: slice, colour) -> None:
    cells = shown[where]
    cells[:, down, across] = colour
    shown[where] = cells
