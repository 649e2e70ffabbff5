"""One step of lookahead: every legal action is tried once in the model, and one of them taken.

No tree is searched, and no meta-policy is asked. Both agents here are policies for
:func:`rrplan.rollout_searching`. They take actions of their own, which the planner's search need
not take after any k: so the oracle does not bound them.

Each child counts as one simulation of one level. The root is evaluated as well, for the prior, and
is charged as any decision of a planner is. In an environment of chance each child keeps the one
sample that was drawn for it, as in the search; it is drawn from other keys than the real step.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from rrplan.engine.rollouts import Thought
from rrplan.errors import InputError
from rrplan.models import Position
from rrplan.models.true_model import TrueModel
from rrplan.planner import Planner
from rrplan.search import final_action
from rrplan.search.trees import Rows, argmax_by_prior
from rrplan.types import Array, Environment, LearnedModel, Network, PyTree


class Params(NamedTuple):
    """Parameters of :class:`OneStepPolicy`."""

    env_params: PyTree
    network: PyTree
    discount: Array  # [] of the child's value
    value_floor: Array  # [] of the rule *prior*, in units of return


@dataclass(frozen=True)
class OneStepPolicy:
    """Acts on the values of the root's children.

    A dataclass rather than a closure: equal ones share a compiled program.
    """

    environment: Environment
    network: Network
    acting: Literal["value", "prior"]
    """*value*: the largest r + gamma V(s'), ties by prior, then by index. *prior*: the largest
    prior logit + transformed completed Q."""

    def __call__(
        self,
        params: Params,
        keys: Array,
        state: PyTree,
        observation: PyTree,
        invalid_actions: Array,
    ) -> Thought:
        """Return the action of each lane and what it took, ``[B]`` each."""
        model = TrueModel(self.environment, params.env_params, self.network, params.discount)
        rows = try_all(model, params.network, keys, state, observation, invalid_actions)
        if self.acting == "value":
            scores = jnp.where(invalid_actions, -jnp.inf, rows.qvalues)
            action = argmax_by_prior(scores, rows.prior_logits)
        else:
            acting = final_action.Acting.by("completed_q", params.value_floor)
            action = final_action.choose_action(acting, rows, invalid_actions)
        legal = (~invalid_actions).sum(-1, dtype=jnp.int32)
        return Thought(action, simulations=legal, levels=legal)


def try_all(
    model: TrueModel,
    network_params: PyTree,
    keys: Array,
    state: PyTree,
    observation: PyTree,
    invalid_actions: Array,
) -> Rows:
    """Return roots of which each legal child has been visited once, ``[B, ...]``.

    A child's Q-value is r + gamma V(s') by the network, with V = 0 where the episode is over.

    Args:
        model: the environment with the network that evaluates it.
        network_params: pytree of arrays.
        keys: ``[B]``; action ``a`` is tried with ``fold_in(key, a)``.
        state: ``[B, ...]``, of episodes that are not over.
        observation: ``[B, ...]``.
        invalid_actions: ``[B, A]`` bool, true where illegal.
    """
    lanes, num_actions = invalid_actions.shape
    root = model.begin(network_params, Position(state, jnp.zeros(lanes, bool)), observation).root
    lane = jnp.repeat(jnp.arange(lanes), num_actions)
    action = jnp.tile(jnp.arange(num_actions, dtype=jnp.int32), lanes)
    position = Position(
        jax.tree.map(lambda leaf: leaf[lane], state), jnp.zeros(lanes * num_actions, bool)
    )
    child_keys = jax.vmap(jax.random.fold_in)(keys[lane], action)
    after, seen, reward = model.step(child_keys, action, position)
    value = model.begin(network_params, after, seen).root.value
    qvalues = (reward + model.discount * value).reshape(lanes, num_actions)
    qvalues = jnp.where(invalid_actions, 0.0, qvalues)
    visits = (~invalid_actions).astype(jnp.int32)
    node_visits = 1 + visits.sum(-1)
    return Rows(
        raw_value=root.value,
        node_value=(root.value + qvalues.sum(-1)) / node_visits,
        node_visits=node_visits,
        prior_logits=root.prior_logits,
        prior_probs=jax.nn.softmax(root.prior_logits),
        visit_counts=visits,
        qvalues=qvalues,
    )


def one_step(planner: Planner) -> tuple[OneStepPolicy, Params]:
    """Return the policy that takes the action with the largest r + gamma V(s').

    Args:
        planner: of which the environment, the network and the search's discount are used.

    Raises:
        InputError: the planner has a learned model.
    """
    return _build(planner, "value")


def one_step_prior(planner: Planner) -> tuple[OneStepPolicy, Params]:
    """Return the policy that takes the best action by prior and completed Q together.

    The transform is :func:`rrplan.search.qtransforms.completed_by_mix_value`, as in Gumbel MuZero
    (Danihelka et al. 2022) without noise, after one visit of every legal child.

    Args:
        planner: as for :func:`one_step`.

    Raises:
        InputError: the planner has a learned model.
    """
    return _build(planner, "prior")


def _build(planner: Planner, acting: Literal["value", "prior"]) -> tuple[OneStepPolicy, Params]:
    if isinstance(planner.network, LearnedModel):
        raise InputError(
            "the planner has a LearnedModel: expected a network, because one step of lookahead"
            " tries actions in the environment itself"
        )
    policy = OneStepPolicy(planner.environment, planner.network, acting)
    discount = jnp.float32(planner.search.discount)
    floor = jnp.float32(planner.value_floor)
    return policy, Params(planner.env_params, planner.params, discount, floor)
