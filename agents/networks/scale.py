"""How large returns are, for environments of which nothing else is known."""

import functools
import math

import jax
import jax.numpy as jnp

from agents.training.ranges import one_digit
from rrplan.logits import mask_logits
from rrplan.types import Array, Environment, PyTree

_LANES, _STEPS = 64, 100


def measure_return_scale(environment: Environment, env_params: PyTree) -> float:
    """Return the typical size of a return, from random play; the same whenever it is asked.

    It is the root mean square of what 64 episodes earn in their first 100 steps, rounded to one
    digit, and at least 1: where rewards are rare, random play says nothing of returns (*ours*).
    """
    returns = _play(environment, env_params)
    typical = float(jnp.sqrt(jnp.square(returns).mean()))
    if not 1.0 < typical < math.inf:
        return 1.0  # training refuses what is not finite
    return one_digit(typical)


@functools.partial(jax.jit, static_argnums=0)
def _play(environment: Environment, env_params: PyTree) -> Array:
    """Return what episodes of random legal actions earn, ``[B]``."""
    reset_key, run_key = jax.random.split(jax.random.key(0))
    state, _ = jax.vmap(environment.reset, (0, None))(
        jax.random.split(reset_key, _LANES), env_params
    )

    def step(carry, number):
        state, over, total = carry
        step_key, action_key = jax.random.split(jax.random.fold_in(run_key, number))
        invalid = jax.vmap(environment.invalid_actions, (0, None))(state, env_params)
        logits = mask_logits(jnp.zeros((_LANES, environment.num_actions)), invalid)
        action = jax.random.categorical(action_key, logits)
        keys = jax.random.split(step_key, _LANES)
        after = jax.vmap(environment.step, (0, 0, 0, None))(keys, state, action, env_params)
        total = total + jnp.where(over, 0.0, after.reward)
        return (after.state, over | after.terminated | after.truncated, total), None

    start = (state, jnp.zeros(_LANES, bool), jnp.zeros(_LANES))
    (_, _, total), _ = jax.lax.scan(step, start, jnp.arange(_STEPS))
    return total
