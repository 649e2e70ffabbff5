"""PUCT search that can be interrupted: begin, run a while, look, run on.

``step`` a while with a budget for every lane, look at ``summary`` or ``roots``, and ``step`` on:
running a simulations and then b is running a + b. :func:`rrplan.muzero_policy` is one ``init`` and
one ``step``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx

from rrplan.logits import mask_logits
from rrplan.search import action_selection, qtransforms, requests, shapes, trees
from rrplan.types import Array, PyTree


class State(NamedTuple):
    """Searches of all lanes, each with its root in slot 0."""

    tree: trees.Tree
    used: Array  # [] int32, slots in use after the root's, the same for all lanes
    invalid_actions: Array  # [B, A] bool, at the root
    levels: Array  # [B] int32, edges that the simulations went down, over all of them


class Summary(NamedTuple):
    """What the roots have found, with the names of mctx's summary."""

    visit_counts: Array  # [B, A] int32
    visit_probs: Array  # [B, A], uniform before the first simulation, as in mctx
    value: Array  # [B], mean over the network's value and the simulations
    qvalues: Array  # [B, A], 0 where unvisited


class Rules(NamedTuple):
    """Which action a simulation tries next."""

    below: trees.Choose
    at_root: trees.Choose


def init(
    root: mctx.RootFnOutput, *, max_simulations: int, invalid_actions: Array | None = None
) -> State:
    """Return searches that have looked at nothing but their roots.

    Args:
        root: ``prior_logits [B, A]``, ``value [B]``, ``embedding [B, ...]``.
        max_simulations: static; room for so many. Each ``step`` takes as many as its largest
            budget, because all lanes share slots.
        invalid_actions: ``[B, A]``, 1 where illegal at the root.

    Raises:
        InputError: a shape or ``max_simulations`` is wrong.
    """
    invalid = requests.check_root(root, invalid_actions)
    requests.check_room(max_simulations)
    none = jnp.zeros(root.value.shape, jnp.int32)
    node = trees.Node(
        state=root.embedding,
        prior_logits=mask_logits(root.prior_logits, invalid),
        value=root.value,
        reward=none * 0.0,
        discount=none + 1.0,
    )
    tree = trees.allocate(max_simulations + 1, node)
    # What to take from a root is worked out at each simulation: this choice is never read.
    return State(trees.write(tree, jnp.int32(0), node, _likeliest), jnp.int32(0), invalid, none)


def step(
    state: State,
    params: PyTree,
    rng_key: Array,
    recurrent_fn: mctx.RecurrentFn,
    num_simulations: int | Array,
    *,
    max_depth: int | Array | None = None,
    loop_fn: mctx.LoopFn = jax.lax.fori_loop,
    qtransform: qtransforms.QTransform = mctx.qtransform_by_parent_and_siblings,
    pb_c_init: Array | float = 1.25,
    pb_c_base: Array | float = 19652,
) -> State:
    """Run some more simulations of each lane.

    Running a and then b is running a + b to the bit. For a stochastic ``recurrent_fn`` that takes
    the same ``rng_key`` in every call and equal budgets of all lanes, as it has one key for all.

    Args:
        state: of :func:`init` or an earlier ``step``.
        params: passed on to ``recurrent_fn``.
        rng_key: folded with the number of the simulation.
        recurrent_fn: ``(params, rng_key, action [B], embedding) -> (RecurrentFnOutput,
            embedding)``.
        num_simulations: how many more, an int for all lanes or an int array ``[B]``. Where it is
            traced, negative ones count as 0 and what exceeds the room left is not run.
        max_depth: longest path from the root, an int or int array ``[B]``; None: unlimited.
        loop_fn: runs the simulations, like ``jax.lax.fori_loop``.
        qtransform: mctx's, or any ``(tree, node_index) -> [A]``, shown one node as a tree.
        pb_c_init: ``c_1`` in the PUCT formula.
        pb_c_base: ``c_2`` in the PUCT formula.

    Raises:
        InputError: a budget is negative, misshapen, no integer, or above the room left; the
            ``recurrent_fn`` raises something, or returns anything but what is asked of it.

    Source: Schrittwieser et al. 2020 (MuZero), appendix B.
    """
    rules = puct_rules(state.invalid_actions, pb_c_init, pb_c_base, qtransform)
    return advance(state, params, rng_key, recurrent_fn, num_simulations, rules, max_depth, loop_fn)


def summary(state: State) -> Summary:
    """Return what the roots have found, as ``mctx.Tree.summary`` does."""
    rows = roots(state)
    visits = rows.visit_counts
    total = visits.sum(-1, keepdims=True)
    share = visits / jnp.maximum(total, 1)
    return Summary(
        visit_counts=visits,
        visit_probs=jnp.where(total > 0, share, 1 / visits.shape[-1]),
        value=rows.node_value,
        qvalues=rows.qvalues,
    )


def roots(state: State) -> trees.Rows:
    """Return the root of each lane, with all that a rule of acting looks at."""
    return trees.read(state.tree, jnp.zeros(state.invalid_actions.shape[0], jnp.int32))


def puct_rules(
    invalid_actions: Array,
    pb_c_init: Array | float,
    pb_c_base: Array | float,
    qtransform: qtransforms.QTransform = mctx.qtransform_by_parent_and_siblings,
) -> Rules:
    """Return PUCT's choice, at the root among the legal actions. Ties go to the prior."""
    value_score = qtransforms.for_rows(qtransform)

    def score(rows):
        return action_selection.puct(
            rows, c_init=pb_c_init, c_base=pb_c_base, qtransform=value_score
        )

    def choose(rows):
        return trees.argmax_by_prior(score(rows), rows.prior_probs)

    def choose_at_root(rows):
        scores = jnp.where(invalid_actions, -jnp.inf, score(rows))
        return trees.argmax_by_prior(scores, rows.prior_logits)

    return Rules(choose, choose_at_root)


def advance(
    state: State,
    params: PyTree,
    rng_key: Array,
    recurrent_fn: mctx.RecurrentFn,
    num_simulations: int | Array,
    rules: Rules,
    max_depth: int | Array | None = None,
    loop_fn: mctx.LoopFn = jax.lax.fori_loop,
) -> State:
    """Run some more simulations by any rules; arguments as those of :func:`step`."""
    num_slots, num_lanes = state.tree.node_visits.shape
    budget = requests.check_more(num_simulations, state.used, num_slots - 1, num_lanes)
    depth = requests.check_depth(max_depth, num_slots, num_lanes)
    embedding = jax.tree.map(lambda store: store[0], state.tree.states)
    num_actions = state.invalid_actions.shape[1]
    shapes.check_recurrent_fn(recurrent_fn, params, rng_key, embedding, num_lanes, num_actions)
    none = jnp.zeros(num_lanes, jnp.int32)

    def simulate(index, carry):
        tree, levels = carry
        slot = jnp.int32(state.used + 1 + index)
        root_action = rules.at_root(trees.read(tree, none))
        tree, path = trees.descend(tree, none, root_action, depth, index < budget)
        output, embedding = recurrent_fn(
            params,
            jax.random.fold_in(rng_key, slot),
            path.action,
            trees.read_states(tree, path.parent),
        )
        node = trees.Node(
            embedding, output.prior_logits, output.value, output.reward, output.discount
        )
        tree = trees.write(tree, slot, node, rules.below, path)
        return trees.backup(tree, slot, path, rules.below), levels + path.depth

    if num_slots == 1:
        return state
    ticks = budget.max()
    tree, levels = loop_fn(0, ticks, simulate, (state.tree, state.levels))
    return state._replace(tree=tree, used=jnp.int32(state.used + ticks), levels=levels)


def _likeliest(rows: trees.Rows) -> Array:
    return jnp.argmax(rows.prior_logits, axis=-1).astype(jnp.int32)
