"""The tree of imagined states in arrays of a fixed size: rows, a walk down, and the returns noted.

The root is always slot 0. Each stage (the steps up to a real one) writes its new nodes into a block
of its own. A stage adds at most K - 1 nodes, none deeper than L, and each real step makes a node
that is kept one less deep. So after L stages a node is the root, which is copied to slot 0, or out
of the tree: L blocks suffice, and nothing is ever searched for or moved.

A node's first visit notes one return at the node itself and at each node above it on the walk: what
is earned from there to the new node, and its value, discounted. Mean and maximum run over these.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rrplan.types import Array, PyTree

NOWHERE = -1
"""Slot of a child that has not been visited."""
ROOT = 0


class Node(NamedTuple):
    """Rows of a tree: ``[B, ...]`` of one node a lane, ``[B, M, ...]`` of all."""

    embedding: PyTree  # [...] what the model steps
    reward: Array  # [] float32, of the step into it
    discount: Array  # [] float32, of what comes after that step; 0 where the episode is over
    value: Array  # [] float32, 0 where the episode is over
    prior_logits: Array  # [A] float32, masked
    invalid_actions: Array  # [A] bool
    features: Array  # [F] float32, of the planner's network
    children: Array  # [A] int32, slots
    returns: "Returns"

    @property
    def ended(self) -> Array:
        """Whether the episode is over here."""
        return self.discount == 0.0


class Returns(NamedTuple):
    """The returns that a node has noted, from the node itself on, ``[...]`` each."""

    number: Array  # int32
    total: Array  # float32
    best: Array  # float32, -inf before the first

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> "Returns":
        """Return nothing noted."""
        return cls(jnp.zeros(shape, jnp.int32), jnp.zeros(shape), jnp.full(shape, -jnp.inf))

    @property
    def mean(self) -> Array:
        """Their mean; 0 before the first."""
        return self.total / jnp.maximum(self.number, 1)


class Children(NamedTuple):
    """What a node's children have noted, as returns of the node, ``[B, A]`` each; 0 unvisited."""

    number: Array  # int32
    mean: Array  # float32, with the reward of the step to the child
    best: Array  # float32, likewise


def num_slots(most: int, depth: int) -> int:
    """Return the slots of a tree, ``M``: for ``most`` imaginary steps a stage, ``depth`` deep."""
    return 1 + depth * most


def allocate(slots: int, row: Node) -> Node:
    """Return a tree of nothing, ``[B, M, ...]``; ``row [B, ...]`` may hold shapes alone."""
    return jax.tree.map(
        lambda leaf: jnp.zeros((leaf.shape[0], slots, *leaf.shape[1:]), leaf.dtype), row
    )


def read(tree: Node, slot: Array) -> Node:
    """Return the rows of one node a lane, ``slot [B]``."""
    lanes = jnp.arange(slot.shape[0])
    return jax.tree.map(lambda leaf: leaf[lanes, slot], tree)


def write(tree: Node, slot: Array, row: Node) -> Node:
    """Return a tree with ``row [B, ...]`` at ``slot [B]``; slots out of range write nothing."""
    lanes = jnp.arange(slot.shape[0])
    return jax.tree.map(lambda leaf, new: leaf.at[lanes, slot].set(new, mode="drop"), tree, row)


def link(tree: Node, parent: Array, action: Array, child: Array) -> Node:
    """Return a tree with ``child [B]`` below ``parent [B]``; one out of range links nothing."""
    lanes = jnp.arange(parent.shape[0])
    children = tree.children.at[lanes, parent, action].set(child, mode="drop")
    return tree._replace(children=children)


def read_children(tree: Node, children: Array) -> Children:
    """Return what the children at slots ``[B, A]`` have noted, seen from their parent."""
    lanes = jnp.arange(children.shape[0])[:, None]
    there, slot = children != NOWHERE, jnp.maximum(children, 0)
    reward, discount = tree.reward[lanes, slot], tree.discount[lanes, slot]
    returns = jax.tree.map(lambda leaf: leaf[lanes, slot], tree.returns)
    return Children(
        jnp.where(there, returns.number, 0),
        jnp.where(there, reward + discount * returns.mean, 0.0),
        # A child that is there has noted one at least. 0 times -inf would be NaN elsewhere.
        jnp.where(there, reward + discount * jnp.where(there, returns.best, 0.0), 0.0),
    )


def note(tree: Node, path: Array, depth: Array, noting: Array) -> Node:
    """Return a tree in which the nodes on a walk have noted the return of its last node.

    Args:
        tree: with the last node in it.
        path: ``[B, L + 1]`` int32, slots from the root on; what comes after ``depth`` counts not.
        depth: ``[B]`` int32, of the last node.
        noting: ``[B]`` bool, whether a lane notes anything.
    """
    lanes = jnp.arange(path.shape[0])[:, None]
    reward, discount = tree.reward[lanes, path], tree.discount[lanes, path]
    value = tree.value[lanes[:, 0], path[lanes[:, 0], depth]]
    levels = path.shape[1]
    noted = [value] * levels
    for level in reversed(range(levels - 1)):
        later = reward[:, level + 1] + discount[:, level + 1] * noted[level + 1]
        noted[level] = jnp.where(level >= depth, value, later)
    on_walk = noting[:, None] & (jnp.arange(levels) <= depth[:, None])
    slot = jnp.where(on_walk, path, tree.value.shape[1])
    new = jnp.stack(noted, axis=1)
    number, total, best = tree.returns
    return tree._replace(
        returns=Returns(
            number.at[lanes, slot].add(1, mode="drop"),
            total.at[lanes, slot].add(new, mode="drop"),
            best.at[lanes, slot].max(new, mode="drop"),
        )
    )
