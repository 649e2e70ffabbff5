"""A network that acts without search, on its prior alone: how trained networks are evaluated."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from rrplan.engine.rollouts import rollout
from rrplan.logits import mask_logits
from rrplan.types import Array, Environment, Network, PyTree


@dataclass(frozen=True)
class PriorPolicy:
    """Acts on the network's prior alone, k = 0; a policy for :func:`rrplan.rollout`."""

    network: Network

    def __call__(
        self, params: PyTree, state: PyTree, observation: PyTree, invalid_actions: Array
    ) -> Array:
        """Return the likeliest legal action of each lane, ``[B]`` int32."""
        del state
        logits = self.network(params, observation).prior_logits
        return jnp.argmax(mask_logits(logits, invalid_actions), axis=-1)


def evaluate_prior(
    environment: Environment,
    env_params: PyTree,
    network: Network,
    params: PyTree,
    *,
    seed: int,
    episodes: int,
) -> Array:
    """Return the returns ``[E]`` of episodes in which the likeliest legal action is taken."""
    return rollout(
        environment,
        env_params,
        PriorPolicy(network),
        params,
        key=jax.random.key(seed),
        episodes=episodes,
    ).untimed_return
