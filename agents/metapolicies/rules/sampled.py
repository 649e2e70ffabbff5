"""A fixed k, after which the action is drawn from the searched policy in place of its best one."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from agents.metapolicies.rules.constant import order
from agents.metapolicies.tuning import Candidate
from rrplan.engine.consult import rows_seen
from rrplan.planner import Planner
from rrplan.search.final_action import log_policy
from rrplan.types import Array, Control, MetaObservation, MetaPolicy


class Drawn(NamedTuple):
    """The action that was drawn last, and for which decision."""

    decision: Array  # [B] int32
    action: Array  # [B] int32


@functools.cache
def sampled(acting: str, value_floor: float) -> MetaPolicy:
    """Always ``k`` simulations, and an action drawn from what the rule of acting makes of them.

    By *visits* it is drawn in proportion to them, by *completed_q* from Gumbel MuZero's improved
    policy; without simulations from the prior. It is a control: a planner that always takes its
    best action may go round in circles, which drawing leads out of. What that earns is no thinking.

    Parameters: ``k``, int32 scalar, less than the most simulations of a decision, as nobody is
    asked again after these. It looks at nothing.

    Args:
        acting: the planner's rule of acting.
        value_floor: of the planner's search, in units of the return.

    Source: Silver et al. 2017 (a temperature of 1); Danihelka et al. 2022, section 4.
    """

    def init(batch_size: int) -> Drawn:
        return Drawn(jnp.full(batch_size, -1, jnp.int32), jnp.zeros(batch_size, jnp.int32))

    def apply(k: Array, keys: Array, carry: Drawn, seen: MetaObservation) -> Control:
        del carry
        logits = log_policy(acting, value_floor, rows_seen(seen), seen.invalid_actions)
        action = jax.vmap(jax.random.categorical)(keys, logits).astype(jnp.int32)
        return order(jnp.maximum(k - seen.simulations, 0), Drawn(seen.decision, action))

    def act(carry: Drawn, decision: Array, action: Array) -> Array:
        return jnp.where(carry.decision == decision, carry.action, action)

    return MetaPolicy(init, apply, looks="never", act=act)


def candidates(planner: Planner, budgets: Sequence[int]) -> list[Candidate]:
    """Return it with every budget of the sweep but the largest, see :func:`sampled`."""
    meta_policy = sampled(planner.search.acting, planner.value_floor)
    return [
        Candidate(f"sampled-k{k}", meta_policy, k) for k in budgets if k < planner.max_simulations
    ]
