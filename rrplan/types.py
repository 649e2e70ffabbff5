"""The words of the suite as types: environments, evaluations, meta-policies, costs.

Axis letters used in every shape comment of the project:

====== =====================================================
letter meaning
====== =====================================================
``A``  actions
``B``  lanes: environments that run side by side
``E``  episodes
``F``  features of a network's last hidden layer
``M``  slots of a lane's search tree
``D``  edges on the path of one simulation (its depth)
====== =====================================================

A trailing ``...`` stands for the shape of one observation, state or carry.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax

PyTree = Any
Array = jax.Array


class Transition(NamedTuple):
    """What one environment step returns. Unbatched: callers ``vmap``."""

    state: PyTree  # [...]
    observation: PyTree  # [...] what the network sees
    reward: Array  # [] float32
    terminated: Array  # [] bool, the task is over
    truncated: Array  # [] bool, a time limit cut it


class Environment(Protocol):
    """What the engine asks of an environment. ``envs.adapt`` makes it from a gymnax one.

    Objects are static (hashable, closed over by compiled programs); ``params`` is traced.
    All methods are unbatched and pure.
    """

    @property
    def num_actions(self) -> int:
        """Number of discrete actions, ``A``."""

    def reset(self, key: Array, params: PyTree) -> tuple[PyTree, PyTree]:
        """Return the first ``(state, observation)`` of an episode."""

    def step(self, key: Array, state: PyTree, action: Array, params: PyTree) -> Transition:
        """Step once, without automatic reset."""

    def invalid_actions(self, state: PyTree, params: PyTree) -> Array:
        """Return a boolean mask ``[A]``, true where an action is illegal."""


class Evaluation(NamedTuple):
    """A network's answer for a batch of observations."""

    prior_logits: Array  # [B, A] float32, not yet masked by legality
    value: Array  # [B] float32, expected undiscounted return to go
    features: Array  # [B, F] float32, last hidden layer


Network = Callable[[PyTree, PyTree], Evaluation]
"""``(params, observation [B, ...]) -> Evaluation``; static and hashable."""


class MetaObservation(NamedTuple):
    """What a meta-policy sees when it is asked: the root and its search so far."""

    observation: PyTree  # [B, ...] of the root
    features: Array  # [B, F] the planner network's last hidden layer at the root
    prior_logits: Array  # [B, A] masked: the lowest float where illegal
    invalid_actions: Array  # [B, A] bool, true where illegal
    visit_counts: Array  # [B, A] int32
    qvalues: Array  # [B, A] float32, 0 where unvisited
    qvalue_variances: Array  # [B, A] float32 of the returns backed up; 0 unless it is kept
    raw_value: Array  # [B] float32, the network's value of the root
    search_value: Array  # [B] float32, mean over the network's value and the simulations
    simulations: Array  # [B] int32, done for this decision
    simulations_left: Array  # [B] int32, until the cap
    decision: Array  # [B] int32, index of this decision in its episode
    price: Array  # [B] float32, cost of one simulation
    budget_left: Array  # [B] int32, simulations left to the episode


class Control(NamedTuple):
    """A meta-policy's answer."""

    extra_simulations: Array  # [B] int32, 0 = act now
    max_depth: Array  # [B] int32, depth limit from now on
    carry: PyTree  # [B, ...], lives as long as the episode
    aux: PyTree = ()  # [B, ...], recorded with the ask


class MetaPolicy(NamedTuple):
    """Decides how many more simulations to run before acting.

    ``init(batch_size)`` returns a fresh carry ``[B, ...]``; ``apply(params, key, carry,
    meta_observation)`` returns a :class:`Control`. ``key`` is ``[B]``, one key a lane, and
    belongs to the lane's episode and ask. ``simulations == 0`` marks a new decision.
    Both callables are static; what is swept goes into ``params``.
    """

    init: Callable[[int], PyTree]
    apply: Callable[[PyTree, Array, PyTree, MetaObservation], Control]


class Costs(NamedTuple):
    """What thinking costs. All fields are traced, so that a sweep compiles once."""

    price: Array | float = 0.0  # [] or [E], of one simulation, in units of return
    decision_fee: Array | float = 0.0  # [], charged at every decision
    ask_fee: Array | float = 0.0  # [], charged at every ask of the meta-policy
    cap: Array | int = 2**30  # [] int32, most simulations of one decision
    budget: Array | int = 2**30  # [] int32, most simulations of one episode


class Episodes(NamedTuple):
    """One row per finished episode."""

    untimed_return: Array  # [E] float32, sum of rewards
    timed_return: Array  # [E] float32, untimed_return - cost
    cost: Array  # [E] float32, prices and fees
    simulations: Array  # [E] int32
    length: Array  # [E] int32, decisions
    asks: Array  # [E] int32, times the meta-policy was asked
