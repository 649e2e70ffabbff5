"""Controls that choose actions themselves, with the network and the training of a meta-policy.

Both look once a decision, before any search, and remember the action that they want. *ranks*
answers as a gate does. Its k says which of the prior's actions is taken: choosing among actions is
all that it can do. *direct* answers with an action, and never searches.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from agents.metapolicies.learned.modules import Columns, Trunk
from agents.metapolicies.learned.network import FORBIDDEN, MetaNetwork, columns
from agents.metapolicies.rules import constant
from agents.networks import functional
from rrplan.types import Array, Control, MetaObservation, PyTree


class Wanted(NamedTuple):
    """The action that was chosen last, and for which decision, ``[B]`` int32 each."""

    decision: Array  # -1 before the first
    action: Array


def nothing(batch_size: int) -> Wanted:
    """Return the carry of lanes that have not looked yet."""
    none = jnp.zeros(batch_size, jnp.int32)
    return Wanted(none - 1, none)


def take(carry: Wanted, decision: Array, action: Array) -> Array:
    """Return the action ``[B]`` that was chosen for this decision, else the planner's."""
    return jnp.where(carry.decision == decision, carry.action, action)


class ActionInputs(NamedTuple):
    """The first fields of an ``Inputs`` of a meta-network, with the prior that is added to."""

    actions: Array  # [B, A, f] float32
    whole: Array  # [B, g] float32
    legal: Array  # [B, A] bool
    leading: Array  # [B] int32
    simulations: Array  # [B] int32
    value: Array  # [B] float32
    prior: Array  # [B, A] float32, logits


@dataclass(frozen=True)
class RanksNetwork(MetaNetwork):
    """A gate whose answer of index ``j`` takes the prior's action of rank ``j + 1``.

    Where fewer actions are legal, it takes the last of them. The simulations of the answer are run
    and charged, and nothing that they find is used.
    """

    begin = staticmethod(nothing)
    act = staticmethod(take)

    def control(self, answer: Array, carry: PyTree, seen: MetaObservation) -> Control:
        """Return the simulations that answers ``[B]`` order, and remember the actions."""
        by_rank = jnp.argsort(-seen.prior_logits, axis=-1)  # stable: of equals, the first
        rank = jnp.minimum(answer, (~seen.invalid_actions).sum(-1) - 1)
        action = jnp.take_along_axis(by_rank, rank[:, None], axis=-1)[:, 0]
        wanted = Wanted(seen.decision, action.astype(jnp.int32))
        return super().control(answer, carry, seen)._replace(carry=wanted)


@dataclass(frozen=True)
class DirectNetwork(MetaNetwork):
    """A meta-network whose answers are actions: the planner's prior logits, and what is added.

    Attributes:
        num_actions: ``A``.
    """

    num_actions: int = 0

    begin = staticmethod(nothing)
    act = staticmethod(take)

    @property
    def module(self) -> functional.Make:
        """What is made of its inputs."""
        return _Actions

    def __call__(self, params: PyTree, inputs: Any) -> tuple[Array, Array]:
        """Return logits over the actions ``[B, A]`` and the expected timed return to go ``[B]``."""
        shown = columns(params, inputs)
        added, value = functional.apply(self.module, self, params["weights"], *shown)
        logits = jnp.where(inputs.legal, inputs.prior + added.T, FORBIDDEN)
        return logits, inputs.value + params["value_deviation"] * value

    def show(self, seen: MetaObservation, params: PyTree = None) -> Any:
        """Return the :class:`ActionInputs` that it sees of a meta-observation."""
        shown = super().show(seen, params)
        known = {name: getattr(shown, name) for name in ActionInputs._fields if name != "prior"}
        return ActionInputs(**known, prior=seen.prior_logits)

    def control(self, answer: Array, carry: PyTree, seen: MetaObservation) -> Control:
        """Order no simulation, and remember the actions ``[B]``."""
        del carry
        wanted = Wanted(seen.decision, answer.astype(jnp.int32))
        return constant.order(jnp.zeros_like(wanted.action), wanted)

    def stops(self, answer: Array) -> Array:
        """Return that it never searches."""
        return jnp.ones_like(answer, bool)


class _Actions(Trunk):
    """A logit of each action from its own units and those of the decision, and a value.

    What is shown of an action need not tell which one it is: where the observation has no row for
    each action, another head gives each index a logit.
    """

    def __init__(self, spec: DirectNetwork, rngs: nnx.Rngs):
        super().__init__(spec, rngs)
        width, zero = spec.config.width, nnx.initializers.zeros
        half = max(1, width // 2)
        self.mix = Columns(half + width, half, rngs=rngs) if spec.actions_in else None
        self.logit = Columns(half, 1, kernel_init=zero, rngs=rngs) if spec.actions_in else None
        by_index = Columns(width, spec.num_actions, kernel_init=zero, rngs=rngs)
        self.index = None if spec.rows_are_actions else by_index
        self.value = Columns(width, 1, kernel_init=zero, rngs=rngs)

    def __call__(self, actions, whole, legal, leading):
        each, x = self.embed(actions, whole, legal, leading)
        logits = jnp.zeros(legal.shape)
        if self.mix is not None and self.logit is not None:
            around = jnp.broadcast_to(x[:, None], (len(x), *legal.shape))
            mixed = jax.nn.relu(self.mix(jnp.concatenate([each, around])))
            logits += self.logit(mixed)[0]
        if self.index is not None:
            logits += self.index(x)
        return logits, self.value(x)[0]
