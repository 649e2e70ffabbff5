"""The levels that an environment draws from, as arrays that a reset can look up."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs.puzzles.sokoban import level_files
from envs.puzzles.sokoban.dead_squares import dead_squares
from envs.puzzles.sokoban.generator import generate_levels
from envs.puzzles.sokoban.tiles import BOX, DEAD, PLAYER, TARGET, WALL
from rrplan.types import Array


class LevelBank(NamedTuple):
    """Levels of one size with equally many boxes. ``L`` is the number of levels, ``K`` of boxes.

    Attributes:
        tiles: what never changes: bits of walls, targets and dead squares.
        player: the cell on which the player starts.
        boxes: the cells on which boxes start, in ascending order.
    """

    tiles: Array | np.ndarray  # [L, rows, columns] uint8
    player: Array | np.ndarray  # [L] int32
    boxes: Array | np.ndarray  # [L, K] int32


class Source(NamedTuple):
    """Where levels come from; equal ones are the same levels.

    Attributes:
        rows: with the border of walls.
        columns: with the border of walls.
        num_boxes: boxes of each level.
        path: of a file or folder; None for generated levels.
        digest: of what was read there.
        num_levels: how many to generate.
        seed: of the generator.
    """

    rows: int
    columns: int
    num_boxes: int
    path: str | None
    digest: str
    num_levels: int
    seed: int


@functools.lru_cache(maxsize=8)
def make_bank(source: Source) -> LevelBank:
    """Return the levels of a source, on the device.

    Raises:
        InputError: if they cannot be read or generated.
    """
    bank = as_bank(load_grids(source))
    # A bank outlives the trace in which it may be asked for first.
    with jax.ensure_compile_time_eval():
        return LevelBank(*map(jnp.asarray, bank))


@functools.lru_cache(maxsize=8)
def count_floor(source: Source) -> int:
    """Return the most cells of floor that a level of a source has."""
    return int((np.asarray(make_bank(source).tiles) & WALL == 0).sum(axis=(1, 2)).max())


def load_grids(source: Source) -> np.ndarray:
    """Return the levels of a source as they start, ``[L, rows, columns]`` uint8.

    Raises:
        InputError: if they cannot be read or generated.
    """
    if source.path is not None:
        return level_files.read_levels(source.path).grids
    return generate_levels(
        source.rows, source.columns, source.num_boxes, source.num_levels, source.seed
    )


def as_bank(grids: np.ndarray) -> LevelBank:
    """Return levels ``[L, rows, columns]`` uint8, taken apart. The arrays are NumPy's."""
    grids = np.asarray(grids, np.uint8)
    flat = grids.reshape(len(grids), -1)
    tiles = grids & np.uint8(WALL | TARGET)
    dead = dead_squares(grids).astype(np.uint8)
    return LevelBank(
        tiles=tiles | dead * np.uint8(DEAD),
        player=((flat & PLAYER) > 0).argmax(axis=1).astype(np.int32),
        boxes=np.nonzero(flat & BOX)[1].reshape(len(grids), -1).astype(np.int32),
    )
