"""Plain rollouts of a policy that does not search, on the episodes an agent meets too."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from rrplan import keys
from rrplan.types import Array, Environment, Episodes, PyTree

Policy = Callable[[PyTree, PyTree, PyTree, Array], Array]
"""``(params, state [B, ...], observation [B, ...], invalid_actions [B, A]) -> action [B]``"""


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
    total, length = _rollout(environment, policy, env_params, policy_params, key, ids)
    none = jnp.zeros_like(length)
    return Episodes(total, total, jnp.zeros_like(total), none, length, looks=none, levels=none)


@functools.partial(jax.jit, static_argnames=("environment", "policy"))
def _rollout(environment, policy, env_params, policy_params, key, ids):
    over_env = jax.vmap(environment.invalid_actions, (0, None))
    step = jax.vmap(environment.step, (0, 0, 0, None))

    def body(carry):
        state, observation, done, total, length = carry
        action = policy(policy_params, state, observation, over_env(state, env_params))
        step_keys = keys.draw(key, ids, keys.Domain.STEP, length, jnp.zeros_like(length))
        transition = step(step_keys, state, action, env_params)
        total = total + jnp.where(done, 0.0, transition.reward)
        length = length + ~done
        done = done | transition.terminated | transition.truncated
        return transition.state, transition.observation, done, total, length

    reset_keys = keys.draw(key, ids, keys.Domain.RESET)
    state, observation = jax.vmap(environment.reset, (0, None))(reset_keys, env_params)
    none = jnp.zeros(ids.shape, jnp.int32)
    carry = (state, observation, none > 0, none.astype(jnp.float32), none)
    *_, total, length = jax.lax.while_loop(lambda carry: ~carry[2].all(), body, carry)
    return total, length
