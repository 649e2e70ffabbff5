"""What reaches a learned meta-policy: a deaf one hears nothing of its search."""

import functools

import jax
import numpy as np
import pytest

from agents.metapolicies.learned import policy
from agents.metapolicies.learned.config import GROUPS, MetaConfig
from agents.metapolicies.learned.network import MetaNetwork
from rrplan.types import MetaObservation
from tests.agents.stirring import stir

LANES, ACTIONS, FEATURES = 64, 5, 3
DEAF = ("prior", "progress", "price", "features", "observation")
BLIND = ("prior", "search", "values", "progress", "price")


def observe(seed, searched):
    """Return meta-observations: what stands in a state comes from one seed, a search from another.

    How many simulations were run is the same in all: that is no finding of a search.
    """
    state, search = np.random.default_rng(seed), np.random.default_rng(searched)
    illegal = state.random((LANES, ACTIONS)) < 0.3
    illegal[:, 0] = False
    logits = np.where(illegal, np.finfo(np.float32).min, state.normal(size=illegal.shape))
    visits = np.where(illegal, 0, search.integers(0, 4, illegal.shape))
    lane = state.normal(size=LANES)
    return MetaObservation(
        observation=state.normal(size=(LANES, ACTIONS, 2)).astype(np.float32),
        features=state.normal(size=(LANES, FEATURES)).astype(np.float32),
        prior_logits=logits.astype(np.float32),
        invalid_actions=illegal,
        visit_counts=visits.astype(np.int32),
        qvalues=(search.normal(size=illegal.shape) * (visits > 0)).astype(np.float32),
        qvalue_variances=np.zeros(illegal.shape, np.float32),
        raw_value=lane.astype(np.float32),
        search_value=(lane + search.normal(size=LANES)).astype(np.float32),
        simulations=np.full(LANES, 6, np.int32),
        simulations_left=np.full(LANES, 10, np.int32),
        decision=state.integers(0, 5, LANES).astype(np.int32),
        price=np.full(LANES, 1e-3, np.float32),
        budget_left=np.full(LANES, 2**20, np.int32),
        max_depth=np.zeros(LANES, np.int32),
    )


@functools.cache
def network(groups):
    config = MetaConfig("stopper", (0, 1, 2, 4), groups, width=4)
    shown = jax.eval_shape(MetaNetwork(config, 0, 0, True).show, observe(0, 0))
    return MetaNetwork(config, shown.actions.shape[-1], shown.whole.shape[-1], True)


@functools.cache
def parameters(groups):
    """Return parameters of which no head is zero, so that every input may matter."""
    fresh = network(groups).init(jax.random.key(1))
    return {**fresh, "weights": stir(fresh["weights"])}


def answer(groups, seen):
    return jax.device_get(_answer(groups, parameters(groups), seen))


@functools.partial(jax.jit, static_argnums=0)
def _answer(groups, params, seen):
    keys = jax.random.split(jax.random.key(3), LANES)
    control = policy.sampling(network(groups)).apply(params, keys, (), seen)
    return control.extra_simulations, control.aux.log_prob, control.aux.value


@pytest.mark.parametrize("seed", range(3))
def test_a_deaf_agents_answers_do_not_depend_on_what_the_search_found(seed):
    before, after = observe(seed, 10), observe(seed, 11)
    assert (before.visit_counts != after.visit_counts).any()
    for one, other in zip(answer(DEAF, before), answer(DEAF, after), strict=True):
        np.testing.assert_array_equal(one, other)
    shown = jax.jit(network(DEAF).show)(after)
    np.testing.assert_array_equal(shown.leading, after.prior_logits.argmax(-1))
    np.testing.assert_array_equal(shown.value, after.raw_value)
    # Not for want of weights: who hears changes its mind. And a deaf one sees the state.
    assert (answer(GROUPS, before)[1] != answer(GROUPS, after)[1]).any()
    assert (answer(DEAF, before)[1] != answer(DEAF, observe(seed + 9, 10))[1]).any()


def test_a_blind_agents_answers_do_not_depend_on_observation_and_features():
    seen = observe(0, 10)
    hidden = seen._replace(observation=seen.observation + 1.0, features=-seen.features)
    for one, other in zip(answer(BLIND, seen), answer(BLIND, hidden), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (answer(GROUPS, seen)[1] != answer(GROUPS, hidden)[1]).any()


def test_one_group_that_tells_of_the_search_is_enough_to_hear():
    assert MetaConfig(inputs=DEAF).deaf
    for group in ("search", "values"):
        assert not MetaConfig(inputs=(*DEAF, group)).deaf
