"""How the nodes of a tree in which each has as many children are numbered.

Nodes are numbered level by level: the root is 0, and child ``a`` of node ``n`` is ``bn + 1 + a``
for branching ``b``. So a number tells the whole path, and no tree is stored.
"""

import jax.numpy as jnp
import numpy as np

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


def deepest(branching: int, most: int) -> int:
    """Return the largest depth, at least 1, of a tree of at most ``most`` nodes."""
    depth = 1
    while count_nodes(branching, depth + 1) <= most:
        depth += 1
    return depth


def levels(branching: int, depth: int) -> np.ndarray:
    """Return the level of every node, in the order of their numbers, ``[S]``."""
    every = np.arange(depth + 1)
    return np.repeat(every, branching**every)
