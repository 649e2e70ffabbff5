"""The schedule: one k for each index of the decision and each number of legal actions.

It looks at no search and evaluates no network, so it never pays for a look. What it can gain over
a fixed k is what is known of a decision before anything is computed.
"""

import functools

import jax.numpy as jnp

from agents.metapolicies.rules.constant import no_carry, order
from rrplan.errors import InputError
from rrplan.tracing import told
from rrplan.types import Array, Control, MetaObservation, MetaPolicy, PyTree


@functools.cache
def schedule() -> MetaPolicy:
    """Run as many simulations as a table says.

    Parameters: int32 ``[N, A + 1]``, k for each index of the decision and number of legal actions.
    Decisions later than the last row use the last row.

    Raises:
        InputError: when it is traced with a table of another width.
    """

    def apply(table: Array, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        del keys
        numbers = seen.invalid_actions.shape[-1] + 1  # of legal actions, 0 among them
        if table.shape[1:] != (numbers,):
            raise InputError(f"the schedule's table is {told(table)}: expected int32[N,{numbers}]")
        row = jnp.minimum(seen.decision, table.shape[0] - 1)
        k = table[row, (~seen.invalid_actions).sum(-1)]
        return order(jnp.maximum(k - seen.simulations, 0), carry)

    return MetaPolicy(no_carry, apply, looks="never")
