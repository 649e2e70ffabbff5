"""A store of slots as an ``mctx.Tree``, so that mctx's own functions work on it."""

import jax
import jax.numpy as jnp
import mctx

from rrplan.search import trees
from rrplan.types import Array


def as_mctx_tree(tree: trees.Tree, root_invalid_actions: Array) -> mctx.Tree:
    """Return a store whose roots are all in slot 0 as an ``mctx.Tree``; nodes are slots.

    A simulation that met a node again leaves its slot unreferenced.
    """
    num_slots, num_lanes, _ = tree.children.shape
    slots, lanes, actions = jnp.indices(tree.children.shape)
    linked = tree.children != trees.UNVISITED
    child = jnp.where(linked, tree.children, num_slots)
    nowhere = jnp.full((num_slots, num_lanes), mctx.Tree.NO_PARENT, jnp.int32)

    def of_edge(per_node):
        return jnp.where(linked, per_node[jnp.where(linked, child, 0), lanes], 0)

    fields = {
        "node_visits": tree.node_visits,
        "raw_values": tree.raw_values,
        "node_values": tree.node_values,
        "parents": nowhere.at[child, lanes].set(slots, mode="drop"),
        "action_from_parent": nowhere.at[child, lanes].set(actions, mode="drop"),
        "children_index": tree.children,
        "children_prior_logits": tree.prior_logits,
        "children_visits": tree.visit_counts,
        "children_rewards": of_edge(tree.rewards),
        "children_discounts": of_edge(tree.discounts),
        "children_values": of_edge(tree.node_values),
        "embeddings": tree.states,
    }
    return mctx.Tree(
        **jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), fields),
        root_invalid_actions=root_invalid_actions,
        extra_data=(),
    )
