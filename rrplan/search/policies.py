"""Drop-in search policies with a budget for every lane."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import mctx
import numpy as np
from jax.core import Tracer

from rrplan.logits import mask_logits
from rrplan.search import action_selection, anytime, qtransforms, requests
from rrplan.search.mctx_tree import as_mctx_tree
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
    dirichlet_fraction: Array | float = 0.25,
    dirichlet_alpha: Array | float = 0.3,
    pb_c_init: Array | float = 1.25,
    pb_c_base: Array | float = 19652,
    temperature: Array | float = 1.0,
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
        InputError: ``root`` is no root, or misshapen; a budget is negative, above
            ``max_simulations``, misshapen or no integer; the ``recurrent_fn`` raises something, or
            returns anything but what is asked of it.

    Source: Schrittwieser et al. 2020, appendix B.
    """
    num_lanes = len(requests.check_root(root, invalid_actions))
    most = requests.find_room(num_simulations, max_simulations, num_lanes)
    action_key, noise_key, search_key = jax.random.split(rng_key, 3)
    probs = _add_dirichlet_noise(
        noise_key, jax.nn.softmax(root.prior_logits), dirichlet_fraction, dirichlet_alpha
    )
    root = root.replace(prior_logits=_log(probs))
    state = anytime.step(
        anytime.init(root, max_simulations=most, invalid_actions=invalid_actions),
        params,
        search_key,
        recurrent_fn,
        num_simulations,
        max_depth=max_depth,
        loop_fn=loop_fn,
        qtransform=qtransform,
        pb_c_init=pb_c_init,
        pb_c_base=pb_c_base,
    )
    rows = anytime.roots(state)
    total = rows.visit_counts.sum(-1, keepdims=True)
    weights = jnp.where(total > 0, rows.visit_counts / jnp.maximum(total, 1), rows.prior_probs)
    action = jax.random.categorical(action_key, _with_temperature(_log(weights), temperature))
    return mctx.PolicyOutput(
        action=action.astype(jnp.int32),
        action_weights=weights,
        search_tree=as_mctx_tree(state.tree, state.invalid_actions),
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
    gumbel_scale: Array | float = 1.0,
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
    requests.check_considered(max_num_considered_actions)
    num_lanes = len(requests.check_root(root, invalid_actions))
    most = requests.find_room(num_simulations, max_simulations, num_lanes)
    state = anytime.init(root, max_simulations=most, invalid_actions=invalid_actions)
    invalid = state.invalid_actions
    budget = requests.check_more(num_simulations, state.used, most, len(invalid))
    search_key, noise_key = jax.random.split(rng_key)
    if root_gumbel is None:
        noise = jax.random.gumbel(noise_key, root.prior_logits.shape, root.prior_logits.dtype)
        gumbel = gumbel_scale * noise
    else:
        gumbel = requests.check_gumbel(root_gumbel, invalid.shape)
    value_score = qtransforms.for_rows(qtransform)
    largest = min(max_num_considered_actions, invalid.shape[-1])
    table = _halving_table(num_simulations, most, largest)
    considered = jnp.minimum(largest, (~invalid).sum(-1))

    def choose(rows):
        return action_selection.improve(rows, value_score)

    def choose_considered(rows, considered_visits):
        scores = action_selection.score_considered(
            rows, gumbel, considered_visits, value_score(rows)
        )
        scores = jnp.where(invalid, -jnp.inf, scores)
        return jnp.argmax(scores, axis=-1).astype(jnp.int32)

    def choose_at_root(rows):
        simulation = rows.visit_counts.sum(-1)
        return choose_considered(rows, table(budget, considered, simulation))

    rules = anytime.Rules(choose, choose_at_root)
    state = anytime.advance(
        state, params, search_key, recurrent_fn, num_simulations, rules, max_depth, loop_fn
    )
    roots = anytime.roots(state)
    improved = roots.prior_logits + value_score(roots)
    return mctx.PolicyOutput(
        action=choose_considered(roots, roots.visit_counts.max(-1)),
        action_weights=jax.nn.softmax(mask_logits(improved, invalid)),
        search_tree=as_mctx_tree(state.tree, invalid).replace(
            extra_data=mctx.GumbelMuZeroExtraData(root_gumbel=gumbel)
        ),
    )


def _halving_table(
    num_simulations: int | Array, max_simulations: int, max_considered: int
) -> Callable[[Array, Array, Array], Array]:
    """Return ``budget, considered, simulation [B] -> visits [B]`` of the actions to try."""
    if isinstance(num_simulations, Tracer):
        budgets = tuple(range(max_simulations + 1))
    else:
        budgets = tuple(np.unique(np.asarray(num_simulations)).tolist())
    table = jnp.asarray(action_selection.halving_table(max_considered, budgets))
    known = jnp.asarray(budgets)
    return lambda budget, considered, simulation: table[
        jnp.searchsorted(known, budget), considered, simulation
    ]


def _add_dirichlet_noise(
    key: Array, probs: Array, fraction: Array | float, alpha: Array | float
) -> Array:
    """Return ``(1 - fraction) x probs + fraction x noise``, ``[B, A]``."""
    if isinstance(fraction, int | float) and fraction == 0:
        return probs  # sampling from a Dirichlet distribution takes as long as a few simulations
    num_lanes, num_actions = probs.shape
    noise = jax.random.dirichlet(key, jnp.full(num_actions, alpha), shape=(num_lanes,))
    return (1 - fraction) * probs + fraction * noise


def _log(probs: Array) -> Array:
    return jnp.log(jnp.maximum(probs, jnp.finfo(probs.dtype).tiny))


def _with_temperature(logits: Array, temperature: Array | float) -> Array:
    logits = logits - logits.max(-1, keepdims=True)
    return logits / jnp.maximum(jnp.finfo(logits.dtype).tiny, temperature)
