"""Random play: what an agent that knows nothing earns."""

import jax
import jax.numpy as jnp

import rrplan
from rrplan.logits import mask_logits
from rrplan.types import Array, Environment, PyTree


def random_returns(
    environment: Environment, env_params: PyTree, key: Array, episodes: int
) -> Array:
    """Return what legal actions drawn at random earn in whole episodes, ``[E]``.

    Args:
        environment: any, adapted.
        env_params: its parameters.
        key: scalar key; other agents meet the same episodes with it.
        episodes: ``E``.
    """
    return rrplan.rollout_searching(
        environment, env_params, _act, (), key=key, episodes=episodes
    ).untimed_return


def _act(
    params: PyTree, keys: Array, state: PyTree, observation: PyTree, invalid_actions: Array
) -> rrplan.Thought:
    del params, state, observation
    logits = mask_logits(jnp.zeros(invalid_actions.shape), invalid_actions)
    action = jax.vmap(jax.random.categorical)(keys, logits).astype(jnp.int32)
    none = jnp.zeros_like(action)
    return rrplan.Thought(action, none, none)
