"""What a planner with a learned model does in every node of a graph, after each k.

The graph is the environment's: it says which states there are, and where actions lead. Each state
is searched in the learned model, as the engine searches it.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import mctx
import numpy as np

from rrplan.engine import memory
from rrplan.models import Learned, Position, Settings, call_by_lane
from rrplan.oracle.noting import Progress, note_all, note_each, take
from rrplan.oracle.state_graph import Graph, refuse
from rrplan.types import Array, PyTree


def search_imagined(
    model: Learned,
    settings: Settings,
    graph: Graph,
    states: PyTree,
    observations: PyTree,
    embedding: PyTree,
    max_simulations: int,
    depths: Sequence[int],
    batch: int,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a planner with a learned model does in every node after each k.

    As :func:`rrplan.oracle.node_search.search_nodes` returns it: actions and levels.

    Args:
        model: the engine's, static.
        settings: traced.
        graph: whose nodes these are.
        states: ``[N, ...]``.
        observations: ``[N, ...]``.
        embedding: shapes of what the model holds of one node.
        max_simulations: static, ``K``.
        depths: limits of depth, ``D`` of them.
        batch: nodes searched at a time.
        progress: called after every batch.

    Raises:
        InputError: where the trees do not fit into memory; for a model that answers otherwise
            under another key, or with what is not finite.
    """
    memory.check_fits(batch, max_simulations, graph.following.shape[1], embedding)
    everything = jax.tree.map(jnp.asarray, (states, observations))  # to the device, once

    def find(nodes: np.ndarray, depth: Array) -> tuple[Array, Array]:
        given = take(everything, nodes)
        *found, chance, finite = _search_imagined(model, settings, *given, depth, max_simulations)
        ids = graph.ids[graph.instance[nodes]]
        refuse(np.asarray(chance), ids, "the learned model answers otherwise under another key")
        message = "the learned model's output is NaN or infinite, expected finite numbers"
        refuse(~np.asarray(finite), ids, message)
        return found[0], found[1]

    return note_all(find, graph, max_simulations, depths, batch, progress)


@functools.partial(jax.jit, static_argnames=("model", "max_simulations"))
def _search_imagined(
    model: Learned,
    settings: Settings,
    state: PyTree,
    observation: PyTree,
    depth: Array,
    max_simulations: int,
) -> tuple[Array, ...]:
    """Return actions and levels ``[B, K + 1]``, where the model draws, and where it is finite."""
    batch = jax.tree.leaves(state)[0].shape[0]
    position = Position(state, jnp.zeros(batch, bool))
    keys, others = jax.random.split(settings.key, (2, batch))
    root, other = (model.root(settings, own, position, observation) for own in (keys, others))
    invalid = root.invalid_actions

    def imagine(params, key, action, embedding):
        keys = jnp.broadcast_to(key, batch)
        functions = model.functions
        output, after = call_by_lane(functions.recurrent_fn, params, keys, action, embedding)
        lowest = jnp.finfo(output.prior_logits.dtype).min  # as in the engine
        return output.replace(prior_logits=jnp.maximum(output.prior_logits, lowest)), after

    # Whether it draws is seen at one action, and whether it is finite.
    likely = jnp.argmax(root.prior_logits, axis=-1).astype(jnp.int32)
    params = settings.model_params
    tried, again = (imagine(params, own[0], likely, root.embedding) for own in (keys, others))
    same = jax.tree.map(_same, (root, tried), (other, again))
    finite = jnp.isfinite(root.value) & jnp.isfinite(root.prior_logits).all(-1)
    finite &= jnp.isfinite(tried[0].reward) & jnp.isfinite(tried[0].value)
    begun = mctx.RootFnOutput(
        prior_logits=root.prior_logits, value=root.value, embedding=root.embedding
    )
    found = note_each(begun, invalid, params, imagine, settings, depth, max_simulations)
    return *found, ~functools.reduce(jnp.logical_and, jax.tree.leaves(same)), finite


def _same(one: Array, other: Array) -> Array:
    """Return for which rows ``[B]`` two arrays ``[B, ...]`` are equal; NaN equals NaN."""
    equal = (one == other) | ((one != one) & (other != other))
    return equal.reshape(equal.shape[0], -1).all(axis=1)
