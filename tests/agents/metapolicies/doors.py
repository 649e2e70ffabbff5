"""Two decisions at which a search helps where the prior is wrong: what it is worth is known."""

import functools

import jax
import jax.numpy as jnp

import rrplan
from rrplan.planner import Planner

MISTAKE = 0.3  # what a wrong door costs
MOST = 4


class Doors:
    """Two decisions; each shows whether the prior is right. Where it is wrong, search tells."""

    num_actions = 2

    def reset(self, key, params):
        del params
        wrong = jax.random.bernoulli(key, 0.5, (3,))
        return (wrong, jnp.int32(0)), self._observe(wrong, jnp.int32(0))

    def step(self, key, state, action, params):
        del key, params
        wrong, time = state
        reward = jnp.where(action == wrong[time], 1.0, 1.0 - MISTAKE)
        following = (wrong, time + 1)
        over = time + 1 >= 2
        return rrplan.Transition(
            following, self._observe(*following), reward, over, jnp.zeros((), bool)
        )

    def enumerate_states(self, first_state, params):
        """Return the states before, between and after the two decisions."""
        del params
        wrong, _ = first_state
        return jnp.broadcast_to(wrong, (3, 3)), jnp.arange(3, dtype=jnp.int32)

    def invalid_actions(self, state, params):
        del state, params
        return jnp.zeros(2, bool)

    def _observe(self, wrong, time):
        return jnp.stack([wrong[time].astype(jnp.float32), time.astype(jnp.float32)])


def network(params, observation):
    """Always likes action 0, and expects what it earns on average in each decision left."""
    logits = jnp.broadcast_to(params, (observation.shape[0], 2))
    left = 2.0 - observation[:, 1]
    return rrplan.Evaluation(logits, (1.0 - 0.5 * MISTAKE) * left, observation)


@functools.cache
def planner():
    return Planner(
        Doors(), (), network, jnp.array([1.0, 0.0]), rrplan.Search(acting="completed_q"), MOST
    )
