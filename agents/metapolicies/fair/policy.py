"""A fitted fair rule as a meta-policy."""

import functools

import jax.numpy as jnp

from agents.metapolicies.fair.network import GainNetwork
from agents.metapolicies.rules import constant
from rrplan.types import Array, Control, MetaObservation, MetaPolicy, PyTree


@functools.cache
def rule(network: GainNetwork) -> MetaPolicy:
    """Search on where that promises a gain, until the k of which most is promised; else act.

    It looks again there. Parameters: those of ``network``.
    """

    def apply(params: PyTree, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        del keys
        targets = jnp.asarray(network.ks[1:], jnp.int32)
        more = targets - seen.simulations[:, None]
        gains = jnp.where(more > 0, network(params, network.show(seen)), -jnp.inf)
        best = jnp.argmax(gains, axis=1)[:, None]
        gain, extra = (jnp.take_along_axis(of, best, axis=1)[:, 0] for of in (gains, more))
        return constant.order(jnp.where(gain > 0.0, extra, 0), carry)

    return MetaPolicy(constant.no_carry, apply)
