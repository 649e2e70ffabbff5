"""Wrong calls of `rrplan.evaluate` and wrong meta-policies: one line each, before anything runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from rrplan.engine import dispatch
from tests.rrplan import tabular
from tests.rrplan.engine import wrong_calls


def refused(**changes):
    """Return the line that a call is refused with."""
    with pytest.raises(rrplan.InputError) as refusal:
        wrong_calls.evaluate(**changes)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("name", wrong_calls.META_POLICIES)
def test_a_wrong_meta_policy_is_refused(name):
    meta_policy, words = wrong_calls.META_POLICIES[name]
    assert words in refused(meta_policy=meta_policy)


ACTS = {
    "an int": (3, "meta_policy.act is a int: expected a function or None"),
    "raises": (wrong_calls.raises, "meta_policy.act raises KeyError: 'boom'"),
    "takes too few": (lambda carry: carry, "meta_policy.act raises TypeError"),
    "branches": (
        lambda carry, decision, action: action if decision[0] else decision,
        "meta_policy.act cannot be compiled by jit",
    ),
    "floats": (
        lambda carry, decision, action: action * 1.0,
        "meta_policy.act returns float32[11]: expected int32[11], an action for each lane",
    ),
    "[B, 1]": (
        lambda carry, decision, action: action[:, None],
        "meta_policy.act returns int32[11,1]: expected int32[11]",
    ),
    "a scalar": (lambda carry, decision, action: 0, "meta_policy.act returns int32[]"),
    "nothing": (lambda carry, decision, action: None, "meta_policy.act returns None"),
}


@pytest.mark.parametrize("name", ACTS)
def test_a_wrong_choice_of_actions_is_refused(name):
    act, words = ACTS[name]
    assert words in refused(meta_policy=wrong_calls.FIXED._replace(act=act))


@pytest.mark.parametrize("name", wrong_calls.CALLS)
def test_a_wrong_call_is_refused(name):
    changes, words = wrong_calls.CALLS[name]
    assert words in refused(**changes)


INT32 = 2**31 - 1
COSTS = {
    "a large cap": ({"cap": 2**31}, f"cap is {2**31}: expected a whole number, 0 to {INT32}"),
    "a large budget": ({"budget": 2**40}, f"budget is {2**40}: expected a whole number, 0 to"),
    "a fraction": ({"budget": 3.7}, "budget is 3.7: expected a whole number, 0 to"),
    "a whole float": ({"cap": 4.0}, "cap is 4.0: expected a whole number, 0 to"),
    "no end": ({"budget": np.inf}, "budget is inf: expected a whole number, 0 to"),
    "a negative cap": ({"cap": -1}, "cap is -1: expected a whole number, 0 to"),
    "a price beyond float32": ({"price": 1e39}, "price is 1e+39: expected a finite number >= 0"),
    "one of some prices": (
        {"price": np.array([0.0, 1.0, 1e39, 0.0])},
        "price is 1e+39: expected a finite number >= 0",
    ),
    "a fee": ({"look_fee": -0.5}, "look_fee is -0.5: expected a finite number >= 0"),
    "a rate": ({"rates": rrplan.Rates(level=1e39)}, "rates.level is 1e+39: expected a finite"),
}


@pytest.mark.parametrize("name", COSTS)
def test_wrong_costs_are_refused(name):
    fields, words = COSTS[name]
    assert words in refused(costs=rrplan.Costs(**fields))


def test_the_largest_cap_and_budget_limit_nothing():
    most = rrplan.Costs(cap=jnp.int32(INT32), budget=np.int64(INT32))
    jax.tree.map(
        np.testing.assert_array_equal, wrong_calls.evaluate(costs=most), wrong_calls.evaluate()
    )


def test_what_is_right_is_not_refused():
    episodes = wrong_calls.evaluate(episodes=np.array([2, 1]), num_lanes=np.int64(2))
    assert episodes.simulations.tolist() == (2 * episodes.length).tolist()


class ForTwo(tabular.TabularEnvironment):
    """Two players move in turns."""

    def current_player(self, state, params):
        return state.time % 2


def test_a_game_of_several_players_is_refused():
    line = (
        "environment ForTwo: it has a current_player: expected a game of one player, those of "
        "several are not played yet"
    )
    assert refused(planner=wrong_calls.PLANNER._replace(environment=ForTwo())) == line
    with pytest.raises(rrplan.InputError, match=line):
        rrplan.rollout(
            ForTwo(), wrong_calls.TABLE, act_first, None, key=jax.random.key(0), episodes=2
        )


class Endless(tabular.TabularEnvironment):
    """No decision ends an episode."""

    def step(self, *arguments):
        never = jnp.zeros((), bool)
        return super().step(*arguments)._replace(terminated=never, truncated=never)


def act_first(params, state, observation, invalid_actions):
    return jnp.argmin(invalid_actions, axis=-1)


def test_a_rollout_of_episodes_without_an_end_is_stopped():
    environment = Endless()
    options = {"key": jax.random.key(0), "episodes": np.array([7, 3]), "most_steps": 200}
    message = "episode 7 of Endless has not ended after 200 steps: expected an end of every episode"
    with pytest.raises(rrplan.InputError, match=message):
        rrplan.rollout(environment, wrong_calls.TABLE, act_first, None, **options)


def test_an_evaluation_of_episodes_without_an_end_is_stopped(monkeypatch):
    monkeypatch.setattr(dispatch, "MOST_STEPS", 50)
    planner = wrong_calls.PLANNER._replace(environment=Endless())
    assert refused(planner=planner, episodes=np.array([5])).startswith(
        "episode 5 of Endless has not ended after 50 steps"
    )


def test_a_long_rollout_of_many_calls_equals_one_of_few(monkeypatch):
    def roll():
        return rrplan.rollout(
            tabular.TabularEnvironment(),
            wrong_calls.TABLE,
            act_first,
            None,
            key=jax.random.key(1),
            episodes=16,
        )

    whole = roll()
    monkeypatch.setattr("rrplan.engine.rollouts._FIRST_CHUNK", 1)
    assert jax.tree.all(jax.tree.map(np.array_equal, whole, roll()))
