"""Sliding tiles, such as the 8-puzzle: long plans, and exact distances on small boards."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from gymnax.environments import environment, spaces

from envs.options import check_whole
from envs.puzzles import sliding_tiles_starts as starts
from envs.puzzles import texts
from envs.puzzles.sliding_tiles_distances import (
    LARGEST,
    count_boards,
    goal,
    list_boards,
    manhattan_distances,
    neighbours,
    sliding_tiles_distance,
)
from rrplan.capabilities import Enumerable
from rrplan.errors import InputError
from rrplan.types import Array

MAX_SIDE = 8
MAX_LIMIT = 1_000_000
MAX_LISTED = 2**16  # states that are listed


@struct.dataclass
class SlidingTilesState(environment.EnvState):
    """A board and the time. ``C`` is the number of cells.

    Attributes:
        time: moves made so far; illegal ones count.
        cells: the number of the tile in each cell in reading order, 0 for the blank.
        blank: the cell of the blank.
    """

    cells: Array  # [C] uint8
    blank: Array  # [] int32


@struct.dataclass
class SlidingTilesParams(environment.EnvParams):
    """What can be swept without compiling again.

    Attributes:
        max_steps_in_episode: moves after which an episode is truncated; the default, one more
            than ``limit``, is never reached.
    """

    max_steps_in_episode: int = 33


@dataclasses.dataclass(frozen=True)
class SlidingTiles(environment.Environment[SlidingTilesState, SlidingTilesParams]):
    """The sliding-tile puzzle: move the blank until the tiles are in order.

    The goal is 1, 2, 3, ... in reading order, with the blank in the last cell. Actions 0, 1, 2, 3
    move the blank up, right, down, left. A move off the board is illegal: the board stays as it
    is, but the move counts.

    A move pays -1 / ``limit``, and 0 if it solves the puzzle. An episode ends when the puzzle is
    solved, or after ``limit`` moves. Both are terminal, as the observation shows the time that
    is left, and nothing is paid after it. Solved by move number t, the return is
    -(t - 1) / ``limit``; not solved, it is -1.

    The first board is never the goal. It is drawn uniformly from all boards at ``distance``, the
    least number of moves to the goal. Where ``distance`` is a pair, the distance is drawn first,
    uniformly from the one to the other. Where it is None, the board is drawn uniformly from all
    that can be solved. The default has near boards too: an untrained planner that always starts
    far away hardly ever meets the goal, and so learns nothing.

    Distances are known on the sizes in ``sliding_tiles_distances.LARGEST``, 3 x 3 among them. On
    others, such as 4 x 4, ``distance`` is the number of moves of a random walk from the goal, which
    never takes back its last move. The distance of the board is then at most that number.

    The observation ``[C * C + 1]`` float32 says of each cell which of the ``C`` numbers it
    holds, one-hot, and at the end what share of ``limit`` is left.

    Two objects with equal arguments are equal, so they share compiled programs.

    Attributes:
        rows: of the board, from 2 to 8.
        columns: of the board, from 2 to 8.
        distance: of the first board from the goal: a number, a pair of the least and the largest,
            or None for any.
        limit: moves of an episode. None for twice the largest distance that is drawn; without a
            distance for twice the largest there is, or for ten moves a cell where that is not
            known.

    Raises:
        InputError: for an argument out of range.

    Source: Korf (1985), "Depth-first iterative-deepening: an optimal admissible tree search", for
    the puzzle; Reinefeld (1993), "Complete solution of the eight-puzzle and the benefit of node
    ordering in IDA*", for its distances; Agostinelli et al. (2019), "Solving the Rubik's cube with
    deep reinforcement learning and search", for learning from mixed distances.
    """

    rows: int = 3
    columns: int = 3
    distance: int | tuple[int, int] | None = (1, 16)
    limit: int | None = None

    def __post_init__(self):
        check_whole("rows", self.rows, 2, MAX_SIDE)
        check_whole("columns", self.columns, 2, MAX_SIDE)
        # Equal problems are equal objects, however they were asked for.
        object.__setattr__(self, "distance", starts.read_distance(self.distance, self.size))
        if self.limit is not None:
            least = self.distance_range[1] if self.distance_range and self.is_known else 1
            told = ", no less than the distance" if least > 1 else ""
            check_whole("limit", self.limit, least, MAX_LIMIT, told)

    def offers(self, capability: type) -> bool:
        """Return whether it has an optional capability: its states are listed where few."""
        return capability is not Enumerable or self._num_states <= MAX_LISTED

    @property
    def name(self) -> str:
        """Environment name."""
        return "sliding_tiles"

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns

    @property
    def num_cells(self) -> int:
        """Number of cells, ``C``."""
        return self.rows * self.columns

    @property
    def is_known(self) -> bool:
        """Whether the distances of all boards of this size are known."""
        return self.size in LARGEST

    @property
    def distance_range(self) -> tuple[int, int] | None:
        """Least and largest distance of a first board, or None for any."""
        one = self.distance
        return (one, one) if isinstance(one, int) else one

    @property
    def move_limit(self) -> int:
        """Moves of an episode: ``limit``, or what stands for None."""
        if self.limit is not None:
            return self.limit
        usual = LARGEST.get(self.size, 5 * self.num_cells)
        return 2 * (self.distance_range[1] if self.distance_range else usual)

    @property
    def num_actions(self) -> int:
        """Up, right, down, left."""
        return 4

    @property
    def default_params(self) -> SlidingTilesParams:
        """Parameters with a time limit that never strikes."""
        return SlidingTilesParams(max_steps_in_episode=self.move_limit + 1)

    def reset_env(self, key: Array, params: SlidingTilesParams) -> tuple[Array, SlidingTilesState]:
        """Draw a board; return its ``(observation, state)``."""
        state = self.start(self._draw(key))
        return self.observe(key, state, None, params), state

    def start(self, board: Array | np.ndarray) -> SlidingTilesState:
        """Return the first state of an episode with this board.

        Args:
            board: ``[rows, columns]`` or ``[C]``, the number of the tile in each cell, 0 for the
                blank.
        """
        cells = jnp.asarray(board, jnp.uint8).reshape(self.num_cells)
        return SlidingTilesState(
            time=jnp.int32(0), cells=cells, blank=jnp.argmin(cells).astype(jnp.int32)
        )

    def step_env(
        self,
        key: Array,
        state: SlidingTilesState,
        action: Array | int | float,
        params: SlidingTilesParams,
    ) -> tuple[Array, SlidingTilesState, Array, Array, dict[str, Any]]:
        """Move the blank; return ``(observation, state, reward, terminated, info)``."""
        goes_on = ~self.is_terminated(state, params)
        target = self._targets(state)[action]
        target = jnp.where(goes_on & (target >= 0), target, state.blank)
        after = dataclasses.replace(
            state,
            time=state.time + goes_on,
            cells=starts.move_blank(state.cells, state.blank, target),
            blank=target,
        )
        pays = goes_on & ~self.is_solved(after)
        reward = jnp.where(pays, -1.0 / self.move_limit, 0.0).astype(jnp.float32)
        observation = self.observe(key, after, action, params)
        return observation, after, reward, self.is_terminated(after, params), {}

    def observe(
        self,
        key: Array,
        state: SlidingTilesState,
        action: Array | int | float | None,
        params: SlidingTilesParams,
    ) -> Array:
        """Return the observation ``[C * C + 1]`` float32 of a state."""
        cells = jax.nn.one_hot(state.cells, self.num_cells, dtype=jnp.float32)
        left = 1.0 - jnp.asarray(state.time, jnp.float32) / self.move_limit
        return jnp.append(cells.ravel(), left)

    def invalid_actions(self, state: SlidingTilesState, params: SlidingTilesParams) -> Array:
        """Return a mask ``[4]`` bool, true for moves off the board."""
        return self._targets(state) < 0

    def greedy_action(self, state: SlidingTilesState, params: SlidingTilesParams) -> Array:
        """Return the move ``[]`` int32 that lowers the Manhattan distance most, ties by index.

        The Manhattan distance is the sum over the tiles of rows and columns to their places. A
        move changes it by one, up or down. The rule has no memory, so it can go back and forth.
        """
        places = jnp.asarray(manhattan_distances(*self.size))
        targets = self._targets(state)
        tiles = state.cells[targets].astype(jnp.int32)
        change = places[tiles, state.blank] - places[tiles, targets]
        return jnp.argmin(jnp.where(targets >= 0, change, 2)).astype(jnp.int32)

    def optimal_return(self, state: SlidingTilesState, params: SlidingTilesParams) -> Array:
        """Return the largest return that can still be had in a state, exactly, ``[]`` float32.

        Raises:
            InputError: the distances of boards of this size are not known.
        """
        distance = sliding_tiles_distance(state.cells.reshape(self.size))
        end = jnp.minimum(self.move_limit, params.max_steps_in_episode)
        paid = jnp.minimum(jnp.maximum(distance - 1, 0), end - state.time)
        return -paid.astype(jnp.float32) / self.move_limit

    def enumerate_states(
        self, first_state: SlidingTilesState, params: SlidingTilesParams
    ) -> SlidingTilesState:
        """Return every board that can be solved at every time, ``[S, ...]``, time by time.

        Raises:
            InputError: if there are more than ``MAX_LISTED``.
        """
        del params
        if self._num_states > MAX_LISTED:
            raise InputError(
                f"the board is {self.rows} x {self.columns} and limit {self.move_limit}: expected "
                f"at most {MAX_LISTED} states to list them, such as 2 x 3 and limit 181"
            )
        boards = list_boards(*self.size).cells
        time, board = jnp.divmod(jnp.arange(self._num_states, dtype=jnp.int32), len(boards))
        cells = jnp.asarray(boards)[board]
        blank = jnp.argmin(cells, axis=1).astype(jnp.int32)
        return dataclasses.replace(first_state, time=time, cells=cells, blank=blank)

    def render_text(self, state: SlidingTilesState) -> str:
        """Return the board as text, a line for each row."""
        return texts.of_sliding_tiles(state, self.columns)

    def is_solved(self, state: SlidingTilesState) -> Array:
        """Return whether the tiles are in order, ``[]`` bool."""
        return (state.cells == goal(self.num_cells)).all()

    def is_terminated(self, state: SlidingTilesState, params: SlidingTilesParams) -> Array:
        """Return whether the puzzle is solved or the time is up, ``[]`` bool."""
        return self.is_solved(state) | (state.time >= self.move_limit)

    def action_space(self, params: SlidingTilesParams | None = None) -> spaces.Discrete:
        """Space of the actions: where the blank moves."""
        return spaces.Discrete(self.num_actions)

    def observation_space(self, params: SlidingTilesParams) -> spaces.Box:
        """Space of the observations."""
        return spaces.Box(0.0, 1.0, (self.num_cells**2 + 1,), jnp.float32)

    @property
    def _num_states(self) -> int:
        return count_boards(self.num_cells) * (self.move_limit + 1)

    def _targets(self, state: SlidingTilesState) -> Array:
        """Return the cell that each action moves the blank to, ``[4]``; -1 off the board."""
        return jnp.asarray(neighbours(*self.size))[state.blank]

    def _draw(self, key: Array) -> Array:
        """Draw the cells ``[C]`` of a first board."""
        if self.distance_range is None:
            return starts.draw_any(key, self.size)
        draw = starts.draw_at_distance if self.is_known else starts.draw_walk
        return draw(key, self.size, *self.distance_range)
