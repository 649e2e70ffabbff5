"""An environment's own greedy rule, where it has one, as a policy: it does not search."""

from dataclasses import dataclass

import jax

from rrplan.capabilities import Greedy, require
from rrplan.types import Array, Environment


@dataclass(frozen=True)
class GreedyPolicy:
    """The environment's greedy rule as a policy for :func:`rrplan.rollout`.

    A dataclass rather than a closure: equal ones share a compiled program.
    """

    environment: Environment

    def __call__(self, env_params, state, observation, invalid_actions) -> Array:
        """Return the rule's action of each lane, ``[B]`` int32."""
        greedy = require(self.environment, Greedy)
        return jax.vmap(greedy.greedy_action, in_axes=(0, None))(state, env_params)
