"""What happened decision by decision: written down as lanes act, for the first N of an episode."""

import jax
import jax.numpy as jnp
import numpy as np

from rrplan.engine.state import EngineState
from rrplan.logits import entropy_of
from rrplan.search import trees
from rrplan.types import Array, PyTree, Trace


def blank(num_episodes: int, num_decisions: int) -> Trace | None:
    """Return a trace of nothing, ``[L, N]``; None where ``num_decisions`` is 0."""
    if not num_decisions:
        return None
    shape = (num_episodes, num_decisions)
    number, count = jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.int32)
    return Trace(
        valid=jnp.zeros(shape, bool),
        action=count,
        prior_action=count,
        reward=number,
        simulations=count,
        looks=count,
        levels=count,
        raw_value=number,
        search_value=number,
        legal_actions=count,
        prior_entropy=number,
        repeated=jnp.zeros(shape, jnp.uint32),
    )


def record(
    lanes: EngineState, roots: trees.Rows, real: Array, action: Array, reward: Array
) -> Trace | None:
    """Write down the decisions that end in this tick; ``lanes`` are as they were before it.

    Looks and levels are written as the episode's sums so far: :func:`finish` takes the differences.
    ``repeated`` holds a checksum of what was observed, until :func:`finish` compares them.
    """
    if lanes.trace is None:
        return None
    legal = ~lanes.invalid_actions
    row = Trace(
        valid=real,
        action=action,
        prior_action=jnp.argmax(jnp.where(legal, roots.prior_probs, -1.0), -1).astype(jnp.int32),
        reward=reward,
        simulations=lanes.simulations,
        looks=lanes.sums.looks,
        levels=lanes.sums.levels,
        raw_value=roots.raw_value,
        search_value=roots.node_value,
        legal_actions=legal.sum(-1, dtype=jnp.int32),
        prior_entropy=entropy_of(roots.prior_probs),
        repeated=checksum(lanes.observation),
    )
    # Decisions beyond the last column are out of range too, and dropped.
    place = jnp.where(real, lanes.place, lanes.trace.valid.shape[0])
    return jax.tree.map(
        lambda store, new: store.at[place, lanes.sums.length].set(new, mode="drop"),
        lanes.trace,
        row,
    )


def finish(trace: Trace | None) -> Trace | None:
    """Return a trace ``[E, N]`` whose looks, levels and repetitions are those of each decision."""
    if trace is None:
        return None

    def of_decision(sums: Array) -> np.ndarray:
        return np.where(trace.valid, np.diff(np.asarray(sums), axis=1, prepend=0), 0)

    return trace._replace(
        looks=of_decision(trace.looks),
        levels=of_decision(trace.levels),
        repeated=_repeated(np.asarray(trace.repeated), np.asarray(trace.valid)),
    )


def checksum(observation: PyTree) -> Array:
    """Return ``[B]`` uint32 that differ, but for one pair in four billion, where observations do.

    Args:
        observation: leaves ``[B, ...]`` of real numbers.
    """
    rows = [leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(observation)]
    numbers = jnp.concatenate([row.astype(jnp.float32) for row in rows], axis=1)
    bits = jax.lax.bitcast_convert_type(numbers + 0.0, jnp.uint32)  # -0.0 is 0.0
    # Each number is mixed with its place, then summed: order matters, and nothing depends on lanes.
    mixed = bits + jnp.arange(1, bits.shape[1] + 1, dtype=jnp.uint32) * jnp.uint32(0x9E3779B9)
    for factor, shift in ((0x85EBCA6B, 16), (0xC2B2AE35, 13), (1, 16)):
        mixed = (mixed ^ (mixed >> shift)) * jnp.uint32(factor)
    return mixed.sum(axis=1, dtype=jnp.uint32)


def _repeated(seen: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return where a checksum ``[E, N]`` stands further to the left in its row as well."""
    order = np.argsort(np.where(valid, seen, np.uint64(2**32)), axis=1, kind="stable")
    sorted_ = np.take_along_axis(seen, order, axis=1)
    again = np.zeros(seen.shape, bool)
    np.put_along_axis(again, order[:, 1:], sorted_[:, 1:] == sorted_[:, :-1], axis=1)
    return again & valid
