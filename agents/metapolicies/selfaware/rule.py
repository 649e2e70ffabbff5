"""A rule of two numbers on predicted gains: how far they are trusted, and what a search takes.

The head of the self-aware planner predicts g(s, k). It may be right about which states gain and
wrong about how much, as what a simulation gains depends on what is done later. So two numbers are
tuned on validation episodes: run the k > 0 with the largest

    a g(s, k) - c (k + b),

or none if it is not above 0. With a = 1 and b = 0 it is the self-aware agent.
"""

import functools
import itertools
from collections.abc import Iterable
from typing import NamedTuple

import jax.numpy as jnp

from agents.metapolicies.rules.constant import no_carry, order
from agents.metapolicies.selfaware.head import GainHead
from agents.metapolicies.tuning import Candidate
from rrplan.types import Array, Control, MetaObservation, MetaPolicy, PyTree

TRUSTS = (0.5, 1.0, 2.0, 4.0, 8.0)
EFFORTS = (-8.0, -2.0, 0.0, 2.0, 8.0)


class RuleParams(NamedTuple):
    """Parameters of :func:`trusting`."""

    head: PyTree  # of the head
    trust: Array | float  # a: what predicted gains are multiplied by
    effort: Array | float  # b: simulations that a search seems to take beside its own


@functools.cache
def trusting(head: GainHead) -> MetaPolicy:
    """Run the ``k`` that pays best if gains are ``trust`` times what is predicted.

    Parameters: :class:`RuleParams`. It looks once a decision.
    """

    def apply(params: RuleParams, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        del keys
        menu = jnp.asarray(head.menu)
        gains = params.trust * head(params.head, seen.features)
        left = gains - seen.price[:, None] * (menu + params.effort)
        best = jnp.argmax(jnp.pad(left, ((0, 0), (1, 0))), axis=-1)
        return order(jnp.asarray((0, *head.menu), jnp.int32)[best], carry)

    return MetaPolicy(no_carry, apply, looks="once")


def candidates(
    head: GainHead,
    params: PyTree,
    trusts: Iterable[float] = TRUSTS,
    efforts: Iterable[float] = EFFORTS,
) -> list[Candidate]:
    """Return the rule with every pair of numbers, for :func:`agents.metapolicies.tuning.tune`.

    To act at once, always, is among them: no trust at all.

    Args:
        head: static.
        params: of the head, as it was trained.
        trusts: each 0 or more.
        efforts: in simulations; a search is favoured where one is below 0.
    """
    pairs = [(0.0, 0.0), *itertools.product(trusts, efforts)]
    return [
        Candidate(
            f"self-aware-trust{trust:g}-effort{effort:g}",
            trusting(head),
            RuleParams(params, trust, effort),
        )
        for trust, effort in pairs
    ]
