"""Search trees of all lanes: the slots, the descent and the back-up.

Storage is slot-major, ``[M, B, ...]``. In every tick each lane allocates exactly one node
and all lanes use the same slot for it, so that writing a node is one contiguous update.
A lane's tree is whatever hangs from its root slot: starting a new tree is setting the root,
and nothing is ever cleared, because a slot's row is initialised when it is written.

The loops below run over the whole batch with explicit masks. Under ``vmap`` a
``while_loop`` would select over every carried array at each turn, and the cost of one
simulation would grow with the size of the tree.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rrplan.types import Array, PyTree

UNVISITED = -1
ENDED = -1  # instead of an action: an end, nothing beyond it is searched


class Tree(NamedTuple):
    """Search trees of all lanes. Edge arrays belong to the parent's slot."""

    states: PyTree  # [M, B, ...] environment states, or embeddings of a learned model
    raw_values: Array  # [M, B] float32, the network's value
    node_values: Array  # [M, B] float32, mean of the raw value and the returns backed up
    node_visits: Array  # [M, B] int32
    rewards: Array  # [M, B] float32, of the edge into the node
    discounts: Array  # [M, B] float32, of the edge into the node
    prior_logits: Array  # [M, B, A] float32
    prior_probs: Array  # [M, B, A] float32, softmax of the logits, computed once
    children: Array  # [M, B, A] int32, slot of the child or UNVISITED
    visit_counts: Array  # [M, B, A] int32
    qvalues: Array  # [M, B, A] float32, reward + discount x child's value; 0 if unvisited
    best: Array  # [M, B] int32, what a descent takes from here, or ENDED
    path_nodes: Array  # [D, B] int32, scratch: slots on the path of the simulation under way
    path_actions: Array  # [D, B] int32, scratch: its edges


class Node(NamedTuple):
    """A node to write, one for each lane."""

    state: PyTree  # [B, ...]
    prior_logits: Array  # [B, A]
    value: Array  # [B]
    reward: Array  # [B] of the edge into it
    discount: Array  # [B] of the edge into it


class Rows(NamedTuple):
    """What a rule of selection may look at: one node of each lane."""

    raw_value: Array  # [B]
    node_value: Array  # [B]
    node_visits: Array  # [B]
    prior_logits: Array  # [B, A]
    prior_probs: Array  # [B, A]
    visit_counts: Array  # [B, A]
    qvalues: Array  # [B, A]


class Path(NamedTuple):
    """Where the simulation of each lane ended; its edges stand in the tree's scratch."""

    depth: Array  # [B] int32, number of edges; 0 for lanes that did not search
    parent: Array  # [B] int32, slot of the last node
    action: Array  # [B] int32, the last edge
    child: Array  # [B] int32, slot of what hung from it before, or UNVISITED


Choose = Callable[[Rows], Array]
"""``rows [B, ...] -> action [B]``: the rule of selection below the root."""


def allocate(num_slots: int, example: Node) -> Tree:
    """Return an empty store of ``num_slots`` slots for lanes shaped like ``example``.

    ``example`` may hold ``jax.ShapeDtypeStruct`` leaves.
    """
    num_lanes, num_actions = example.prior_logits.shape

    def zeros(shape, dtype):
        return jnp.zeros((num_slots, *shape), dtype)

    lane, edge = (num_lanes,), (num_lanes, num_actions)
    return Tree(
        states=jax.tree.map(lambda leaf: zeros(leaf.shape, leaf.dtype), example.state),
        raw_values=zeros(lane, jnp.float32),
        node_values=zeros(lane, jnp.float32),
        node_visits=zeros(lane, jnp.int32),
        rewards=zeros(lane, jnp.float32),
        discounts=zeros(lane, jnp.float32),
        prior_logits=zeros(edge, jnp.float32),
        prior_probs=zeros(edge, jnp.float32),
        children=jnp.full((num_slots, *edge), UNVISITED, jnp.int32),
        visit_counts=zeros(edge, jnp.int32),
        qvalues=zeros(edge, jnp.float32),
        best=zeros(lane, jnp.int32),
        path_nodes=zeros(lane, jnp.int32),
        path_actions=zeros(lane, jnp.int32),
    )


def write(tree: Tree, slot: Array, node: Node, choose: Choose, path: Path | None = None) -> Tree:
    """Initialise row ``slot`` (one for all lanes) with a node of each lane.

    With a ``path``, the node also hangs from the path's last edge, unless something hung
    there before: every edge keeps the sample that was drawn when it was expanded.
    """
    edge = node.prior_logits.shape
    # Never true, but the compiler cannot know. Rows of constants could be written before the
    # descent has read the store, and XLA would copy the whole store to allow for it.
    early = jnp.zeros(edge[:1], bool) if path is None else path.child < UNVISITED
    zero = jnp.broadcast_to(early[:, None], edge)
    fresh = Rows(
        raw_value=node.value,
        node_value=node.value,
        node_visits=1 + early,
        prior_logits=node.prior_logits,
        prior_probs=jax.nn.softmax(node.prior_logits),
        visit_counts=zero.astype(jnp.int32),
        qvalues=zero.astype(jnp.float32),
    )
    rows = {
        "states": node.state,
        "raw_values": fresh.raw_value,
        "node_values": fresh.node_value,
        "node_visits": fresh.node_visits,
        "rewards": node.reward,
        "discounts": node.discount,
        "prior_logits": fresh.prior_logits,
        "prior_probs": fresh.prior_probs,
        "children": UNVISITED + fresh.visit_counts,
        "visit_counts": fresh.visit_counts,
        "qvalues": fresh.qvalues,
        "best": jnp.where(node.discount == 0.0, ENDED, choose(fresh)),
    }
    tree = tree._replace(
        **{name: _put(getattr(tree, name), slot, row) for name, row in rows.items()}
    )
    if path is None:
        return tree
    hangs = (path.depth > 0) & (path.child == UNVISITED)
    parent = jnp.where(hangs, path.parent, tree.children.shape[0])
    lanes = jnp.arange(edge[0])
    linked = tree.children.at[parent, lanes, path.action].set(slot, mode="drop")
    return tree._replace(children=linked)


def read(tree: Tree, slots: Array, lanes: Array | None = None) -> Rows:
    """Return node ``slots[i]`` of lane ``lanes[i]`` for each ``i``; of all lanes if None."""
    lanes = jnp.arange(slots.shape[0]) if lanes is None else lanes
    return Rows(
        raw_value=tree.raw_values[slots, lanes],
        node_value=tree.node_values[slots, lanes],
        node_visits=tree.node_visits[slots, lanes],
        prior_logits=tree.prior_logits[slots, lanes],
        prior_probs=tree.prior_probs[slots, lanes],
        visit_counts=tree.visit_counts[slots, lanes],
        qvalues=tree.qvalues[slots, lanes],
    )


def read_states(tree: Tree, slots: Array) -> PyTree:
    """Return the state in slot ``slots[b]`` of each lane ``b``."""
    lanes = jnp.arange(slots.shape[0])
    return jax.tree.map(lambda store: store[slots, lanes], tree.states)


def argmax_by_prior(scores: Array, prior: Array) -> Array:
    """Return the best action ``[B]``; ties go to the higher prior, then to the lower index.

    One reduction over triples: on a CPU that is a good deal faster than a maximum, a mask and
    an argmax.
    """
    index = jax.lax.broadcasted_iota(jnp.int32, scores.shape, scores.ndim - 1)
    last = scores.shape[-1] - 1

    def better(one, other):
        (score, prior, index), (score_, prior_, index_) = one, other
        tied = (prior_ > prior) | ((prior_ == prior) & (index_ < index))
        take = (score_ > score) | ((score_ == score) & tied)
        return jax.tree.map(lambda a, b: jnp.where(take, b, a), one, other)

    lowest = jnp.asarray(-jnp.inf, scores.dtype), jnp.asarray(-jnp.inf, prior.dtype)
    start = (*lowest, jnp.int32(last))
    return jax.lax.reduce((scores, prior, index), start, better, (scores.ndim - 1,))[2]


def descend(
    tree: Tree, root: Array, root_action: Array, max_depth: Array, active: Array
) -> tuple[Tree, Path]:
    """Walk from each active lane's root to an unvisited action, an end or its depth limit.

    What to take from a node is known: it was worked out when the node was last visited. An
    edge with discount 0 is an end. What lies beyond cannot change a value above it, so the
    visit counts of all that is not beyond an end are as if one had looked there.

    Args:
        tree: the store.
        root: ``[B]`` int32, slot of each lane's root.
        root_action: ``[B]`` int32, what to take from the root.
        max_depth: ``[B]`` int32, the most edges a path may have (at least one is taken).
        active: ``[B]`` bool, lanes that search now; the others get depth 0.

    Returns:
        The tree, with the paths in its scratch, and where they ended.
    """
    lanes = jnp.arange(root.shape[0])

    def body(carry):
        level, going, node, action, depth, tree = carry
        tree = tree._replace(
            path_nodes=_put(tree.path_nodes, level, node),
            path_actions=_put(tree.path_actions, level, action),
        )
        child = tree.children[node, lanes, action]
        onward = tree.best[child, lanes]
        depth = depth + going
        going = going & (child != UNVISITED) & (onward != ENDED) & (depth < max_depth)
        node = jnp.where(going, child, node)
        action = jnp.where(going, onward, action)
        return level + 1, going, node, action, depth, tree

    carry = (jnp.int32(0), active, root, root_action, jnp.zeros_like(root), tree)
    carry = jax.lax.while_loop(lambda carry: carry[1].any(), body, carry)
    _, _, parent, action, depth, tree = carry
    return tree, Path(depth, parent, action, tree.children[parent, lanes, action])


def backup(tree: Tree, slot: Array, path: Path, choose: Choose) -> Tree:
    """Carry the value of each lane's leaf up its path, touching only the path's nodes.

    The leaf is the node just written in ``slot``, or what hung from the last edge before: a
    depth-limited search meets the same leaf again, and its value counts again.
    """
    num_slots, num_lanes = tree.node_visits.shape
    lanes = jnp.arange(num_lanes)
    leaf = jnp.where(path.child == UNVISITED, slot, path.child)

    def body(carry):
        level, tree, child, child_value, value = carry
        on_path = level < path.depth
        node = _row(tree.path_nodes, level)
        action = _row(tree.path_actions, level)
        reward = tree.rewards[child, lanes]
        discount = tree.discounts[child, lanes]
        visits = tree.node_visits[node, lanes]
        new_value = reward + discount * value
        node_value = (tree.node_values[node, lanes] * visits + new_value) / (visits + 1)
        target = jnp.where(on_path, node, num_slots)
        tree = tree._replace(
            node_values=tree.node_values.at[target, lanes].set(node_value, mode="drop"),
            node_visits=tree.node_visits.at[target, lanes].set(visits + 1, mode="drop"),
            visit_counts=tree.visit_counts.at[target, lanes, action].add(1, mode="drop"),
            qvalues=tree.qvalues.at[target, lanes, action].set(
                reward + discount * child_value, mode="drop"
            ),
        )
        return (
            level - 1,
            tree,
            jnp.where(on_path, node, child),
            jnp.where(on_path, node_value, child_value),
            jnp.where(on_path, new_value, value),
        )

    start = (tree.node_values[leaf, lanes], tree.raw_values[leaf, lanes])
    carry = (path.depth.max() - 1, tree, leaf, *start)
    tree = jax.lax.while_loop(lambda carry: carry[0] >= 0, body, carry)[1]
    return _refresh(tree, path, choose)


def _refresh(tree: Tree, path: Path, choose: Choose) -> Tree:
    """Work out anew what to take from the nodes that were visited, but for the roots.

    Paths differ in length, and a loop over levels would wait for the longest. So the nodes
    of all paths are lined up, lane after lane, and taken a batch at a time.
    """
    num_slots, num_lanes = tree.node_visits.shape
    counts = jnp.maximum(path.depth - 1, 0)
    ends = jnp.cumsum(counts)
    starts = ends - counts

    def body(carry):
        first, tree = carry
        place = first + jnp.arange(num_lanes)
        lane = jnp.searchsorted(ends, place, side="right", method="scan_unrolled")
        lane = jnp.minimum(lane, num_lanes - 1).astype(jnp.int32)
        node = tree.path_nodes[place - starts[lane] + 1, lane]
        action = choose(read(tree, node, lane))
        target = jnp.where(place < ends[-1], node, num_slots)
        best = tree.best.at[target, lane].set(action, mode="drop")
        return first + num_lanes, tree._replace(best=best)

    return jax.lax.while_loop(lambda carry: carry[0] < ends[-1], body, (jnp.int32(0), tree))[1]


def _row(store: Array, index: Array) -> Array:
    return jax.lax.dynamic_index_in_dim(store, index, axis=0, keepdims=False)


def _put(store: PyTree, index: Array, row: PyTree) -> PyTree:
    return jax.tree.map(
        lambda old, new: jax.lax.dynamic_update_index_in_dim(old, new.astype(old.dtype), index, 0),
        store,
        row,
    )
