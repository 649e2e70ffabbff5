"""What a meta-policy sees, made up."""

import numpy as np

import rrplan


def see(visits, *, probs=None, illegal=None, qvalues=0.0, raw=0.0, value=0.0, left=99):
    """Return what a meta-policy sees after the visits ``[B, A]``; uniform priors if not told."""
    visits = np.asarray(visits, np.int32)
    lanes, edges = visits.shape[:1], visits.shape

    def spread(values, shape):
        return np.broadcast_to(np.asarray(values, np.float32), shape)

    illegal = np.broadcast_to(np.asarray(False if illegal is None else illegal), edges)
    logits = np.log(spread(1.0 if probs is None else probs, edges))
    return rrplan.MetaObservation(
        observation=spread(0, lanes),
        features=spread(0, (*lanes, 1)),
        prior_logits=np.where(illegal, np.finfo(np.float32).min, logits),
        invalid_actions=illegal,
        visit_counts=visits,
        qvalues=spread(qvalues, edges),
        qvalue_variances=spread(0, edges),
        raw_value=spread(raw, lanes),
        search_value=spread(value, lanes),
        simulations=visits.sum(-1, dtype=np.int32),
        simulations_left=np.full(lanes, left, np.int32),
        decision=np.zeros(lanes, np.int32),
        price=spread(0, lanes),
        budget_left=np.full(lanes, 99, np.int32),
        max_depth=np.full(lanes, 99, np.int32),
    )
