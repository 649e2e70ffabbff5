"""Meta-policies that look at nothing: always k, k at random.

Each is a small pure function of what it sees; what is swept goes into its parameters, so
that one compiled program serves all values. Those that look at the search are in
:mod:`agents.metapolicies.rules.heuristics`.
"""

import functools

import jax
import jax.numpy as jnp

from rrplan.engine.consult import NO_DEPTH_LIMIT
from rrplan.types import Array, Control, MetaObservation, MetaPolicy, PyTree


def no_carry(batch_size: int) -> PyTree:
    """Return the carry of a meta-policy that remembers nothing."""
    del batch_size
    return ()


def order(extra_simulations: Array, carry: PyTree) -> Control:
    """Return the answer "so many more simulations, as deep as they go"."""
    return Control(
        extra_simulations=extra_simulations,
        max_depth=jnp.full_like(extra_simulations, NO_DEPTH_LIMIT),
        carry=carry,
    )


@functools.cache
def fixed() -> MetaPolicy:
    """Always ``k`` simulations. Parameters: ``k``, int32 scalar; 0 is the reactive agent."""

    def apply(k: Array, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        del keys
        return order(jnp.maximum(k - seen.simulations, 0), carry)

    return MetaPolicy(no_carry, apply, looks="never")


@functools.cache
def random_k() -> MetaPolicy:
    """A budget drawn uniformly for each decision. Parameters: the options, int32 ``[n]``."""

    def apply(options: Array, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        drawn = jax.vmap(lambda key: jax.random.choice(key, options))(keys)
        return order(jnp.where(seen.simulations == 0, drawn, 0), carry)

    return MetaPolicy(no_carry, apply, looks="once")
