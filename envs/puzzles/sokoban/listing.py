"""All positions of a level, for the oracle: every time, player and set of boxes."""

import functools
import itertools
import math

import numpy as np


def count(floor: int, num_boxes: int, limit: int) -> int:
    """Return how many positions :func:`positions` lists."""
    return (limit + 1) * floor * math.comb(floor, num_boxes)


@functools.lru_cache(maxsize=8)
def positions(floor: int, num_boxes: int, limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every time 0, 1, ..., ``limit`` with every player and every set of boxes.

    Args:
        floor: cells of floor; they are numbered from 0 on.
        num_boxes: ``K``.
        limit: the last time.

    Returns:
        Times ``[S]``, players ``[S]`` and boxes ``[S, K]``, in ascending order, all int32.
    """
    sets = np.array(list(itertools.combinations(range(floor), num_boxes)), np.int32)
    time, player, chosen = np.indices((limit + 1, floor, len(sets)), np.int32).reshape(3, -1)
    return time, player, sets[chosen]
