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


def order(extra_simulations: Array, carry: PyTree, depth: Array | int = 0) -> Control:
    """Return the answer "so many more simulations, none deeper than this".

    Args:
        extra_simulations: ``[B]`` int32.
        carry: ``[B, ...]``.
        depth: limit of depth, int32 scalar or ``[B]``; 0 for none.
    """
    return Control(
        extra_simulations=extra_simulations,
        max_depth=jnp.broadcast_to(to_limit(depth), extra_simulations.shape),
        carry=carry,
    )


def to_limit(depth: Array | int) -> Array:
    """Return a depth as the engine takes it, int32: where it is 0 there is no limit."""
    depth = jnp.asarray(depth, jnp.int32)
    return jnp.where(depth == 0, NO_DEPTH_LIMIT, depth)


@functools.cache
def fixed() -> MetaPolicy:
    """Always ``k`` simulations, none deeper than a limit if one is given.

    Parameters: ``k``, int32 scalar; 0 is the reactive agent. Or ``(k, depth)``, where a depth of 0
    is no limit.
    """

    def apply(
        params: Array | tuple[Array, Array], keys: Array, carry: PyTree, seen: MetaObservation
    ) -> Control:
        del keys
        k, depth = params if isinstance(params, tuple) else (params, 0)
        return order(jnp.maximum(k - seen.simulations, 0), carry, depth)

    return MetaPolicy(no_carry, apply, looks="never")


@functools.cache
def random_k() -> MetaPolicy:
    """A budget drawn uniformly for each decision. Parameters: the options, int32 ``[n]``."""

    def apply(options: Array, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        drawn = jax.vmap(lambda key: jax.random.choice(key, options))(keys)
        return order(jnp.where(seen.simulations == 0, drawn, 0), carry)

    return MetaPolicy(no_carry, apply, looks="once")
