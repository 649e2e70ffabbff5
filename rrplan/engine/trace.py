"""What happened decision by decision: written down as lanes act, for the first N of an episode."""

import jax
import jax.numpy as jnp
import numpy as np

from rrplan.engine.state import EngineState
from rrplan.logits import entropy_of
from rrplan.search import trees
from rrplan.types import Array, Trace


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
    )


def record(
    lanes: EngineState, roots: trees.Rows, real: Array, action: Array, reward: Array
) -> Trace | None:
    """Write down the decisions that end in this tick; ``lanes`` are as they were before it.

    Looks and levels are written as the episode's sums so far: :func:`finish` takes the differences.
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
    )
    # Decisions beyond the last column are out of range too, and dropped.
    place = jnp.where(real, lanes.place, lanes.trace.valid.shape[0])
    return jax.tree.map(
        lambda store, new: store.at[place, lanes.sums.length].set(new, mode="drop"),
        lanes.trace,
        row,
    )


def finish(trace: Trace | None) -> Trace | None:
    """Return a trace ``[E, N]`` whose looks and levels are those of each decision."""
    if trace is None:
        return None

    def of_decision(sums: Array) -> np.ndarray:
        return np.where(trace.valid, np.diff(np.asarray(sums), axis=1, prepend=0), 0)

    return trace._replace(looks=of_decision(trace.looks), levels=of_decision(trace.levels))
