"""What a learned meta-policy is shown: the search's statistics, action by action and summed up."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from agents.metapolicies.learned.config import is_deaf
from agents.networks import flatten
from rrplan.engine.consult import rows_seen
from rrplan.logits import entropy_of
from rrplan.search import qtransforms
from rrplan.types import Array, MetaObservation

LOWEST_LOG = -10.0  # logarithms of probabilities are cut here


class Inputs(NamedTuple):
    """Numbers for a network. Columns stand in the order of the groups chosen."""

    actions: Array  # [B, A, f] float32, of each action; f may be 0
    whole: Array  # [B, g] float32, of the decision as a whole; g may be 0
    legal: Array  # [B, A] bool
    leading: Array  # [B] int32, the best action by completed Q; to a deaf one, by the prior
    simulations: Array  # [B] int32, done for this decision
    # What the value head starts from: of the search so far; to a deaf one, of the root alone.
    value: Array  # [B] float32
    held: Any = ()  # [B] int32, depth limit in force; nothing where none is held


def show(seen: MetaObservation, groups: Sequence[str], rows_are_actions: bool) -> Inputs:
    """Return what a network sees of a meta-observation.

    Args:
        seen: of ``B`` lanes.
        groups: names in :data:`agents.metapolicies.learned.config.KNOWN_GROUPS`; gains are another
            function's. Where none of them tells what the search has found, nothing else that is
            returned does.
        rows_are_actions: static; the observation is ``[B, A, ...]``, one row an action, and is
            shown action by action.
    """
    # Lanes last, as in the network: what runs over them fills the vectors of a CPU. Without the
    # barrier the compiler turns what follows back.
    observation, seen = seen.observation, seen._replace(observation=())
    seen = jax.lax.optimization_barrier(jax.tree.map(jnp.transpose, seen))
    legal, visits = ~seen.invalid_actions, seen.visit_counts
    log_prior = jax.nn.log_softmax(seen.prior_logits, axis=0)
    prior = jnp.exp(log_prior)
    # Finite, so that a lane that has no legal action, and is shown in vain, is no NaN.
    deaf = is_deaf(groups)
    scores = seen.prior_logits
    if not deaf:
        rows = rows_seen(seen, prior)
        scores = scores + qtransforms.completed_by_mix_value(rows, axis=0)
    scores = jnp.where(legal, scores, jnp.finfo(scores.dtype).min)
    leading = jnp.argmax(scores, axis=0).astype(jnp.int32)
    # Numbers of each action [A, B], and of the decision as a whole [n, B].
    actions: list[Array] = []
    whole: list[Array] = []
    if "prior" in groups:
        log_prior = jnp.maximum(log_prior, LOWEST_LOG)
        actions += [prior, log_prior]
        count = legal.sum(0)
        whole += [_entropy(prior, log_prior), _top(prior)]
        whole += [_stack(count / len(legal), jnp.log(jnp.maximum(count, 1)))]
    if "search" in groups:
        share = visits / jnp.maximum(seen.simulations, 1)
        log_improved = jnp.maximum(jax.nn.log_softmax(scores, axis=0), LOWEST_LOG)
        improved = jnp.exp(log_improved) * legal
        actions += [share, jnp.log1p(visits), improved, log_improved]
        whole += [entropy_of(share, axis=0)[None], _entropy(improved, log_improved)]
        whole += [_top(share), _top(improved)]
    if "values" in groups:
        visited = visits > 0
        gain = jnp.where(visited, seen.qvalues - seen.raw_value, 0.0)
        best = jnp.where(visited, gain, -jnp.inf).max(0)
        best = jnp.where(visited.any(0), best, 0.0)
        below_best = jnp.where(visited, gain - best, 0.0)
        actions += [gain, below_best, visited]
        whole += [_stack(seen.raw_value, seen.search_value - seen.raw_value, best)]
    if "progress" in groups:
        whole.append(_progress(seen))
    if "price" in groups:
        whole += [jnp.log(jnp.maximum(seen.price, 1e-7))[None]]
    columns = [column[None] for column in actions]
    if "features" in groups:
        whole.append(seen.features)
    if "observation" in groups:
        if rows_are_actions:
            rows_of_actions = jax.tree.leaves(observation)[0]
            columns.append(rows_of_actions.reshape(*legal.shape[::-1], -1).T)
        else:
            whole.append(flatten(observation).T)
    return Inputs(
        actions=_join(columns, legal.shape).T,
        whole=_join(whole, legal.shape[1:]).T,
        legal=legal.T,
        leading=leading,
        simulations=seen.simulations,
        value=seen.raw_value if deaf else seen.search_value,
    )


def _progress(seen: MetaObservation) -> Array:
    """Return how far decision and episode have come, ``[5, B]``."""
    # Logarithms: whether 1 or 2 simulations are done says more than whether 31 or 32 are.
    done, left = seen.simulations, jnp.minimum(seen.simulations_left, 2**20)
    numbers = _stack(done, left, done == 0, seen.decision, seen.decision)
    logged = jnp.array([True, True, False, False, True])[:, None]
    return jnp.where(logged, jnp.log1p(numbers), numbers)


def _stack(*numbers: Array) -> Array:
    """Return numbers ``[B]`` as rows: what is done to all of them is done in one piece."""
    return jnp.stack([jnp.asarray(one, jnp.float32) for one in numbers])


def _entropy(probs: Array, log_probs: Array) -> Array:
    """Return entropies ``[1, B]`` in nats, without another logarithm; where cut, of nothing."""
    return -(probs * log_probs).sum(0)[None]


def _top(probs: Array) -> Array:
    """Return the largest share and its lead over the second, ``[2, B]``; 0 of two equal ones."""

    def join(one: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[Array, Array]:
        lower = jnp.minimum(one[0], other[0])
        return jnp.maximum(one[0], other[0]), jnp.maximum(lower, jnp.maximum(one[1], other[1]))

    # In one pass, without a sort. Shares are not negative: a second that there is not is 0.
    zero = jnp.zeros((), probs.dtype)
    largest, second = jax.lax.reduce((probs, jnp.zeros_like(probs)), (zero, zero), join, (0,))
    return jnp.stack([largest, largest - second])


def _join(columns: Sequence[Array], shape: tuple[int, ...]) -> Array:
    parts = [jnp.asarray(column, jnp.float32) for column in columns]
    return jnp.concatenate([jnp.zeros((0, *shape)), *parts])
