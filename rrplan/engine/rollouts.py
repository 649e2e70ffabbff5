"""Rollouts of a policy of one's own, on the episodes that an agent meets too.

A plain policy does not search. A searching one also tells what it spent, which is charged.
"""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rrplan import keys
from rrplan.capabilities import Priced, name_of, offers, require
from rrplan.costs import Costs, Counts, add_weighted, charge
from rrplan.engine import parts, validation
from rrplan.errors import InputError
from rrplan.types import Array, Environment, Episodes, PyTree

MOST_STEPS = 100_000
"""Steps after which an episode is taken to have no end."""

_FIRST_CHUNK = 64  # steps of the first call
_SECONDS_PER_CALL = 0.5  # for Ctrl-C

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
    most_steps: int = MOST_STEPS,
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
        most_steps: after which an episode is taken to have no end.

    Returns:
        :class:`Episodes` with no simulations and no cost, arrays ``[E]``.

    Raises:
        InputError: for a bad key, bad ids or steps; for an environment or a policy that is broken;
            for an environment that has not ended an episode after ``most_steps``.
    """
    ids, _ = validation.check_request(key, episodes, Costs(), 1, 0, 0)
    env_params = parts.check_environment(environment, env_params)
    rolling = _Rolling(environment, policy, False)
    _check(rolling, env_params, policy_params, key, ids, most_steps)
    sums = _roll(rolling, env_params, policy_params, key, jnp.asarray(ids), most_steps)
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
    most_steps: int = MOST_STEPS,
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
        most_steps: after which an episode is taken to have no end.

    Returns:
        :class:`Episodes` with the simulations and levels that the policy told, and no looks;
        arrays ``[E]``.

    Raises:
        InputError: for a bad key, bad ids, costs, steps or numbers of lanes; for an environment or
            a policy that is broken; for an environment that has not ended an episode after
            ``most_steps``.
    """
    ids, prices = validation.check_request(key, episodes, costs, num_lanes, 0, 0)
    env_params = parts.check_environment(environment, env_params)
    rolling = _Rolling(environment, policy, True)
    lanes = min(num_lanes, len(ids))
    _check(rolling, env_params, policy_params, key, ids[:lanes], most_steps)
    # Whole blocks, so that one program serves all: the last is filled with its last episode.
    blocks = np.pad(ids, (0, -len(ids) % lanes), mode="edge").reshape(-1, lanes)
    found = [
        _roll(rolling, env_params, policy_params, key, jnp.asarray(block), most_steps)
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


class _Rolling(NamedTuple):
    """What a compiled rollout closes over. Hashable, because ``jit`` keys on it."""

    environment: Environment
    policy: Any  # Policy or SearchingPolicy
    searches: bool


class _Lanes(NamedTuple):
    """Where the lanes' episodes stand."""

    state: PyTree  # [B, ...]
    observation: PyTree  # [B, ...]
    done: Array  # [B] bool
    sums: _Sums


def _check(
    rolling: _Rolling,
    env_params: PyTree,
    policy_params: PyTree,
    key: Array,
    ids: np.ndarray,
    most_steps: int,
) -> None:
    """Refuse a policy or a number of steps that :func:`_roll` cannot take; nothing is computed."""
    validation.check_whole("most_steps", most_steps, 1)
    parts.check_static("policy", rolling.policy)
    lanes = _begin.eval_shape(rolling, env_params, key, ids)
    over_env = jax.vmap(rolling.environment.invalid_actions, (0, None))
    invalid = jax.eval_shape(over_env, lanes.state, env_params)
    lane_keys = [jax.eval_shape(lambda: jax.random.split(key, len(ids)))] * rolling.searches
    seen = (policy_params, *lane_keys, lanes.state, lanes.observation, invalid)
    parts.check_policy(rolling.policy, seen, len(ids), Thought if rolling.searches else None)


def _roll(
    rolling: _Rolling,
    env_params: PyTree,
    policy_params: PyTree,
    key: Array,
    ids: Array,
    most_steps: int,
) -> _Sums:
    """Step all lanes until their episodes have ended; a call to the device is never long.

    Raises:
        InputError: an episode does not end.
    """
    lanes = _begin(rolling, env_params, key, ids)
    steps, chunk = 0, min(_FIRST_CHUNK, most_steps)
    while True:
        began = time.perf_counter()
        lanes = _advance(rolling, env_params, policy_params, key, ids, lanes, jnp.int32(chunk))
        steps += chunk
        going = np.flatnonzero(~np.asarray(lanes.done))  # waits
        if not going.size:
            return lanes.sums
        if steps >= most_steps:
            raise no_end(rolling.environment, int(ids[going[0]]), most_steps)
        slow = time.perf_counter() - began > _SECONDS_PER_CALL
        chunk = min(max(1, chunk // 2) if slow else 2 * chunk, most_steps - steps)


def no_end(environment: Environment, episode: int, steps: int) -> InputError:
    """Return the error for an episode that does not end."""
    return InputError(
        f"episode {episode} of {name_of(environment)} has not ended after {steps:,} steps: "
        "expected an end of every episode, such as a limit of steps"
    )


@functools.partial(jax.jit, static_argnames="rolling")
def _begin(rolling: _Rolling, env_params: PyTree, key: Array, ids: Array) -> _Lanes:
    environment = rolling.environment
    none = jnp.zeros(ids.shape, jnp.int32)
    state, observation = keys.first_states(environment, env_params, key, ids)
    number = none.astype(jnp.float32)
    weighted = Counts(*[number] * 4) if offers(environment, Priced) else None
    return _Lanes(state, observation, none > 0, _Sums(number, none, none, none, weighted))


@functools.partial(jax.jit, static_argnames="rolling")
def _advance(
    rolling: _Rolling,
    env_params: PyTree,
    policy_params: PyTree,
    key: Array,
    ids: Array,
    lanes: _Lanes,
    steps: Array,
) -> _Lanes:
    """Step on until all episodes have ended, or ``steps`` times."""
    environment, policy, searches = rolling
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

    def body(lanes: _Lanes) -> _Lanes:
        state, observation, done, sums = lanes
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
        return _Lanes(transition.state, transition.observation, done, sums)

    def go_on(carry: tuple[Array, _Lanes]) -> Array:
        return (carry[0] < steps) & ~carry[1].done.all()

    carry = (jnp.int32(0), lanes)
    return jax.lax.while_loop(go_on, lambda carry: (carry[0] + 1, body(carry[1])), carry)[1]
