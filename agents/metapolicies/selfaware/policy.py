"""How the self-aware planner acts: the number of simulations whose predicted gain pays best."""

import functools

import jax.numpy as jnp

from agents.metapolicies.rules.constant import no_carry, order
from agents.metapolicies.selfaware.head import GainHead
from rrplan.types import Array, Control, MetaObservation, MetaPolicy, PyTree


@functools.cache
def self_aware(head: GainHead) -> MetaPolicy:
    """Run the ``k`` with the largest g(s, k) less the price of k simulations; none if all lose.

    Parameters: those of ``head``. It looks once a decision. A later look would see the same
    features, and from the best k on no further simulations have a gain g(s, k + j) - g(s, k) above
    their price: it could only say to act.
    """

    def apply(params: PyTree, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        del keys
        best = best_entry(head, params, seen.features, seen.price)
        return order(jnp.asarray((0, *head.menu), jnp.int32)[best], carry)

    return MetaPolicy(no_carry, apply, looks="once")


def best_entry(head: GainHead, params: PyTree, features: Array, price: Array) -> Array:
    """Return the place ``[B]`` of the k that pays best, in the menu with 0 before it.

    Args:
        head: static.
        params: of the head.
        features: ``[B, F]``.
        price: ``[B]``, of one simulation.
    """
    return jnp.argmax(jnp.pad(head.net(params, features, price), ((0, 0), (1, 0))), axis=-1)
