"""Rollouts meet the episodes that an evaluation meets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rrplan
from agents import metapolicies
from tests.rrplan import tabular

ENVIRONMENT = tabular.TabularEnvironment()
TABLE = tabular.make_table(3, ENVIRONMENT.num_actions)


def act_on_the_prior(table, state, observation, invalid_actions):
    logits = tabular.table_network(table, observation).prior_logits
    return jnp.where(invalid_actions, -jnp.inf, logits).argmax(-1)


def test_a_rollout_of_the_prior_equals_an_evaluation_without_search():
    common = {"key": jax.random.key(4), "episodes": np.array([3, 1, 30, 7])}
    rolled = rrplan.rollout(ENVIRONMENT, TABLE, act_on_the_prior, TABLE, **common)
    planner = rrplan.Planner(ENVIRONMENT, TABLE, tabular.table_network, TABLE, max_simulations=4)
    evaluated = rrplan.evaluate(planner, metapolicies.fixed(), jnp.int32(0), **common)
    np.testing.assert_array_equal(rolled.untimed_return, evaluated.untimed_return)
    np.testing.assert_array_equal(rolled.length, evaluated.length)
    assert int(rolled.simulations.sum()) == 0


def think_nothing(params, keys, state, observation, invalid_actions):
    action = jnp.argmin(invalid_actions, axis=-1)
    return rrplan.Thought(action, jnp.zeros_like(action), jnp.zeros_like(action))


def thinks(**changes):
    def policy(*arguments):
        thought = think_nothing(*arguments)
        return thought._replace(**{name: change(thought) for name, change in changes.items()})

    return policy


PLAIN = {
    "None": (None, "policy is None: expected a function"),
    "a text": ("greedy", "policy is a str: expected a function"),
    "unhashable": ([], "policy cannot be hashed"),
    "raises": (lambda *arguments: {}["boom"], "policy raises KeyError: 'boom'"),
    "takes too few": (lambda params: params, "policy raises TypeError"),
    "floats": (
        lambda *arguments: act_on_the_prior(*arguments) * 1.0,
        r"policy returns float32\[4\]: expected int32\[4\], a whole number for each lane",
    ),
    "one for all": (lambda *arguments: 0, r"policy returns int32\[\]: expected int32\[4\]"),
    "logits": (
        lambda *arguments: tabular.table_network(TABLE, arguments[2]).prior_logits,
        r"policy returns float32\[4,3\]: expected int32\[4\]",
    ),
    "nothing": (lambda *arguments: None, r"policy returns None: expected int32\[4\]"),
}
SEARCHING = {
    "an action": (
        lambda *arguments: think_nothing(*arguments).action,
        r"policy returns int32\[4\]: expected a rrplan.Thought",
    ),
    "a float": (
        thinks(simulations=lambda thought: thought.simulations * 1.0),
        r"policy returns simulations float32\[4\]: expected int32\[4\], a whole number for each",
    ),
    "no levels": (thinks(levels=lambda thought: None), "policy returns levels None: expected"),
    "takes no keys": (act_on_the_prior, "policy raises TypeError"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_wrong_policy_is_refused(name):
    policy, words = PLAIN[name]
    with pytest.raises(rrplan.InputError, match=f"^{words}"):
        rrplan.rollout(ENVIRONMENT, TABLE, policy, TABLE, key=jax.random.key(0), episodes=4)


@pytest.mark.parametrize("name", SEARCHING)
def test_a_wrong_searching_policy_is_refused(name):
    policy, words = SEARCHING[name]
    with pytest.raises(rrplan.InputError, match=f"^{words}"):
        rrplan.rollout_searching(
            ENVIRONMENT, TABLE, policy, TABLE, key=jax.random.key(0), episodes=9, num_lanes=4
        )


@pytest.mark.parametrize("steps", [0, 1.5, None, "100"])
def test_steps_are_a_whole_number(steps):
    for roll, policy in (
        (rrplan.rollout, act_on_the_prior),
        (rrplan.rollout_searching, think_nothing),
    ):
        with pytest.raises(rrplan.InputError, match=r"^most_steps is .*: expected a whole number"):
            roll(
                ENVIRONMENT, TABLE, policy, TABLE,
                key=jax.random.key(0), episodes=4, most_steps=steps,
            )  # fmt: skip
