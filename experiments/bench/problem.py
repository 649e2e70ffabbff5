"""The problems that benchmarks run on, each for a planner and as an environment for the engine."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx

from rrplan.models import where
from rrplan.planner import Planner
from rrplan.types import Array, Environment, Evaluation, Network, PyTree, Transition

HIDDEN = 64
_WARM_UP_STEPS = 24  # random moves that set the lanes of Breakout apart


class BenchProblem(NamedTuple):
    """What is searched: a perfect model and an untrained network."""

    name: str
    environment: Environment
    env_params: PyTree
    network: Network
    network_params: PyTree

    def planner(self, max_simulations: int) -> Planner:
        """Return what the lane engine evaluates."""
        return Planner(
            self.environment,
            self.env_params,
            self.network,
            self.network_params,
            max_simulations=max_simulations,
        )


class Knapsack(NamedTuple):
    """A state of the reference problem; unbatched."""

    weights: Array  # [N] float32
    values: Array  # [N] float32
    packed: Array  # [N] bool
    capacity: Array  # [] float32, what is left


@dataclass(frozen=True)
class ReferenceEnvironment:
    """The knapsack on which the suite's speed is stated.

    Weights and values are uniform on [0, 1]; packing an item pays its value, and an item that
    does not fit, or is packed already, pays nothing and ends the episode. All actions are legal:
    it is the network that masks the priors of items that do not fit.
    """

    num_items: int = 20
    capacity: float = 5.0

    @property
    def num_actions(self) -> int:
        """Number of items."""
        return self.num_items

    def reset(self, key: Array, params: PyTree) -> tuple[Knapsack, Array]:
        """Return a new instance and its observation ``[3 N + 1]``."""
        del params
        weight_key, value_key = jax.random.split(key)
        state = Knapsack(
            weights=jax.random.uniform(weight_key, (self.num_items,)),
            values=jax.random.uniform(value_key, (self.num_items,)),
            packed=jnp.zeros(self.num_items, bool),
            capacity=jnp.float32(self.capacity),
        )
        return state, _observe(state)

    def step(self, key: Array, state: Knapsack, action: Array, params: PyTree) -> Transition:
        """Pack item ``action``."""
        del key, params
        weight = state.weights[action]
        fits = (weight <= state.capacity) & ~state.packed[action]
        following = state._replace(
            packed=state.packed | (jnp.arange(self.num_items) == action),
            capacity=jnp.where(fits, state.capacity - weight, state.capacity),
        )
        return Transition(
            state=following,
            observation=_observe(following),
            reward=jnp.where(fits, state.values[action], 0.0),
            terminated=~fits,
            truncated=jnp.zeros((), bool),
        )

    def invalid_actions(self, state: Knapsack, params: PyTree) -> Array:
        """Return an empty mask ``[N]``."""
        del params
        return jnp.zeros(state.packed.shape, bool)


class Weights(NamedTuple):
    """An untrained network with one hidden layer; ``I`` is the size of an observation."""

    hidden: Array  # [I, 64]
    prior: Array  # [64, A]
    value: Array  # [64, 1]


def reference() -> BenchProblem:
    """Return the reference problem: 20 items, capacity 5, a network with 64 hidden units."""
    environment = ReferenceEnvironment()
    weights = _untrained(3 * environment.num_items + 1, environment.num_actions)
    return BenchProblem("reference", environment, (), _reference_network, weights)


def breakout() -> BenchProblem:
    """Return MinAtar Breakout with a perfect model and a network with 64 hidden units."""
    import envs

    env, env_params = envs.make("Breakout-MinAtar")
    environment = envs.adapt(env)
    _, observation = jax.eval_shape(environment.reset, jax.random.key(0), env_params)
    weights = _untrained(observation.size, environment.num_actions)
    return BenchProblem("breakout", environment, env_params, _flat_network, weights)


def first_states(problem: BenchProblem, key: Array, num_lanes: int) -> tuple[PyTree, PyTree]:
    """Return states and observations ``[B, ...]`` to search from.

    For the reference problem these are new instances. Breakout has two first states only, so
    its lanes move at random for a while; one whose episode would end keeps its last state.
    """
    environment, params = problem.environment, problem.env_params
    reset_key, play_key = jax.random.split(key)
    states, observations = jax.vmap(environment.reset, (0, None))(
        jax.random.split(reset_key, num_lanes), params
    )
    if problem.name == "reference":
        return states, observations

    def move(now, key):
        action_key, step_key = jax.random.split(key)
        actions = jax.random.randint(action_key, (num_lanes,), 0, environment.num_actions)
        after = jax.vmap(environment.step, (0, 0, 0, None))(
            jax.random.split(step_key, num_lanes), now[0], actions, params
        )
        over = after.terminated | after.truncated
        return where(over, now, (after.state, after.observation)), None

    keys = jax.random.split(play_key, _WARM_UP_STEPS)
    return jax.lax.scan(move, (states, observations), keys)[0]


def planner_params(problem: BenchProblem) -> PyTree:
    """Return what :func:`recurrent_fn` takes as its parameters."""
    return problem.network_params, problem.env_params


def root(problem: BenchProblem, states: PyTree, observations: PyTree) -> mctx.RootFnOutput:
    """Return roots for a planner, ``[B, ...]``, with the state itself as the embedding."""
    evaluation = problem.network(problem.network_params, observations)
    return mctx.RootFnOutput(
        prior_logits=evaluation.prior_logits, value=evaluation.value, embedding=states
    )


def recurrent_fn(problem: BenchProblem) -> mctx.RecurrentFn:
    """Return the perfect model and the network as mctx takes them.

    An end has discount 0, so that nothing beyond it matters; it needs no state of its own.
    """

    def step(params, key, action, states):
        network_params, env_params = params
        keys = jax.random.split(key, action.shape[0])
        after = jax.vmap(problem.environment.step, (0, 0, 0, None))(
            keys, states, action, env_params
        )
        evaluation = problem.network(network_params, after.observation)
        output = mctx.RecurrentFnOutput(
            reward=after.reward,
            discount=jnp.where(after.terminated | after.truncated, 0.0, 1.0),
            prior_logits=evaluation.prior_logits,
            value=evaluation.value,
        )
        return output, after.state

    return step


def _observe(state: Knapsack) -> Array:
    packed = state.packed.astype(jnp.float32)
    return jnp.concatenate([state.weights, state.values, packed, state.capacity[None]])


def _reference_network(params: Weights, observation: Array) -> Evaluation:
    items = (observation.shape[-1] - 1) // 3
    weights, packed = observation[:, :items], observation[:, 2 * items : 3 * items] > 0.5
    evaluation = _flat_network(params, observation)
    misfit = packed | (weights > observation[:, -1:])
    lowest = jnp.finfo(jnp.float32).min
    return evaluation._replace(prior_logits=jnp.where(misfit, lowest, evaluation.prior_logits))


def _flat_network(params: Weights, observation: Array) -> Evaluation:
    flat = observation.reshape(observation.shape[0], -1)
    features = jax.nn.relu(flat @ params.hidden)
    return Evaluation(features @ params.prior, (features @ params.value)[:, 0], features)


def _untrained(inputs: int, actions: int) -> Weights:
    keys = jax.random.split(jax.random.key(0), 3)
    shapes = ((inputs, HIDDEN), (HIDDEN, actions), (HIDDEN, 1))
    return Weights(
        *(jax.random.normal(k, s) / s[0] ** 0.5 for k, s in zip(keys, shapes, strict=True))
    )
