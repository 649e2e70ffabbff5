"""Nodes of a trap tree: what the hash of a node's number says of it.

:mod:`envs.puzzles.tree_nodes` says how nodes are numbered.

At most nodes the regrets of actions are what they look like. At a trap the action that looks best
is in truth the worst, and every other is one place better than it looks. The edge with number
``m``, counted from the node, pays the difference. With three actions and ``m`` = 3::

                    node
                  /  |   |
    action       0   1   2
    looks       0.0 0.8 1.2     edge 1 takes these from its reward,
                 |   |   |      edge 2 pays as at any node, whichever is taken,
    edge 3 pays -1.2 0.8 0.4    looks less truth, whichever is taken.
    truth       1.2 0.0 0.8

So the look-ahead that is needed is ``m``. Let a search try all sequences of ``k`` actions. It takes
of each the rewards, and the value that its last node seems to have, which leaves out what is still
due. It finds for each action exactly its looks if ``k < m``, and exactly the truth if ``k >= m``:
on every edge below, both looks and truth have an action of regret 0, so what lies below neither
adds to a value nor takes from it. For the same reason the value of each node is known without a
search: regrets are drawn from the root down, and every return is that of the root less regrets.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax.extend.random import threefry_2x32

from rrplan.types import Array


class Node(NamedTuple):
    """What is drawn for a node. Regrets are in units of the mean regret of a wrong action.

    ``A`` is the number of actions. The regret of an action is what is lost for good by it.
    """

    looks: Array  # [A] float32, the regret of each action as it looks; the least is 0
    regrets: Array  # [A] float32, the true ones; the least is 0
    noise: Array  # [A] float32, uniform on (-1, 1)
    potential: Array  # [] float32, uniform on (-1, 1)

    @property
    def hidden(self) -> Array:
        """What each action is worth beyond its looks, ``[A]``; 0 where there is no trap."""
        return self.looks - self.regrets


def draw(
    instance: Array,
    node: Array,
    hides: Array | bool,
    *,
    branching: int,
    share: Array | float,
    spread: Array | float,
) -> Node:
    """Return what the hash of a node's number says; the same at every call.

    Args:
        instance: ``[2]`` uint32, the instance's key.
        node: ``[]`` int32, the node's number.
        hides: ``[]`` bool, whether the node may hide a trap.
        branching: number of actions.
        share: ``[]``, the probability that a node hides a trap, where it may.
        spread: ``[]``, of the regrets, in [0, 1].
    """
    bits = _hash(instance, node, branching + 1)
    high, low = ((half + 0.5) / 2**16 for half in (bits >> 16, bits & 0xFFFF))
    looks, regrets = compare(high[:branching], hides & (high[branching] < share), spread)
    return Node(looks, regrets, noise=2 * low[:branching] - 1, potential=2 * low[branching] - 1)


def _hash(instance: Array, node: Array, size: int) -> Array:
    """Return some numbers for a node, ``[size]`` uint32.

    Threefry is a counter hash (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"):
    each block of two numbers is that of the counters node and 0, 1, 2, ... under a key.
    """
    blocks = jnp.arange((size + 1) // 2, dtype=jnp.uint32)
    counters = jnp.stack([jnp.full_like(blocks, node), blocks])
    return threefry_2x32(instance, counters).ravel()[:size]


def compare(uniform: Array, trap: Array | bool, spread: Array | float) -> tuple[Array, Array]:
    """Return the regrets of a node's actions as they look, and as they are, ``[A]`` each.

    The least number marks the action that looks best. The looks of the others are independent and
    uniform on [1 - spread, 1 + spread], so their mean is 1. At a trap the action that looks best
    is in truth the worst, and every other is one place better than it looks. So traps change
    nothing in the looks, and the true regrets are those of the looks in another order.

    Args:
        uniform: ``[A]`` independent numbers uniform on (0, 1).
        trap: ``[]`` bool.
        spread: ``[]``, in [0, 1].
    """
    place = jnp.arange(uniform.size)
    tie = (uniform[None] == uniform[:, None]) & (place[None] < place[:, None])
    better = (uniform[None] < uniform[:, None]) | tie  # [A, A], whether the second looks better
    best = ~better.any(axis=1)
    # Given the least of some uniform numbers, the others are uniform above it.
    least = uniform.min()
    others = 1 - spread + 2 * spread * (uniform - least) / (1 - least)
    looks = jnp.where(best, 0.0, others)
    # The next better of each action: the largest regret among those that look better.
    next_better = jnp.where(better, looks[None], 0.0).max(axis=1)
    true = jnp.where(best, looks.max(), next_better)
    return looks, jnp.where(trap, true, looks)
