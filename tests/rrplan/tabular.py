"""Random tabular problems: exact to the last bit for any batch size, and tie-free."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx

import rrplan

NUM_STATES = 12


class Table(NamedTuple):
    """A random problem; also the parameters of its environment and of its evaluator."""

    next_state: jax.Array  # [S, A] int32
    reward: jax.Array  # [S, A]
    terminal: jax.Array  # [S, A] bool, the transition ends the episode
    invalid: jax.Array  # [S, A] bool
    logits: jax.Array  # [S, A]
    value: jax.Array  # [S]


@functools.partial(jax.jit, static_argnames=("num_actions",))
def make_table(seed: int, num_actions: int, reward_scale: float = 1.0) -> Table:
    """Draw a problem; every state has a legal action."""
    keys = jax.random.split(jax.random.key(seed), 7)
    shape = (NUM_STATES, num_actions)
    legal = jax.random.randint(keys[5], (NUM_STATES, 1), 0, num_actions)
    invalid = jax.random.bernoulli(keys[3], 0.25, shape) & (jnp.arange(num_actions) != legal)
    return Table(
        next_state=jax.random.randint(keys[0], shape, 0, NUM_STATES),
        reward=reward_scale * jax.random.normal(keys[1], shape),
        terminal=jax.random.bernoulli(keys[2], 0.15, shape),
        invalid=invalid,
        logits=jax.random.normal(keys[6], shape),
        value=jax.random.normal(keys[4], (NUM_STATES,)),
    )


def masked_logits(table: Table, state: jax.Array) -> jax.Array:
    logits = table.logits[state]
    logits = logits - logits.max(-1, keepdims=True)
    return jnp.where(table.invalid[state], jnp.finfo(jnp.float32).min, logits)


def recurrent_fn(params, key, action, embedding):
    """The problem as mctx wants it; terminal states absorb with nothing."""
    del key
    table, discount = params
    state, done = embedding
    over = done | table.terminal[state, action]
    reward = jnp.where(done, 0.0, table.reward[state, action])
    next_state = jnp.where(done, state, table.next_state[state, action])
    output = mctx.RecurrentFnOutput(
        reward=reward,
        discount=jnp.where(over, 0.0, discount),
        prior_logits=masked_logits(table, next_state),
        value=jnp.where(over, 0.0, table.value[next_state]),
    )
    return output, (next_state, over)


def make_root(table: Table, states: jax.Array) -> mctx.RootFnOutput:
    return mctx.RootFnOutput(
        prior_logits=masked_logits(table, states),
        value=table.value[states],
        embedding=(states, jnp.zeros(states.shape, bool)),
    )


class State(NamedTuple):
    index: jax.Array
    time: jax.Array


class TabularEnvironment:
    """The problem as an environment; it is cut after ``max_length`` decisions."""

    num_actions = 3
    max_length = 6

    def reset(self, key, params):
        state = State(jax.random.randint(key, (), 0, NUM_STATES), jnp.int32(0))
        return state, jax.nn.one_hot(state.index, NUM_STATES)

    def step(self, key, state, action, params):
        del key
        following = State(params.next_state[state.index, action], state.time + 1)
        return rrplan.Transition(
            state=following,
            observation=jax.nn.one_hot(following.index, NUM_STATES),
            reward=params.reward[state.index, action],
            terminated=params.terminal[state.index, action],
            truncated=following.time >= self.max_length,
        )

    def invalid_actions(self, state, params):
        return params.invalid[state.index]


def table_network(table: Table, observation: jax.Array) -> rrplan.Evaluation:
    """Look the state up: exact, whatever the batch."""
    state = observation.argmax(-1)
    return rrplan.Evaluation(table.logits[state], table.value[state], observation)
