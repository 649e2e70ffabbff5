"""The true model in mctx's terms says what the problem's tables say, however states are held."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import rrplan
from rrplan.models import Position, true_model
from tests.rrplan import tabular

LANES = 2 * tabular.NUM_STATES
KEY = jax.random.key(3)
DISCOUNT = 0.9


class Instance(NamedTuple):
    """A state with a part that belongs to the episode."""

    moment: tabular.State
    bonus: jax.Array  # [] paid at every step


class InstancesEnvironment(tabular.TabularEnvironment):
    def reset(self, key, params):
        moment, observation = super().reset(key, params)
        return Instance(moment, jax.random.uniform(key)), observation

    def step(self, key, state, action, params):
        told = super().step(key, state.moment, action, params)
        return told._replace(
            state=Instance(told.state, state.bonus), reward=told.reward + state.bonus
        )

    def invalid_actions(self, state, params):
        return super().invalid_actions(state.moment, params)


ENVIRONMENT = InstancesEnvironment()
TABLE = tabular.make_table(3, ENVIRONMENT.num_actions)
WHOLE = true_model.TrueModel(ENVIRONMENT, TABLE, tabular.table_network, DISCOUNT)
DIVIDED = true_model.make_true_model(ENVIRONMENT, TABLE, tabular.table_network, DISCOUNT)


def position():
    """Every state twice: just begun, and one step before the time is up; every third is over."""
    index = jnp.arange(LANES) % tabular.NUM_STATES
    time = jnp.where(jnp.arange(LANES) < tabular.NUM_STATES, 0, ENVIRONMENT.max_length - 1)
    state = Instance(tabular.State(index, time), jnp.linspace(0.0, 1.0, LANES))
    return Position(state, jnp.arange(LANES) % 3 == 0)


def observe(index):
    return jax.nn.one_hot(index, tabular.NUM_STATES)


def begin(model):
    here = position()
    return model.begin(TABLE, here, observe(here.state.moment.index))


def test_a_root_is_what_the_network_says_of_the_state():
    here, begun = position(), begin(WHOLE)
    index = here.state.moment.index
    np.testing.assert_array_equal(begun.invalid_actions, TABLE.invalid[index])
    np.testing.assert_array_equal(begun.root.value, jnp.where(here.done, 0.0, TABLE.value[index]))
    legal = jnp.where(TABLE.invalid[index], -jnp.inf, TABLE.logits[index])
    np.testing.assert_allclose(
        jax.nn.softmax(begun.root.prior_logits), jax.nn.softmax(legal), rtol=1e-6
    )


def test_an_imagined_step_is_the_problems_and_an_end_stays_as_it_is():
    here, begun = position(), begin(WHOLE)
    index, time = here.state.moment
    action = jnp.arange(LANES) % ENVIRONMENT.num_actions
    output, after = WHOLE.recurrent_fn(begun.params, KEY, action, begun.root.embedding)
    over = TABLE.terminal[index, action] | (time + 1 >= ENVIRONMENT.max_length)
    following = TABLE.next_state[index, action]
    going = ~here.done
    assert 0 < (over & going).sum() < going.sum()
    reward = TABLE.reward[index, action] + here.state.bonus
    ended = here.done | over
    np.testing.assert_array_equal(output.reward, jnp.where(going, reward, 0.0))
    np.testing.assert_array_equal(output.discount, jnp.where(ended, 0.0, jnp.float32(DISCOUNT)))
    np.testing.assert_array_equal(output.value, jnp.where(ended, 0.0, TABLE.value[following]))
    np.testing.assert_array_equal(after.done, ended)
    np.testing.assert_array_equal(after.state.moment.index, jnp.where(going, following, index))
    np.testing.assert_array_equal(after.state.moment.time, jnp.where(going, time + 1, time))


def test_nodes_that_hold_less_answer_the_same():
    whole, divided = begin(WHOLE), begin(DIVIDED)
    held = jax.tree.leaves(divided.root.embedding.state)
    assert len(held) == len(jax.tree.leaves(whole.root.embedding.state)) - 1  # not the bonus
    action = jnp.arange(LANES) % ENVIRONMENT.num_actions
    embedding, other = whole.root.embedding, divided.root.embedding
    for step in range(3):
        key = jax.random.fold_in(KEY, step)
        output, embedding = WHOLE.recurrent_fn(whole.params, key, action, embedding)
        told, other = DIVIDED.recurrent_fn(divided.params, key, action, other)
        jax.tree.map(np.testing.assert_array_equal, output, told)
        np.testing.assert_array_equal(embedding.done, other.done)


def test_a_policy_searches_with_it():
    begun = begin(DIVIDED)
    output = rrplan.muzero_policy(
        begun.params, KEY, begun.root, DIVIDED.recurrent_fn, 4,
        invalid_actions=begun.invalid_actions, dirichlet_fraction=0.0,
    )  # fmt: skip
    assert not begun.invalid_actions[jnp.arange(LANES), output.action].any()
    np.testing.assert_array_equal(output.search_tree.children_visits[:, 0].sum(-1), 4)
