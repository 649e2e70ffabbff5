"""Drop-in search policies with a budget for every lane."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import mctx
import numpy as np

from rrplan import acting, qtransforms, search, selection
from rrplan.errors import InputError
from rrplan.mctx_trees import as_mctx_tree
from rrplan.requests import Request, check, check_recurrent_fn
from rrplan.types import Array, PyTree


def muzero_policy(
    params: PyTree,
    rng_key: Array,
    root: mctx.RootFnOutput,
    recurrent_fn: mctx.RecurrentFn,
    num_simulations: int | Array,
    invalid_actions: Array | None = None,
    max_depth: int | Array | None = None,
    loop_fn: mctx.LoopFn = jax.lax.fori_loop,
    *,
    max_simulations: int | None = None,
    qtransform: qtransforms.QTransform = mctx.qtransform_by_parent_and_siblings,
    dirichlet_fraction: chex.Numeric = 0.25,
    dirichlet_alpha: chex.Numeric = 0.3,
    pb_c_init: chex.Numeric = 1.25,
    pb_c_base: chex.Numeric = 19652,
    temperature: chex.Numeric = 1.0,
) -> mctx.PolicyOutput:
    """Run MuZero's search: as ``mctx.muzero_policy``, with a budget for every lane.

    With a deterministic ``recurrent_fn``, equal root noise and no ties, visit counts equal
    mctx's, lane by lane for each lane's own budget. Ties are broken by prior, then index.
    Nothing is searched beyond an edge with discount 0, as it could change no value above.

    Args:
        params: passed on to ``recurrent_fn``.
        rng_key: consumed.
        root: ``prior_logits [B, A]``, ``value [B]``, ``embedding [B, ...]``.
        recurrent_fn: ``(params, rng_key, action [B], embedding) -> (RecurrentFnOutput,
            embedding)``.
        num_simulations: an int for all lanes, or an int array ``[B]``, which may be traced.
            A lane with 0 acts on its prior.
        invalid_actions: ``[B, A]``, 1 where illegal at the root.
        max_depth: longest path from the root, an int or int array ``[B]``; None: unlimited.
        loop_fn: runs the simulations, like ``jax.lax.fori_loop``.
        max_simulations: static bound on the budgets; needed where they are traced.
        qtransform: mctx's, or any ``(tree, node_index) -> [A]``, shown one node as a tree.
        dirichlet_fraction: share of Dirichlet noise in the root's prior.
        dirichlet_alpha: concentration of that noise.
        pb_c_init: ``c_1`` in the PUCT formula.
        pb_c_base: ``c_2`` in the PUCT formula.
        temperature: actions are drawn in proportion to ``visit_counts ** (1 / temperature)``.

    Returns:
        ``mctx.PolicyOutput`` with ``action [B]``, ``action_weights [B, A]`` and the search
        tree as an ``mctx.Tree`` of ``max_simulations + 1`` nodes.

    Raises:
        InputError: a budget is negative, above ``max_simulations``, misshapen or no integer;
            the ``recurrent_fn`` returns a wrong shape.

    Source: Schrittwieser et al. 2020, appendix B.
    """
    request = check(root, num_simulations, max_simulations, invalid_actions, max_depth)
    action_key, noise_key, search_key = jax.random.split(rng_key, 3)
    probs = _add_dirichlet_noise(
        noise_key, jax.nn.softmax(root.prior_logits), dirichlet_fraction, dirichlet_alpha
    )
    root = root.replace(prior_logits=acting.mask_logits(_log(probs), request.invalid_actions))
    value_score = qtransforms.for_rows(qtransform)

    def score(rows):
        return selection.puct(rows, c_init=pb_c_init, c_base=pb_c_base, qtransform=value_score)

    def choose(rows):
        return search.argmax_by_prior(score(rows), rows.prior_probs)

    def choose_at_root(rows):
        scores = jnp.where(request.invalid_actions, -jnp.inf, score(rows))
        return search.argmax_by_prior(scores, rows.prior_logits)

    tree = _search(params, search_key, root, recurrent_fn, request, choose, choose_at_root, loop_fn)
    visits = tree.visit_counts[0]
    total = visits.sum(-1, keepdims=True)
    weights = jnp.where(total > 0, visits / jnp.maximum(total, 1), tree.prior_probs[0])
    action = jax.random.categorical(action_key, _with_temperature(_log(weights), temperature))
    return mctx.PolicyOutput(
        action=action.astype(jnp.int32),
        action_weights=weights,
        search_tree=as_mctx_tree(tree, request.invalid_actions),
    )


def gumbel_muzero_policy(
    params: PyTree,
    rng_key: Array,
    root: mctx.RootFnOutput,
    recurrent_fn: mctx.RecurrentFn,
    num_simulations: int | Array,
    invalid_actions: Array | None = None,
    max_depth: int | Array | None = None,
    loop_fn: mctx.LoopFn = jax.lax.fori_loop,
    *,
    max_simulations: int | None = None,
    qtransform: qtransforms.QTransform = mctx.qtransform_completed_by_mix_value,
    max_num_considered_actions: int = 16,
    gumbel_scale: chex.Numeric = 1.0,
    root_gumbel: Array | None = None,
) -> mctx.PolicyOutput[mctx.GumbelMuZeroExtraData]:
    """Run Gumbel MuZero's search: as ``mctx.gumbel_muzero_policy``, with a budget for every lane.

    Sequential halving depends on the total, so each lane's budget is fixed at the start. With
    the same ``rng_key`` the noise is mctx's.

    Args:
        params: passed on to ``recurrent_fn``.
        rng_key: consumed.
        root: as for :func:`muzero_policy`.
        recurrent_fn: as for :func:`muzero_policy`.
        num_simulations: as for :func:`muzero_policy`. A lane with 0 draws from its prior.
        invalid_actions: ``[B, A]``, 1 where illegal at the root.
        max_depth: longest path from the root, an int or int array ``[B]``; None: unlimited.
        loop_fn: runs the simulations, like ``jax.lax.fori_loop``.
        max_simulations: static bound on the budgets; needed where they are traced.
        qtransform: as for :func:`muzero_policy`.
        max_num_considered_actions: actions that halving starts from, at most.
        gumbel_scale: scale of the root's noise; 0 for a deterministic choice.
        root_gumbel: ``[B, A]`` noise to use instead (already scaled).

    Returns:
        ``mctx.PolicyOutput``; ``action_weights`` is the improved policy ``[B, A]``, and the tree's
        ``extra_data.root_gumbel`` the noise.

    Raises:
        InputError: as for :func:`muzero_policy`.

    Source: Danihelka et al. 2022, "Policy improvement by planning with Gumbel".
    """
    request = check(root, num_simulations, max_simulations, invalid_actions, max_depth)
    if max_num_considered_actions < 1:
        raise InputError(
            f"max_num_considered_actions is {max_num_considered_actions}: expected 1 or more"
        )
    root = root.replace(prior_logits=acting.mask_logits(root.prior_logits, request.invalid_actions))
    search_key, noise_key = jax.random.split(rng_key)
    if root_gumbel is None:
        noise = jax.random.gumbel(noise_key, root.prior_logits.shape, root.prior_logits.dtype)
        root_gumbel = gumbel_scale * noise
    value_score = qtransforms.for_rows(qtransform)
    whose_turn = _halving_plan(request, num_simulations, max_num_considered_actions)

    def choose(rows):
        return selection.improve(rows, value_score)

    def choose_considered(rows, considered_visits):
        scores = selection.score_considered(rows, root_gumbel, considered_visits, value_score(rows))
        scores = jnp.where(request.invalid_actions, -jnp.inf, scores)
        return jnp.argmax(scores, axis=-1).astype(jnp.int32)

    def choose_at_root(rows):
        return choose_considered(rows, whose_turn(rows.visit_counts.sum(-1)))

    tree = _search(params, search_key, root, recurrent_fn, request, choose, choose_at_root, loop_fn)
    roots = search.read(tree, jnp.zeros(request.budget.shape, jnp.int32))
    improved = roots.prior_logits + value_score(roots)
    return mctx.PolicyOutput(
        action=choose_considered(roots, roots.visit_counts.max(-1)),
        action_weights=jax.nn.softmax(acting.mask_logits(improved, request.invalid_actions)),
        search_tree=as_mctx_tree(tree, request.invalid_actions).replace(
            extra_data=mctx.GumbelMuZeroExtraData(root_gumbel=root_gumbel)
        ),
    )


def _search(
    params: PyTree,
    key: Array,
    root: mctx.RootFnOutput,
    recurrent_fn: mctx.RecurrentFn,
    request: Request,
    choose: search.Choose,
    choose_at_root: search.Choose,
    loop_fn: mctx.LoopFn,
) -> search.Tree:
    """Run every lane's simulations from slot 0; simulation i goes to slot i + 1."""
    num_lanes, _ = root.prior_logits.shape
    check_recurrent_fn(recurrent_fn, params, key, root)
    none = jnp.zeros(num_lanes, jnp.int32)
    first = search.Node(
        root.embedding, root.prior_logits, root.value, reward=none * 0.0, discount=none + 1.0
    )
    tree = search.allocate(request.max_simulations + 1, first)
    tree = search.write(tree, jnp.int32(0), first, choose)

    def simulate(simulation, carry):
        key, tree = carry
        key, expand_key = jax.random.split(key)
        root_action = choose_at_root(search.read(tree, none))
        tree, path = search.descend(
            tree, none, root_action, request.max_depth, simulation < request.budget
        )
        output, embedding = recurrent_fn(
            params, expand_key, path.action, search.read_states(tree, path.parent)
        )
        node = search.Node(
            embedding, output.prior_logits, output.value, output.reward, output.discount
        )
        slot = jnp.int32(simulation + 1)
        tree = search.write(tree, slot, node, choose, path)
        return key, search.backup(tree, slot, path, choose)

    if request.max_simulations == 0:
        return tree
    return loop_fn(0, request.budget.max(), simulate, (key, tree))[1]


def _halving_plan(
    request: Request, num_simulations: int | Array, max_considered: int
) -> Callable[[Array], Array]:
    """Return ``simulation [B] -> visits [B]`` that an action must have to be tried by it."""
    if isinstance(num_simulations, jax.core.Tracer):
        budgets = tuple(range(request.max_simulations + 1))
    else:
        budgets = tuple(np.unique(np.asarray(num_simulations)).tolist())
    table = jnp.asarray(selection.halving_table(max_considered, budgets))
    plan = jnp.searchsorted(jnp.asarray(budgets), request.budget)
    num_valid = (~request.invalid_actions).sum(-1)
    considered = jnp.minimum(max_considered, num_valid)
    return lambda simulation: table[plan, considered, simulation]


def _add_dirichlet_noise(
    key: Array, probs: Array, fraction: chex.Numeric, alpha: chex.Numeric
) -> Array:
    """Return ``(1 - fraction) x probs + fraction x noise``, ``[B, A]``."""
    if isinstance(fraction, int | float) and fraction == 0:
        return probs  # sampling from a Dirichlet distribution takes as long as a few simulations
    num_lanes, num_actions = probs.shape
    noise = jax.random.dirichlet(key, jnp.full(num_actions, alpha), shape=(num_lanes,))
    return (1 - fraction) * probs + fraction * noise


def _log(probs: Array) -> Array:
    return jnp.log(jnp.maximum(probs, jnp.finfo(probs.dtype).tiny))


def _with_temperature(logits: Array, temperature: chex.Numeric) -> Array:
    logits = logits - logits.max(-1, keepdims=True)
    return logits / jnp.maximum(jnp.finfo(logits.dtype).tiny, temperature)
