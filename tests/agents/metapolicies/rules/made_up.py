"""What a meta-policy sees, made up."""

import jax.numpy as jnp

import rrplan


def see(visits, *, probs=None, illegal=None, qvalues=0.0, raw=0.0, value=0.0, left=99):
    """Return what a meta-policy sees after the visits ``[B, A]``; uniform priors if not told."""
    visits = jnp.asarray(visits, jnp.int32)
    lanes, edges = visits.shape[:1], visits.shape
    illegal = jnp.broadcast_to(jnp.asarray(False if illegal is None else illegal), edges)
    logits = jnp.log(jnp.broadcast_to(jnp.asarray(1.0 if probs is None else probs), edges))
    return rrplan.MetaObservation(
        observation=jnp.zeros(lanes),
        features=jnp.zeros((*lanes, 1)),
        prior_logits=jnp.where(illegal, jnp.finfo(jnp.float32).min, logits),
        invalid_actions=illegal,
        visit_counts=visits,
        qvalues=jnp.broadcast_to(jnp.asarray(qvalues, jnp.float32), edges),
        qvalue_variances=jnp.zeros(edges),
        raw_value=jnp.broadcast_to(jnp.float32(raw), lanes),
        search_value=jnp.broadcast_to(jnp.asarray(value, jnp.float32), lanes),
        simulations=visits.sum(-1),
        simulations_left=jnp.full(lanes, left, jnp.int32),
        decision=jnp.zeros(lanes, jnp.int32),
        price=jnp.zeros(lanes),
        budget_left=jnp.full(lanes, 99, jnp.int32),
        max_depth=jnp.full(lanes, 99, jnp.int32),
    )
