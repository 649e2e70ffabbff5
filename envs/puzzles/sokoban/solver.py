"""Exact solutions of small levels: the fewest pushes, or the fewest moves.

Positions are searched by A* over pushes (Hart, Nilsson & Raphael 1968). Its bound counts for each
box the pushes to the nearest target, as if it were alone. Boxes are not pushed onto dead squares,
from which there is no way to a target. Sets of cells are whole numbers: bit ``c`` is cell ``c``.
"""

import heapq
import itertools
from typing import Literal, NamedTuple

import numpy as np

from envs.puzzles.sokoban.tiles import BOX, PLAYER, TARGET, WALL, offsets
from rrplan.errors import InputError, unknown

AIMS = ("pushes", "moves")


class SokobanSolution(NamedTuple):
    """A way to solve a level.

    Attributes:
        pushes: steps that push a box.
        moves: all steps, pushes among them.
        actions: the steps, as indices of ``ACTIONS``.
        visited: positions that the search took up.
    """

    pushes: int
    moves: int
    actions: tuple[int, ...]
    visited: int


class _Push(NamedTuple):
    """A push in a solution, and those before it."""

    player: int  # where the player stands before it, a bit
    action: int
    before: "_Push | None"


def solve(
    grid: np.ndarray,
    minimise: Literal["pushes", "moves"] = "pushes",
    *,
    max_positions: int = 1_000_000,
) -> SokobanSolution | None:
    """Return a solution with the fewest pushes, or with the fewest moves; None if there is none.

    The time grows with the number of positions. Levels of 7 x 7 with two boxes take a
    thousandth of a second, Boxoban's of 10 x 10 with four boxes a second or more.

    Args:
        grid: a level ``[rows, columns]`` uint8, whose outermost cells are walls.
        minimise: what is exact. The other count is that of the solution found, and may not be the
            least that goes with it.
        max_positions: when to give up.

    Raises:
        InputError: if it gives up, or ``minimise`` is something else.
    """
    if minimise not in AIMS:
        raise unknown("aim", minimise, AIMS)
    board = _Board(np.asarray(grid))
    start = board.bits(BOX), board.bits(PLAYER)
    if start[0] & ~board.alive:
        return None
    order = itertools.count()  # of equal entries the oldest, and nothing else is compared
    queue: list[tuple[int, int, int, int, int, _Push | None]] = []
    heapq.heappush(queue, (board.bound(start[0]), next(order), 0, *start, None))
    closed: set[tuple[int, int]] = set()
    while queue:
        _, _, cost, boxes, player, path = heapq.heappop(queue)
        if boxes == board.targets:
            return board.tell(start, path, len(closed))
        rings = board.walk(boxes, player)
        region = sum(rings)
        # Without a price on walking it does not matter where in its region the player stands.
        position = boxes, player if minimise == "moves" else region & -region
        if position in closed:
            continue
        if len(closed) >= max_positions:
            raise InputError(
                f"the solver visited max_positions = {max_positions} positions without a solution: "
                "expected a smaller level, or a larger max_positions"
            )
        closed.add(position)
        for steps, ring in enumerate(rings):
            price = cost + 1 + (steps if minimise == "moves" else 0)
            for action, box, after in board.pushes(boxes, ring):
                bound = price + board.bound(after)
                push = _Push(board.shift(box, action ^ 1), action, path)
                heapq.heappush(queue, (bound, next(order), price, after, box, push))
    return None


class _Board:
    """A level's walls and targets, and what can be done among them. Sets of cells are bits."""

    def __init__(self, grid: np.ndarray):
        self._flat = grid.ravel()
        self._steps = offsets(grid.shape[1]).tolist()
        self._floor = ~self.bits(WALL) & (1 << grid.size) - 1
        self.targets = self.bits(TARGET)
        self._distance = self._measure()
        self.alive = sum(self._distance)  # where a box is not lost

    def bits(self, kind: int) -> int:
        """Return the cells that hold something."""
        return _as_bits((self._flat & kind) > 0)

    def shift(self, cells: int, action: int) -> int:
        """Return the cells beside these, on the side where ``action`` leads."""
        step = self._steps[action]
        return cells << step if step > 0 else cells >> -step

    def walk(self, boxes: int, player: int) -> list[int]:
        """Return the cells that the player can walk to: those no, one, two, ... steps away."""
        free, reached, rings = self._floor & ~boxes, player, [player]
        while True:
            ring = self._grow(rings[-1]) & free & ~reached
            if not ring:
                return rings
            rings.append(ring)
            reached |= ring

    def pushes(self, boxes: int, players: int):
        """Yield ``(action, box before, boxes after)`` for each push by a player on these cells."""
        free = self.alive & ~boxes
        for action in range(4):
            pushed = boxes & self.shift(players, action) & self.shift(free, action ^ 1)
            while pushed:
                box = pushed & -pushed
                pushed ^= box
                yield action, box, boxes ^ box | self.shift(box, action)

    def bound(self, boxes: int) -> int:
        """Return how many pushes it takes at least: each box to the target nearest to it."""
        return sum(self._distance[box] for box in _each(boxes))

    def tell(self, start: tuple[int, int], path: _Push | None, visited: int) -> SokobanSolution:
        """Return the solution with a shortest walk before each push."""
        pushes = []
        while path is not None:
            pushes.append(path)
            path = path.before
        (boxes, player), actions = start, []
        for push in reversed(pushes):
            actions += [*self._route(boxes, player, push.player), push.action]
            player = self.shift(push.player, push.action)
            boxes = boxes ^ player | self.shift(player, push.action)
        return SokobanSolution(len(pushes), len(actions), tuple(actions), visited)

    def _route(self, boxes: int, player: int, goal: int) -> list[int]:
        """Return the actions of a shortest walk, found backwards from its goal."""
        route: list[int] = []
        rings = self.walk(boxes, player)
        for ring in reversed(rings[: next(i for i, ring in enumerate(rings) if ring & goal)]):
            action = next(a for a in range(4) if self.shift(goal, a ^ 1) & ring)
            goal = self.shift(goal, action ^ 1)
            route.insert(0, action)
        return route

    def _grow(self, cells: int) -> int:
        up, down, left, right = (self.shift(cells, action) for action in range(4))
        return up | down | left | right

    def _measure(self) -> dict[int, int]:
        """Return from each cell the pushes to the nearest target, as if there were one box."""
        ring, known, distance, pushes = self.targets, self.targets, {}, 0
        while ring:
            distance |= dict.fromkeys(_each(ring), pushes)
            pulled = 0
            for action in range(4):
                back = self.shift(ring, action ^ 1) & self._floor
                pulled |= back & self.shift(self._floor, action)
            ring = pulled & ~known
            known |= ring
            pushes += 1
        return distance


def _as_bits(cells: np.ndarray) -> int:
    return int.from_bytes(np.packbits(cells, bitorder="little").tobytes(), "little")


def _each(cells: int):
    """Yield each of some cells."""
    while cells:
        yield cells & -cells
        cells &= cells - 1
