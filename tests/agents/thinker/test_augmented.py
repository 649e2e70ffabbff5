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
    close = functools.partial(np.testing.assert_allclose, rtol=2e-4, atol=2e-5)
    for row in range(STEPS):
        for lane, hand in enumerate(hands):
            here = row, lane
            assert ids[here] == episodes[lane]
            acts, imagines = hand.may
            imagined = hand.legal(hand.origin) & imagines
            allowed = [hand.legal(hand.root) & acts, imagined, imagined & stage.resets]
            np.testing.assert_array_equal(may[here], np.concatenate(allowed))
            actions, whole = hand.see(PRICE)
            close(seen.actions[here], actions)
            close(seen.whole[here], whole)
            close(seen.prior[here], hand.prior(hand.root))
            close(seen.imagined_prior[here], hand.prior(hand.origin))
            before = dict(hand.sums)
            brought = hand.step(int(answer[here]))
            spent = {what: hand.sums[what] - before[what] for what in before}
            rates = COSTS.rates
            cost = rates.simulation * spent["simulations"] + rates.look * spent["looks"]
            cost += rates.decision * spent["length"] + rates.level * spent["levels"]
            close(outcome.cost[here], PRICE * cost)
            for what in ("reward", "planning", "discount", "planning_discount"):
                close(getattr(outcome, what)[here], brought[what], err_msg=what)
            assert outcome.ended[here] == brought["ended"]
            assert outcome.real[here] == (answer[here] < ACTIONS)
            for what, number in hand.sums.items():
                assert getattr(outcome.sums, what)[here] == number, what
            close(outcome.sums.untimed_return[here], hand.total)
        # Lanes that ended take the next episodes in their order.
        for lane, hand in enumerate(hands):
            if outcome.ended[row, lane]:
                hand.begin(firsts[begun])
                episodes[lane] = begun
                begun += 1
    assert begun > LANES
