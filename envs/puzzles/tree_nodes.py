"""How the nodes of a tree in which each has as many children are numbered.

Nodes are numbered level by level: the root is 0, and child ``a`` of node ``n`` is ``bn + 1 + a``
for branching ``b``. So a number tells the whole path, and no tree is stored.
"""

import jax.numpy as jnp
import numpy as np

from rrplan.errors import InputError
from rrplan.types import Array


def child(node: Array, action: Array | int | float, branching: int) -> Array:
    """Return the number of the node that an action leads to."""
    return branching * node + 1 + jnp.asarray(action, jnp.int32)


def last_edge(node: Array, branching: int) -> tuple[Array, Array]:
    """Return a node's parent and the action that led from there, ``[]`` int32 each."""
    return (node - 1) // branching, (node - 1) % branching


def ancestor(node: Array, above: int, branching: int) -> Array:
    """Return the number of the node so many levels above one that lies at least so deep."""
    return (node - count_nodes(branching, above - 1)) // branching**above


def count_nodes(branching: int, depth: int) -> int:
    """Return how many nodes lie at levels 0 to ``depth``; 0 for depth -1."""
    return (branching ** (depth + 1) - 1) // (branching - 1)


def check_depth(branching: int, depth: int, most: int, limit: str) -> None:
    """Raise an error where a tree has too many nodes.

    Args:
        branching: children of each node, 2 or more.
        depth: of the tree; 1 is always small enough.
        most: nodes that it may have.
        limit: the same in words.

    Raises:
        InputError: it has more.
    """
    deepest = 1
    while count_nodes(branching, deepest + 1) <= most:
        deepest += 1
    if depth > deepest:
        raise InputError(
            f"depth is {depth}: expected at most {deepest} with branching {branching} ({limit})"
        )


def levels(branching: int, depth: int) -> np.ndarray:
    """Return the level of every node, in the order of their numbers, ``[S]``."""
    every = np.arange(depth + 1)
    return np.repeat(every, branching**every)
