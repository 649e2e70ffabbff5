"""Drop-in search policies with a budget for every lane."""

import chex
import jax
import jax.numpy as jnp
import mctx
import numpy as np

from rrplan import acting, search
from rrplan.errors import InputError
from rrplan.types import Array, PyTree


def muzero_policy(
    params: PyTree,
    rng_key: Array,
    root: mctx.RootFnOutput,
    recurrent_fn: mctx.RecurrentFn,
    num_simulations: int | Array,
    invalid_actions: Array | None = None,
    max_depth: int | Array | None = None,
    *,
    max_simulations: int | None = None,
    dirichlet_fraction: chex.Numeric = 0.25,
    dirichlet_alpha: chex.Numeric = 0.3,
    pb_c_init: chex.Numeric = 1.25,
    pb_c_base: chex.Numeric = 19652,
    temperature: chex.Numeric = 1.0,
) -> mctx.PolicyOutput:
    """Run MuZero's search; as ``mctx.muzero_policy``, with a budget for every lane.

    With a deterministic ``recurrent_fn``, equal root noise and no ties, visit counts equal
    mctx's, lane by lane for each lane's own budget. Ties are broken by prior, then index.

    Args:
        params: passed on to ``recurrent_fn``.
        rng_key: consumed.
        root: ``prior_logits [B, A]``, ``value [B]``, ``embedding [B, ...]``.
        recurrent_fn: ``(params, key, action [B], embedding) -> (RecurrentFnOutput,
            embedding)``.
        num_simulations: an int for all lanes, or int32 ``[B]``, traced. A lane with 0 acts
            on its prior.
        invalid_actions: ``[B, A]``, 1 where illegal at the root.
        max_depth: longest path from the root, an int or int32 ``[B]``; unlimited if None.
        max_simulations: static bound on the budgets; needed where they are traced.
        dirichlet_fraction: share of Dirichlet noise in the root's prior.
        dirichlet_alpha: concentration of that noise.
        pb_c_init: ``c_1`` in the PUCT formula.
        pb_c_base: ``c_2`` in the PUCT formula.
        temperature: actions are drawn in proportion to ``visit_counts ** (1 / temperature)``.

    Returns:
        ``mctx.PolicyOutput`` with ``action [B]``, ``action_weights [B, A]`` and the search
        tree as an ``mctx.Tree`` of ``max_simulations + 1`` nodes.

    Raises:
        InputError: for a budget that is negative, above ``max_simulations`` or misshapen.

    Source: Schrittwieser et al. 2020, appendix B.
    """
    num_lanes, _ = root.prior_logits.shape
    budget, max_simulations = _check_budget(num_simulations, max_simulations, num_lanes)
    depth_limit = _check_depth(max_depth, num_lanes, max_simulations)
    action_key, noise_key, search_key = jax.random.split(rng_key, 3)
    if invalid_actions is None:
        invalid_actions = jnp.zeros(root.prior_logits.shape, bool)
    invalid = jnp.asarray(invalid_actions, bool)
    probs = _add_dirichlet_noise(
        noise_key, jax.nn.softmax(root.prior_logits), dirichlet_fraction, dirichlet_alpha
    )
    prior_logits = acting.mask_logits(_log(probs), invalid)

    first = search.Node(root.embedding, prior_logits, root.value, *([jnp.zeros(num_lanes)] * 2))

    def choose(rows):
        scores = search.puct(rows, c_init=pb_c_init, c_base=pb_c_base)
        return search.argmax_by_prior(scores, rows.prior_probs)

    def choose_at_root(rows):
        scores = search.puct(rows, c_init=pb_c_init, c_base=pb_c_base)
        return search.argmax_by_prior(jnp.where(invalid, -jnp.inf, scores), rows.prior_logits)

    roots = jnp.zeros(num_lanes, jnp.int32)
    tree = search.allocate(max_simulations + 1, first)
    tree = search.write(tree, jnp.int32(0), first, choose)

    def simulate(carry):
        simulation, key, tree = carry
        key, expand_key = jax.random.split(key)
        root_action = choose_at_root(search.read(tree, roots))
        tree, path = search.descend(tree, roots, root_action, depth_limit, simulation < budget)
        output, embedding = recurrent_fn(
            params, expand_key, path.action, search.read_states(tree, path.parent)
        )
        node = search.Node(
            embedding, output.prior_logits, output.value, output.reward, output.discount
        )
        slot = simulation + 1
        tree = search.write(tree, slot, node, choose, path)
        tree = search.backup(tree, slot, path, choose)
        return slot, key, tree

    _, _, tree = jax.lax.while_loop(
        lambda carry: carry[0] < budget.max(), simulate, (jnp.int32(0), search_key, tree)
    )
    visits = tree.visit_counts[0]
    total = visits.sum(-1, keepdims=True)
    weights = jnp.where(
        total > 0, visits / jnp.maximum(total, 1), jax.nn.softmax(tree.prior_logits[0])
    )
    action = jax.random.categorical(action_key, _with_temperature(_log(weights), temperature))
    return mctx.PolicyOutput(
        action=action.astype(jnp.int32),
        action_weights=weights,
        search_tree=as_mctx_tree(tree, invalid),
    )


def as_mctx_tree(tree: search.Tree, root_invalid_actions: Array) -> mctx.Tree:
    """Return a store whose roots are all in slot 0 as an ``mctx.Tree``; nodes are slots.

    A leaf that a depth limit met again has a newer node in its place; the older one stays
    unreferenced.
    """
    num_slots, num_lanes, _ = tree.children.shape
    slots, lanes, actions = jnp.indices(tree.children.shape)
    linked = tree.children != search.UNVISITED
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


def _check_budget(
    num_simulations: int | Array, max_simulations: int | None, num_lanes: int
) -> tuple[Array, int]:
    """Return budgets ``[B]`` and their static bound; check values where they are concrete."""
    traced = isinstance(num_simulations, jax.core.Tracer)
    if not traced and np.size(num_simulations) and np.min(num_simulations) < 0:
        raise InputError(f"num_simulations is {np.min(num_simulations)}: expected 0 or more")
    if max_simulations is None:
        if traced:
            raise InputError("num_simulations is traced: expected max_simulations, a static bound")
        max_simulations = int(np.max(num_simulations, initial=0))
    if not traced and np.max(num_simulations, initial=0) > max_simulations:
        raise InputError(
            f"num_simulations is {np.max(num_simulations)}: expected at most"
            f" max_simulations = {max_simulations}"
        )
    budget = jnp.asarray(num_simulations)
    if not jnp.issubdtype(budget.dtype, jnp.integer) or budget.shape not in ((), (num_lanes,)):
        raise InputError(
            f"num_simulations is {budget.dtype}{list(budget.shape)}:"
            f" expected an int or int32[{num_lanes}]"
        )
    return jnp.broadcast_to(budget.astype(jnp.int32), num_lanes), max_simulations


def _check_depth(max_depth: int | Array | None, num_lanes: int, max_simulations: int) -> Array:
    """Return depth limits ``[B]``."""
    limit = jnp.asarray(max_simulations + 1 if max_depth is None else max_depth)
    if not jnp.issubdtype(limit.dtype, jnp.integer) or limit.shape not in ((), (num_lanes,)):
        raise InputError(
            f"max_depth is {limit.dtype}{list(limit.shape)}: expected an int or int32[{num_lanes}]"
        )
    return jnp.broadcast_to(limit.astype(jnp.int32), num_lanes)


def _add_dirichlet_noise(key: Array, probs: Array, fraction, alpha) -> Array:
    """Return ``(1 - fraction) x probs + fraction x noise``, both ``[B, A]``."""
    num_lanes, num_actions = probs.shape
    noise = jax.random.dirichlet(key, jnp.full(num_actions, alpha), shape=(num_lanes,))
    return (1 - fraction) * probs + fraction * noise


def _log(probs: Array) -> Array:
    return jnp.log(jnp.maximum(probs, jnp.finfo(probs.dtype).tiny))


def _with_temperature(logits: Array, temperature) -> Array:
    logits = logits - logits.max(-1, keepdims=True)
    return logits / jnp.maximum(jnp.finfo(logits.dtype).tiny, temperature)
