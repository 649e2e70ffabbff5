"""Rollouts of a policy of one's own, on the episodes that an agent meets too.

A plain policy does not search. A searching one also tells what it spent, which is charged.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rrplan import keys
from rrplan.capabilities import Priced, offers, require
from rrplan.costs import Costs, Counts, add_weighted, charge
from rrplan.engine import validation
from rrplan.types import Array, Environment, Episodes, PyTree

Policy = Callable[[PyTree, PyTree, PyTree, Array], Array]
"""``(params, state [B, ...], observation [B, ...], invalid_actions [B, A]) -> action [B]``"""


class Thought(NamedTuple):
    """What a searching policy answers for one decision of each lane."""

    action: Array  # [B] int32
    simulations: Array  # [B] int32
    levels: Array  # [B] int32, edges that these went down, over all of them


SearchingPolicy = Callable[[PyTree, Array, PyTree, PyTree, Array], Thought]
"""``(params, keys [B], state, observation, invalid_actions) -> Thought``, else as :data:`Policy`.

The keys belong to the episode and the decision. They are of the search's domain: what is drawn from
them tells nothing of the real step.
"""


def rollout(
    environment: Environment,
    env_params: PyTree,
    policy: Policy,
    policy_params: PyTree,
    *,
    key: Array,
    episodes: int | Array,
) -> Episodes:
    """Run every episode to its end under a batched policy, all of them side by side.

    First states and real steps are drawn as in :func:`rrplan.evaluate`, so that with the
    same ``key`` and ids both meet the same instances.

    Args:
        environment: static.
        env_params: traced.
        policy: static; sees the state, so that a hand-made rule can act on it.
        policy_params: pytree of arrays.
        key: scalar key.
        episodes: a number ``E``, or int ids ``[E]``.

    Returns:
        :class:`Episodes` with no simulations and no cost, arrays ``[E]``.
    """
    ids = jnp.arange(episodes) if jnp.ndim(episodes) == 0 else jnp.asarray(episodes)
    env_params = jax.tree.map(jnp.asarray, env_params)
    sums = _rollout(environment, policy, False, env_params, policy_params, key, ids)
    none = jnp.zeros_like(sums.length)
    total = sums.total
    return Episodes(total, total, jnp.zeros_like(total), none, sums.length, looks=none, levels=none)


def rollout_searching(
    environment: Environment,
    env_params: PyTree,
    policy: SearchingPolicy,
    policy_params: PyTree,
    *,
    key: Array,
    episodes: int | Array,
    costs: Costs = Costs(),  # noqa: B008 - an immutable record of numbers
    num_lanes: int = 256,
) -> Episodes:
    """Run every episode to its end under a policy that searches by itself, and charge it.

    It meets the same episodes as :func:`rollout`.

    Args:
        environment: static.
        env_params: traced.
        policy: static.
        policy_params: pytree of arrays.
        key: scalar key.
        episodes: a number ``E``, or int ids ``[E]``.
        costs: prices, rates and fees; cap and budget are not looked at.
        num_lanes: episodes side by side; those of one block end before the next begins.

    Returns:
        :class:`Episodes` with the simulations and levels that the policy told, and no looks;
        arrays ``[E]``.

    Raises:
        InputError: for bad ids, costs or numbers of lanes.
    """
    ids, prices = validation.check_request(episodes, costs, num_lanes, 0, 0)
    env_params = jax.tree.map(jnp.asarray, env_params)
    lanes = min(num_lanes, len(ids))
    # Whole blocks, so that one program serves all: the last is filled with its last episode.
    blocks = np.pad(ids, (0, -len(ids) % lanes), mode="edge").reshape(-1, lanes)
    found = [
        _rollout(environment, policy, True, env_params, policy_params, key, jnp.asarray(block))
        for block in blocks
    ]
    sums = jax.tree.map(lambda *parts: jnp.concatenate(parts)[: len(ids)], *found)
    counts = Counts(sums.simulations, 0, sums.length, sums.levels)
    cost = charge(costs._replace(price=prices), counts, sums.weighted)
    return Episodes(
        untimed_return=sums.total,
        timed_return=sums.total - cost,
        cost=cost,
        simulations=sums.simulations,
        length=sums.length,
        looks=jnp.zeros_like(sums.length),
        levels=sums.levels,
        weighted=sums.weighted,
    )


class _Sums(NamedTuple):
    """Of the lanes' episodes so far, ``[B]`` each."""

    total: Array  # float32
    length: Array
    simulations: Array
    levels: Array
    weighted: Counts | None  # float32 each, where the price depends on the situation


@functools.partial(jax.jit, static_argnames=("environment", "policy", "searches"))
def _rollout(environment, policy, searches, env_params, policy_params, key, ids) -> _Sums:
    over_env = jax.vmap(environment.invalid_actions, (0, None))
    step = jax.vmap(environment.step, (0, 0, 0, None))
    none = jnp.zeros(ids.shape, jnp.int32)

    def think(state, observation, length) -> Thought:
        seen = state, observation, over_env(state, env_params)
        if not searches:
            return Thought(policy(policy_params, *seen), none, none)
        search_keys = keys.draw(key, ids, keys.Domain.SEARCH, length)
        return policy(policy_params, search_keys, *seen)

    def weigh_in(weighted, spent: Counts, state) -> Counts | None:
        if weighted is None:
            return None
        factor = jax.vmap(require(environment, Priced).price_factor, (0, None))(state, env_params)
        return add_weighted(weighted, spent, factor)

    def body(carry):
        state, observation, done, sums = carry
        thought = think(state, observation, sums.length)
        step_keys = keys.draw(key, ids, keys.Domain.STEP, sums.length, none)
        transition = step(step_keys, state, thought.action, env_params)
        spent = Counts(
            simulations=jnp.where(done, 0, thought.simulations),
            looks=none,
            decisions=(~done).astype(jnp.int32),
            levels=jnp.where(done, 0, thought.levels),
        )
        sums = _Sums(
            sums.total + jnp.where(done, 0.0, transition.reward),
            sums.length + spent.decisions,
            sums.simulations + spent.simulations,
            sums.levels + spent.levels,
            weigh_in(sums.weighted, spent, state),
        )
        done = done | transition.terminated | transition.truncated
        return transition.state, transition.observation, done, sums

    reset_keys = keys.draw(key, ids, keys.Domain.RESET)
    state, observation = jax.vmap(environment.reset, (0, None))(reset_keys, env_params)
    number = none.astype(jnp.float32)
    weighted = Counts(*[number] * 4) if offers(environment, Priced) else None
    start = _Sums(number, none, none, none, weighted)
    carry = (state, observation, none > 0, start)
    return jax.lax.while_loop(lambda carry: ~carry[2].all(), body, carry)[-1]
