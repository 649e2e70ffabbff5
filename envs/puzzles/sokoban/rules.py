"""A position of Sokoban, what a step makes of it, and what is seen of it."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from gymnax.environments import environment

from envs.puzzles.sokoban.tiles import BOX, DEAD, PLAYER, TARGET, WALL, offsets
from rrplan.types import Array


@struct.dataclass
class SokobanState(environment.EnvState):
    """A position. ``K`` is the number of boxes. Cells are numbered row by row.

    A step never changes ``tiles`` and ``level``, so a search tree need not keep them in its nodes.

    Attributes:
        time: steps so far, blocked ones too.
        player: the cell on which the player stands.
        boxes: the cells on which boxes stand, in ascending order.
        tiles: bits of walls, targets and dead squares.
        level: the number of the level in the bank.
    """

    player: Array  # [] int32
    boxes: Array  # [K] int32
    tiles: Array  # [rows, columns] uint8
    level: Array  # [] int32


def move(state: SokobanState, action: Array | int | float) -> tuple[SokobanState, Array]:
    """Return the position after a step, and by how many more boxes are on targets.

    Returns:
        The position, and -1, 0 or 1, ``[]`` int32.
    """
    offset = jnp.asarray(offsets(state.tiles.shape[1]))[action]
    moves = _moves(state, offset)
    ahead, beyond = state.player + offset, state.player + 2 * offset
    pushed = (state.boxes == ahead) & moves
    on_target = (_look_up(state.tiles, jnp.stack([ahead, beyond])) & TARGET > 0).astype(jnp.int32)
    after = dataclasses.replace(
        state,
        time=state.time + 1,
        player=jnp.where(moves, ahead, state.player),
        boxes=_sort(jnp.where(pushed, beyond, state.boxes)),
    )
    return after, jnp.where(pushed.any(), on_target[1] - on_target[0], 0)


def blocked(state: SokobanState) -> Array:
    """Return for each action whether it would move nothing, ``[4]`` bool."""
    steps = jnp.asarray(offsets(state.tiles.shape[1]))
    return ~jax.vmap(_moves, (None, 0))(state, steps)


def is_solved(state: SokobanState) -> Array:
    """Return whether every box is on a target, ``[]`` bool."""
    return (_look_up(state.tiles, state.boxes) & TARGET > 0).all()


def as_planes(state: SokobanState, *, show_dead: bool) -> Array:
    """Return a position as planes ``[rows, columns, 6]`` float32, in the order of ``PLANES``.

    With ``show_dead`` a seventh plane has dead squares.
    """
    cells = jnp.arange(state.tiles.size).reshape(state.tiles.shape)
    box = (cells[..., None] == state.boxes).any(-1)
    player = cells == state.player
    wall, target = state.tiles & WALL > 0, state.tiles & TARGET > 0
    planes = [
        wall,
        target & ~box & ~player,
        box & ~target,
        box & target,
        player & ~target,
        player & target,
    ]
    if show_dead:
        planes.append(state.tiles & DEAD > 0)
    return jnp.stack(planes, axis=-1).astype(jnp.float32)


def as_grid(state: SokobanState) -> np.ndarray:
    """Return a position as a grid ``[rows, columns]`` uint8, as if a level started there."""
    grid = np.asarray(state.tiles) & np.uint8(WALL | TARGET)
    grid.ravel()[np.asarray(state.boxes)] |= BOX
    grid.ravel()[np.asarray(state.player)] |= PLAYER
    return grid


def _moves(state: SokobanState, offset: Array) -> Array:
    """Return whether a step by ``offset`` moves the player, ``[]`` bool."""
    ahead, beyond = state.player + offset, state.player + 2 * offset
    wall = _look_up(state.tiles, jnp.stack([ahead, beyond])) & WALL > 0
    box_ahead, box_beyond = (state.boxes == ahead).any(), (state.boxes == beyond).any()
    return ~wall[0] & ~(box_ahead & (wall[1] | box_beyond))


def _look_up(tiles: Array, cells: Array) -> Array:
    """Return the bits at some cells; what is two steps away may lie outside of the level."""
    return tiles.ravel().at[cells].get(mode="clip", wrap_negative_indices=False)


def _sort(boxes: Array) -> Array:
    """Return the cells ``[K]`` of boxes in ascending order; all differ."""
    # Few numbers are sorted faster by counting than by XLA's sort.
    rank = (boxes[:, None] > boxes).sum(axis=1)
    return jnp.where(rank == jnp.arange(boxes.size)[:, None], boxes, 0).sum(axis=1)
