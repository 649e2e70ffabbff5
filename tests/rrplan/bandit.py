"""One-step problems with known rewards, one a lane."""

import jax.numpy as jnp
import mctx


def make_root(prior_logits, value=0.0) -> mctx.RootFnOutput:
    """Return roots whose embedding is the lane's number."""
    prior_logits = jnp.atleast_2d(jnp.asarray(prior_logits, jnp.float32))
    lanes = jnp.arange(len(prior_logits))
    value = jnp.full(lanes.shape, value, jnp.float32)
    return mctx.RootFnOutput(prior_logits=prior_logits, value=value, embedding=lanes)


def pull(rewards, key, action, lane):
    """The bandit as a ``recurrent_fn``; its parameters are the rewards ``[B, A]``."""
    del key
    reward = rewards[lane, action]
    nothing = jnp.zeros_like(reward)
    output = mctx.RecurrentFnOutput(
        reward=reward, discount=nothing, prior_logits=jnp.zeros_like(rewards), value=nothing
    )
    return output, lane
