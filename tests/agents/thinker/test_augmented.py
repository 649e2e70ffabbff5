"""The augmented environment against a plain reference, step by step, on random problems."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.thinker.augmented import advance
from agents.thinker.config import StageConfig
from agents.thinker.inputs import show
from agents.thinker.lanes import start
from agents.thinker.player import prepare
from agents.thinker.supply import Supply
from rrplan import keys
from rrplan.costs import Costs, Rates
from tests.agents.thinker.tabular import ACTIONS, Reference, make_planner

LANES, STEPS, PRICE = 3, 36, 0.01
COSTS = Costs(rates=Rates(simulation=1.0, look=0.5, decision=0.25, level=0.125))
STAGES = {
    "thinker": StageConfig(steps=5, depth=3),
    "dynamic": StageConfig(steps=4, chosen=True, depth=2, forced_earn=True, charge_revisits=True),
    "bare": StageConfig(steps=3, depth=1, keep_tree=False, resets=False, spread_discount=False),
}


@functools.partial(jax.jit, static_argnums=0)
def play(problem, given_settings, draws):
    """Answer with whatever is allowed, by uniform numbers ``[STEPS, LANES]``."""

    def take(place):
        return place, jnp.full(place.shape, PRICE)

    supply = Supply(take, jnp.int32(1000))

    def body(lanes, uniform):
        seen = show(problem, given_settings, lanes, False)
        real = seen.legal & seen.acts[:, None]
        imagined = seen.imaginable & seen.imagines[:, None]
        may = jnp.concatenate([real, imagined, imagined & problem.stage.resets], axis=-1)
        number = jnp.floor(uniform * may.sum(-1)).astype(jnp.int32)
        answer = jnp.argmax(jnp.cumsum(may, -1) > number[:, None], axis=-1).astype(jnp.int32)
        after, outcome = advance(problem, given_settings, supply, lanes, answer)
        return after, (seen, may, answer, outcome, lanes.ids)

    lanes = start(problem, given_settings, supply, LANES)
    return jax.lax.scan(body, lanes, draws)[1]


@functools.partial(jax.jit, static_argnums=0)
def first_state(environment, key, ids, params):
    reset_keys = keys.draw(key, ids, keys.Domain.RESET)
    return jax.vmap(environment.reset, (0, None))(reset_keys, params)[0].state


@pytest.mark.parametrize("name", STAGES)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), discount=st.sampled_from([1.0, 0.9, 0.5]))
def test_every_step_is_that_of_a_plain_reference(name, seed, discount):
    stage = STAGES[name]
    planner = make_planner(seed, discount)
    problem, traced = prepare(planner, stage, COSTS)
    draws = np.random.default_rng(seed).random((STEPS, LANES)).astype(np.float32)
    seen, may, answer, outcome, ids = jax.device_get(play(problem, traced, jnp.asarray(draws)))
    firsts = np.asarray(
        first_state(planner.environment, traced.key, jnp.arange(500), planner.env_params)
    )
    begun = LANES
    hands = [Reference(planner, stage, firsts[lane]) for lane in range(LANES)]
    episodes = list(range(LANES))
    told = []  # by hand, in the order of steps and lanes
    for row in range(STEPS):
        for lane, hand in enumerate(hands):
            told.append({"ids": episodes[lane], **step_by_hand(hand, int(answer[row, lane]))})
        # Lanes that ended take the next episodes in their order.
        for lane, hand in enumerate(hands):
            if outcome.ended[row, lane]:
                hand.begin(firsts[begun])
                episodes[lane] = begun
                begun += 1
    assert begun > LANES
    sums = outcome.sums
    exact = {"ids": ids, "may": may, "ended": outcome.ended, "real": outcome.real}
    exact |= {what: getattr(sums, what) for what in hands[0].sums}
    near = {
        "prior": seen.prior,
        "imagined_prior": seen.imagined_prior,
        "total": sums.untimed_return,
    }
    near |= {"actions": seen.actions, "whole": seen.whole}
    near |= {what: getattr(outcome, what) for what in ("cost", "reward", "planning")}
    near |= {what: getattr(outcome, what) for what in ("discount", "planning_discount")}
    assert set(exact) | set(near) == set(told[0])
    for what in told[0]:
        expected = np.array([step[what] for step in told])
        expected = expected.reshape(STEPS, LANES, *expected.shape[1:])
        if what in exact:
            np.testing.assert_array_equal(exact[what], expected, err_msg=what)
        else:
            np.testing.assert_allclose(near[what], expected, rtol=2e-4, atol=2e-5, err_msg=what)


def step_by_hand(hand, answer):
    """Take a step; return what was seen before it, and what it brought."""
    acts, imagines = hand.may
    imagined = hand.legal(hand.origin) & imagines
    allowed = [hand.legal(hand.root) & acts, imagined, imagined & hand.stage.resets]
    actions, whole = hand.see(PRICE)
    priors = {"prior": hand.prior(hand.root), "imagined_prior": hand.prior(hand.origin)}
    before = dict(hand.sums)
    brought = hand.step(answer)
    spent = {what: hand.sums[what] - before[what] for what in before}
    rates = COSTS.rates
    cost = rates.simulation * spent["simulations"] + rates.look * spent["looks"]
    cost += rates.decision * spent["length"] + rates.level * spent["levels"]
    told = {"may": np.concatenate(allowed), "actions": actions, "whole": whole, **priors}
    told |= {"cost": PRICE * cost, "real": answer < ACTIONS, "total": hand.total}
    return told | brought | hand.sums
