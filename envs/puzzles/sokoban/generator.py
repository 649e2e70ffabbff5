"""Levels made by reverse play: boxes start on their targets and are pulled away.

The procedure is that of Racanière et al. 2017, "Imagination-augmented agents for deep reinforcement
learning", which also made Boxoban's levels (Guez et al. 2018): a room by a random walk, targets and
player on its floor, boxes on the targets, then reverse play to the position with the highest
score. Three things are this project's own. The walk is as long as it takes to give rooms of 10 x 10
the share of floor of Boxoban's. Reverse play is a random walk of pulls instead of a depth-first
search, which lets NumPy make thousands of levels at once. And the score counts the runs of pulls,
one more than the changes of box, because one box is never changed for another.
"""

import functools

import numpy as np

from envs.puzzles.sokoban.tiles import BOX, PLAYER, TARGET, WALL, offsets
from rrplan.errors import InputError

TURN = 0.35  # chance that the walk takes a new direction
STEPS_PER_CELL = 0.75  # steps of the walk for each cell inside the border
PULLS_PER_BOX = 16  # length of reverse play
# What the walk clears around itself at each step, three by three cells, the walk in the middle.
PATTERNS = ("...###...", ".#..#..#.", "...##..#.", "...##.##.", "....##.#.")

_TOGETHER = 4096  # rooms made at a time
_ROOMS_PER_LEVEL = 32  # when to give up: rooms tried for each level wanted
_FEWEST_NEW = 0.005  # when to give up: share of new levels among the rooms of one round


@functools.lru_cache(maxsize=8)
def generate_levels(
    rows: int, columns: int, num_boxes: int, num_levels: int, seed: int = 0
) -> np.ndarray:
    """Return different levels that can be solved, in random order.

    No box starts on a target, nor does the player. There are fewer levels than asked for where
    this size hardly has more; small sizes do not have many.

    Args:
        rows: with the border of walls.
        columns: with the border of walls.
        num_boxes: boxes, and targets, of each level.
        num_levels: how many levels to make.
        seed: equal seeds make equal levels, as long as NumPy's generators stay the same.

    Returns:
        ``[L, rows, columns]`` uint8, read-only: ``L`` is at most ``num_levels``.

    Raises:
        InputError: if no room of this size holds a level with so many boxes.
    """
    rng = np.random.default_rng([seed, rows, columns, num_boxes])
    known: dict[bytes, None] = {}  # in the order in which they were found
    tried = 0
    while len(known) < num_levels:
        before = len(known)
        known |= dict.fromkeys(grid.tobytes() for grid in _attempt(rng, rows, columns, num_boxes))
        tried += _TOGETHER
        few = len(known) - before < _FEWEST_NEW * _TOGETHER
        if few and (tried >= _ROOMS_PER_LEVEL * num_levels or len(known) == before):
            break
    if not known:
        raise InputError(
            f"num_boxes is {num_boxes}: none of {tried} random rooms of {rows} x {columns} held a "
            "level with so many boxes; expected fewer boxes, or more rows and columns"
        )
    chosen = b"".join(list(known)[:num_levels])
    return np.frombuffer(chosen, np.uint8).reshape(-1, rows, columns)


def _attempt(rng: np.random.Generator, rows: int, columns: int, num_boxes: int) -> np.ndarray:
    """Return the levels ``[L, cells]`` that came of some random rooms."""
    floor = make_rooms(rng, _TOGETHER, rows, columns)
    # Boxes, targets and the player stand on different cells at the start.
    floor = floor[floor.sum(axis=1) >= 2 * num_boxes + 1]
    return play_backwards(rng, floor, columns, num_boxes)


def make_rooms(rng: np.random.Generator, count: int, rows: int, columns: int) -> np.ndarray:
    """Return random rooms ``[count, cells]`` bool, true on floor.

    A walk starts anywhere inside the border, goes on in its direction or, by chance, in a new one,
    and clears a random pattern at each step. At the border it walks on the spot.
    """
    patterns = np.array([[mark == "#" for mark in pattern] for pattern in PATTERNS])
    around = (np.arange(-1, 2)[:, None] * columns + np.arange(-1, 2)).ravel()
    down, right = np.array([-1, 1, 0, 0]), np.array([0, 0, -1, 1])
    floor = np.zeros((count, rows * columns), bool)
    room = np.arange(count)[:, None]
    row, column = 1 + _draw(rng, rows - 2, count), 1 + _draw(rng, columns - 2, count)
    direction = _draw(rng, 4, count)
    for _ in range(round(STEPS_PER_CELL * (rows - 2) * (columns - 2))):
        direction = np.where(rng.random(count) < TURN, _draw(rng, 4, count), direction)
        row = np.clip(row + down[direction], 1, rows - 2)
        column = np.clip(column + right[direction], 1, columns - 2)
        cells = (row * columns + column)[:, None] + around
        floor[room, cells] |= patterns[_draw(rng, len(patterns), count)]
    shaped = floor.reshape(count, rows, columns)
    shaped[:, [0, -1]] = False
    shaped[:, :, [0, -1]] = False
    return floor


def play_backwards(
    rng: np.random.Generator, floor: np.ndarray, columns: int, num_boxes: int
) -> np.ndarray:
    """Return levels ``[L, cells]`` uint8 made in rooms ``[count, cells]`` by pulling boxes.

    The player pulls a random box that it can reach, again and again. Of all positions on the way in
    which no box and not the player is on a target, that with the highest score is the
    level: the number of runs of pulls on one box, times the sum of the distances of the boxes from
    their targets, by rows and columns. Rooms without such a position are left out.
    """
    count, room = len(floor), np.arange(len(floor))
    order = np.argsort(np.where(floor, rng.random(floor.shape), 2.0), axis=1)
    targets, player = order[:, :num_boxes], order[:, num_boxes].copy()
    boxes = targets.copy()  # box k starts on target k
    occupied = _mark(targets, floor.shape[1])
    is_target = occupied.copy()
    last, runs = np.full(count, -1), np.zeros(count, int)
    best, best_boxes, best_player = np.zeros(count, int), boxes.copy(), player.copy()
    step = offsets(columns)
    for _ in range(PULLS_PER_BOX * num_boxes):
        free = floor & ~occupied
        # A box is pulled to where the player stands, who steps back.
        stand = boxes[:, :, None] + step
        back = np.clip(stand + step, 0, floor.shape[1] - 1)  # a player at the border is in no room
        reached = reachable(free, player, columns)
        possible = reached[room[:, None, None], stand] & free[room[:, None, None], back]
        possible = possible.reshape(count, len(step) * num_boxes)
        choice = np.where(possible, rng.random(possible.shape), -1.0).argmax(axis=1)
        pulled = np.flatnonzero(possible[room, choice])
        box, way = np.divmod(choice[pulled], 4)
        old = boxes[pulled, box]
        new = old + step[way]
        occupied[pulled, old], occupied[pulled, new] = False, True
        boxes[pulled, box], player[pulled] = new, new + step[way]
        runs[pulled] += last[pulled] != box
        last[pulled] = box
        away = np.abs(boxes // columns - targets // columns)
        away += np.abs(boxes % columns - targets % columns)
        score = np.where(is_target[room, player], 0, runs * away.sum(axis=1))
        score[is_target[room[:, None], boxes].any(axis=1)] = 0
        better = np.flatnonzero(score > best)
        best[better] = score[better]
        best_boxes[better], best_player[better] = boxes[better], player[better]
    grids = np.where(floor, np.uint8(0), np.uint8(WALL))
    grids[is_target] |= TARGET
    grids[_mark(best_boxes, floor.shape[1])] |= BOX
    grids[_mark(best_player[:, None], floor.shape[1])] |= PLAYER
    return grids[best > 0]


def reachable(free: np.ndarray, player: np.ndarray, columns: int) -> np.ndarray:
    """Return the cells ``[L, cells]`` bool that players ``[L]`` can walk to over free cells."""
    # Cells first, so that an operation on one cell runs through all levels.
    free = np.ascontiguousarray(free.T)
    reached = np.ascontiguousarray(_mark(player[:, None], len(free)).T)
    cells, count = range(columns, len(free) - columns), -1
    while count != (count := np.count_nonzero(reached)):
        for cell in cells:
            reached[cell] |= (reached[cell - 1] | reached[cell - columns]) & free[cell]
        for cell in reversed(cells):
            reached[cell] |= (reached[cell + 1] | reached[cell + columns]) & free[cell]
    return reached.T


def _mark(cells: np.ndarray, size: int) -> np.ndarray:
    """Return ``[L, size]`` bool, true at ``cells [L, n]``."""
    marked = np.zeros((len(cells), size), bool)
    np.put_along_axis(marked, cells, True, axis=1)
    return marked


def _draw(rng: np.random.Generator, below: int, count: int) -> np.ndarray:
    """Return random whole numbers 0, 1, ..., ``below - 1``, ``[count]``."""
    return (rng.random(count) * below).astype(int)
