"""Metareasoning problems as environments: compute, or stop and take what the belief is worth."""

import abc
import dataclasses
from types import ModuleType
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from gymnax.environments import environment, spaces

from rrplan.errors import InputError
from rrplan.types import Array

AnyArray = Any
"""An array, or number, of numpy's or of ``jax.numpy``'s: the same lines work on both."""


@struct.dataclass
class MetalevelState(environment.EnvState):
    """What has been found out so far; each family adds its own fields.

    Attributes:
        time: computations done.
        stopped: the agent has stopped, and was paid.
    """

    time: AnyArray  # [] int32; gymnax calls it an int
    stopped: AnyArray  # [] bool


@struct.dataclass
class MetalevelParams(environment.EnvParams):
    """What can be swept without compiling again.

    Attributes:
        max_steps_in_episode: time limit; the default, one more than the number of computations
            there can be, is never reached.
        cost: of one computation, in units of payoff; at least 0.
    """

    max_steps_in_episode: int = 1
    cost: float = 0.01


State = TypeVar("State", bound=MetalevelState)


class MetalevelEnv(environment.Environment[State, MetalevelParams], abc.ABC):
    """A metalevel Markov decision process (Hay et al. 2012, arXiv 1207.5879).

    Actions ``0..N-1`` are computations: each costs something and brings news. Action ``N`` stops:
    it pays what the best object-level action is expected to be worth by then, and ends the
    episode. The state is the belief itself, and news is drawn when it is asked for, so a state
    holds nothing that its observation hides. An illegal action changes nothing and pays 0.

    A family says what its beliefs are and where news leads, in the abstract methods. They take
    states of any leading shape ``[...]``, and numpy or ``jax.numpy`` as ``xp``: the same lines
    step the environment and fill the exact table (:func:`envs.metareasoning.exact.tabulate`).
    """

    cost: float  # default of the parameter of that name

    @property
    @abc.abstractmethod
    def num_computations(self) -> int:
        """``N``."""

    @property
    @abc.abstractmethod
    def most_computations(self) -> int:
        """Computations that an episode can hold."""

    @property
    @abc.abstractmethod
    def num_beliefs(self) -> int:
        """``S``, beliefs that :meth:`beliefs` lists."""

    @property
    def unit_costs(self) -> tuple[float, ...]:
        """Cost of each computation, in multiples of the parameter ``cost``."""
        return (1.0,) * self.num_computations

    @property
    @abc.abstractmethod
    def related(self) -> np.ndarray:
        """Return ``[N, N]`` bool: which computations tell of the actions that one tells of."""

    @abc.abstractmethod
    def first_belief(self) -> State:
        """Return the belief before any computation, of numpy arrays."""

    @abc.abstractmethod
    def beliefs(self) -> State:
        """Return all beliefs ``[S, ...]`` that can be reached, and maybe others, as numpy arrays.

        None of them has stopped.
        """

    @abc.abstractmethod
    def index(self, state: State, xp: ModuleType = jnp) -> AnyArray:
        """Return where a state's belief stands in :meth:`beliefs`, ``[...]`` int32."""

    @abc.abstractmethod
    def payoff(self, state: State, xp: ModuleType = jnp) -> AnyArray:
        """Return what stopping pays, ``[...]``."""

    @abc.abstractmethod
    def possible(self, state: State, xp: ModuleType = jnp) -> AnyArray:
        """Return which computations are left, ``[..., N]`` bool, stopped or not."""

    @abc.abstractmethod
    def news(self, state: State, computation: AnyArray, xp: ModuleType = jnp) -> AnyArray:
        """Return the probabilities ``[..., O]`` of what a computation may bring."""

    @abc.abstractmethod
    def learn(
        self, state: State, computation: AnyArray, outcome: AnyArray, xp: ModuleType = jnp
    ) -> State:
        """Return the belief after a possible computation that brought news ``outcome``."""

    @abc.abstractmethod
    def show(self, state: State, xp: ModuleType = jnp) -> AnyArray:
        """Return the observation ``[..., N, F]``, a row for each computation."""

    @abc.abstractmethod
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the largest observation, ``[N, F]`` each."""

    @property
    def num_actions(self) -> int:
        """All computations, and to stop: ``A = N + 1``."""
        return self.num_computations + 1

    @property
    def default_params(self) -> MetalevelParams:
        """Parameters with this object's cost and a limit that never strikes."""
        return MetalevelParams(
            max_steps_in_episode=self.most_computations + 1, cost=float(self.cost)
        )

    def reset_env(self, key: Array, params: MetalevelParams) -> tuple[Array, State]:
        """Return the first ``(observation, state)``: nothing has been computed yet."""
        state = jax.tree.map(jnp.asarray, self.first_belief())
        return self.observe(key, state, None, params), state

    def step_env(
        self, key: Array, state: State, action: Array | int | float, params: MetalevelParams
    ) -> tuple[Array, State, Array, Array, dict[str, Any]]:
        """Compute, or stop; return ``(observation, state, reward, terminated, info)``."""
        stops = ~state.stopped & (action == self.num_computations)
        computation = jnp.minimum(action, self.num_computations - 1)
        computes = ~self.invalid_actions(state, params)[action] & ~stops
        outcome = jax.random.categorical(key, jnp.log(self.news(state, computation)))
        after = self.learn(state, computation, outcome)
        reward = jnp.where(stops, self.payoff(state), 0.0)
        price = params.cost * jnp.asarray(self.unit_costs)[computation]
        reward = reward - jnp.where(computes, price, 0.0)
        state = jax.tree.map(lambda new, old: jnp.where(computes, new, old), after, state)
        state = dataclasses.replace(state, stopped=state.stopped | stops)
        observation = self.observe(key, state, action, params)
        return observation, state, reward, self.is_terminated(state, params), {}

    def observe(
        self, key: Array, state: State, action: Array | int | float | None, params: MetalevelParams
    ) -> Array:
        """Return the observation ``[N, F]`` float32 of a state."""
        return jnp.asarray(self.show(state), jnp.float32)

    def invalid_actions(self, state: State, params: MetalevelParams) -> Array:
        """Return a mask ``[A]`` bool; one can stop at any time, but once only."""
        computations = ~self.possible(state) | state.stopped
        return jnp.append(computations, state.stopped)

    def greedy_action(self, state: State, params: MetalevelParams) -> Array:
        """Return the myopic action ``[]`` int32: as if one would stop after the next computation.

        Of equals the first; it stops where no computation promises more than it costs.
        """

        def gain(computation):
            chances = self.news(state, computation)
            outcomes = jnp.arange(chances.shape[-1])
            after = jax.vmap(lambda outcome: self.learn(state, computation, outcome))(outcomes)
            payoffs = self.payoff(after)
            return (chances * (payoffs - self.payoff(state))).sum(), jnp.abs(payoffs).max()

        gains, payoffs = jax.vmap(gain)(jnp.arange(self.num_computations))
        gains = gains - params.cost * jnp.asarray(self.unit_costs)
        gains = jnp.where(self.possible(state), gains, -jnp.inf)
        # What single precision cannot tell from nothing is not worth computing for.
        rounding = 1e-6 * jnp.maximum(payoffs.max(), 1.0)
        first = (gains >= gains.max() - rounding).argmax()
        return jnp.where(gains.max() > rounding, first, self.num_computations).astype(jnp.int32)

    def is_terminated(self, state: State, params: MetalevelParams) -> Array:
        """Return whether the agent has stopped, ``[]`` bool."""
        return state.stopped

    def action_space(self, params: MetalevelParams | None = None) -> spaces.Discrete:
        """Space of the actions: the index of a computation, or ``N`` to stop."""
        return spaces.Discrete(self.num_actions)

    def observation_space(self, params: MetalevelParams) -> spaces.Box:
        """Space of the observations."""
        low, high = (bound.astype(np.float32) for bound in self.bounds())
        # gymnax takes NumPy's arrays too, whatever it declares.
        return spaces.Box(low, high, low.shape, jnp.float32)  # pyright: ignore[reportArgumentType]


def check_cost(name: str, cost: object) -> None:
    """Refuse a cost that is no number from 0 on.

    Raises:
        InputError: one line.
    """
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < np.inf:
        raise InputError(f"{name} is {cost!r}: expected a number, at least 0")


def check_count(name: str, count: object, least: int) -> None:
    """Refuse what is no whole number from ``least`` on.

    Raises:
        InputError: one line.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < least:
        raise InputError(f"{name} is {count!r}: expected a whole number, at least {least}")
