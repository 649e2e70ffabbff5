"""States of the puzzles as text: what a person looks at to follow an episode."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from envs.puzzles.imagine import ImagineState
    from envs.puzzles.knapsack import KnapsackState
    from envs.puzzles.sliding_tiles import SlidingTilesState
    from envs.puzzles.tardiness import TardinessState
    from envs.puzzles.traps import TrapsState


def of_knapsack(state: "KnapsackState") -> str:
    """Return a row for each item: its weight, its value, and whether it is packed or fits."""
    packed, weights = np.asarray(state.packed), np.asarray(state.weights)
    left = int(state.remaining)
    fits = [
        "packed" if p else "" if w <= left else "too heavy"
        for p, w in zip(packed, weights, strict=True)
    ]
    header = f"room for {left} of {int(state.capacity)}"
    return "\n".join(
        [header, *_table(("item", "weight", "value", ""), weights, state.values, fits)]
    )


def of_tardiness(state: "TardinessState") -> str:
    """Return a row for each job: how long it takes, when it is due, and whether it is done."""
    done = ["done" if done else "" for done in np.asarray(state.scheduled)]
    columns = state.processing_times, state.due_dates, done
    header = f"the machine is free at {int(state.elapsed)}"
    return "\n".join([header, *_table(("job", "takes", "due", ""), *columns)])


def of_sliding_tiles(state: "SlidingTilesState", columns: int) -> str:
    """Return the board, a line a row; a dot is the blank."""
    cells = np.asarray(state.cells).reshape(-1, columns)
    return "\n".join(" ".join(f"{tile or '.':>2}" for tile in row) for row in cells.tolist())


def of_node(state: "TrapsState | ImagineState", branching: int) -> str:
    """Return which node of the tree it is, and the actions that lead there."""
    node, way = int(state.node), []
    for _ in range(int(state.time)):
        way.append((node - 1) % branching)
        node = (node - 1) // branching
    actions = ", ".join(map(str, reversed(way))) or "none"
    return f"node {int(state.node)} on level {int(state.time)}\nactions so far: {actions}"


def _table(header: Sequence[str], *columns) -> list[str]:
    """Return lines of a table whose first column counts the rows from 0."""
    rows = [
        header,
        *((str(place), *map(str, row)) for place, row in enumerate(zip(*columns, strict=True))),
    ]
    return ["  ".join(f"{cell:>6}" for cell in row).rstrip() for row in rows]
