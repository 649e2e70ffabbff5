"""What a trained metareasoning policy does in every belief of a table, for its exact value."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from agents.networks.prior_policy import PriorPolicy
from rrplan.capabilities import Observable, require
from rrplan.types import Array, Environment, Network, PyTree

_BATCH = 65536


def greedy_policy(
    environment: Environment,
    env_params: PyTree,
    network: Network,
    params: PyTree,
    beliefs: PyTree,
    batch_size: int = _BATCH,
) -> np.ndarray:
    """Return the likeliest legal action ``[S]`` int32 in each belief.

    The result is a policy as :func:`envs.metareasoning.exact.evaluate` and
    :func:`envs.metareasoning.exact.play` take it.

    Args:
        environment: a problem of :mod:`envs.metareasoning.mdp`, adapted.
        env_params: its parameters.
        network: the policy's.
        params: the policy's.
        beliefs: of :func:`envs.metareasoning.exact.tabulate`, ``[S, ...]``.
        batch_size: beliefs looked at together; the result does not depend on it.

    Raises:
        InputError: the environment does not tell what is seen of a state.
    """
    count = len(beliefs.time)
    size = min(batch_size, count)
    env_params = jax.tree.map(jnp.asarray, env_params)
    parts = []
    for first in range(0, count, size):
        # The last batch is filled up with repetitions, so that one program does for all.
        index = np.minimum(np.arange(first, first + size), count - 1)
        batch = jax.tree.map(lambda leaf: leaf[index], beliefs)  # noqa: B023
        parts.append(np.asarray(_choose(environment, network, env_params, params, batch)))
    return np.concatenate(parts)[:count]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _choose(
    environment: Environment, network: Network, env_params: PyTree, params: PyTree, states: PyTree
) -> Array:
    observable = require(environment, Observable)

    def look(state):
        # No problem of metareasoning draws its observations, so any key will do.
        observation = observable.observe_state(jax.random.key(0), state, env_params)
        return observation, environment.invalid_actions(state, env_params)

    observation, invalid = jax.vmap(look)(states)
    return PriorPolicy(network)(params, states, observation, invalid)
