"""The environment as its own model in mctx's terms: for planners that are not the lane engine.

Past the end of an episode the state stays as it is, and reward, value and discount are selected
to be zero: terminal states need not absorb, and 0 · NaN would be NaN.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx

from rrplan.logits import mask_logits
from rrplan.models.interface import Position, where
from rrplan.models.static_leaves import Division, find_division
from rrplan.types import Array, Environment, Evaluation, Network, PyTree


class Begun(NamedTuple):
    """What a search from real states starts with, to hand to a policy of mctx's kind."""

    params: tuple[PyTree, PyTree]  # the network's, and what no step changes of the states
    root: mctx.RootFnOutput  # [B]; an embedding is a Position
    invalid_actions: Array  # [B, A] bool, true where illegal
    features: Array  # [B, F] the network's last hidden layer


class TrueModel(NamedTuple):
    """The true model and a network that evaluates what it leads to.

    ``environment``, ``network`` and ``division`` are static; the rest may be traced.
    """

    environment: Environment
    env_params: PyTree
    network: Network
    discount: Array | float = 1.0  # [] of real steps, in the search
    division: Division | None = None  # what nodes hold of a state; all of it if None

    def begin(self, network_params: PyTree, position: Position, observation: PyTree) -> Begun:
        """Evaluate real states, to search from them.

        Args:
            network_params: pytree of arrays.
            position: ``[B]``, with whole states.
            observation: ``[B, ...]`` of that position.
        """
        moving, still = self._divide(position.state)
        evaluation, invalid = self._evaluate(network_params, position, observation)
        root = mctx.RootFnOutput(
            prior_logits=evaluation.prior_logits,
            value=evaluation.value,
            embedding=Position(moving, position.done),
        )
        return Begun((network_params, still), root, invalid, evaluation.features)

    def recurrent_fn(
        self, params: tuple[PyTree, PyTree], key: Array, action: Array, embedding: Position
    ) -> tuple[mctx.RecurrentFnOutput, Position]:
        """Imagine one step of every lane; an mctx ``recurrent_fn``.

        Args:
            params: those of :class:`Begun`.
            key: scalar key, split over lanes for environments of chance.
            action: ``[B]`` int32.
            embedding: ``[B]``, the nodes to step from.
        """
        network_params, still = params
        position = Position(self._join(embedding.state, still), embedding.done)
        keys = jax.random.split(key, action.shape[0])
        after, observation, reward = self.step(keys, action, position)
        evaluation, _ = self._evaluate(network_params, after, observation)
        output = mctx.RecurrentFnOutput(
            reward=reward,
            discount=jnp.where(after.done, 0.0, self.discount),
            prior_logits=evaluation.prior_logits,
            value=evaluation.value,
        )
        return output, Position(self._divide(after.state)[0], after.done)

    def step(
        self, keys: Array, action: Array, position: Position
    ) -> tuple[Position, PyTree, Array]:
        """Step whole states by ``action [B]``, with ``keys [B]``.

        Returns:
            The positions ``[B]`` come to, what is seen there, and the rewards ``[B]``.
        """
        step = jax.vmap(self.environment.step, (0, 0, 0, None))
        after = step(keys, position.state, action, self.env_params)
        following = Position(
            where(position.done, position.state, after.state),
            position.done | after.terminated | after.truncated,
        )
        return following, after.observation, jnp.where(position.done, 0.0, after.reward)

    def _evaluate(
        self, network_params: PyTree, position: Position, observation: PyTree
    ) -> tuple[Evaluation, Array]:
        """Return the network's word, its prior logits masked, and illegal actions ``[B, A]``."""
        evaluation = self.network(network_params, observation)
        over_lanes = jax.vmap(self.environment.invalid_actions, (0, None))
        invalid = over_lanes(position.state, self.env_params)
        masked = evaluation._replace(
            prior_logits=mask_logits(evaluation.prior_logits, invalid),
            value=jnp.where(position.done, 0.0, evaluation.value),
        )
        return masked, invalid

    def _divide(self, state: PyTree) -> tuple[PyTree, PyTree]:
        return (state, ()) if self.division is None else self.division.divide(state)

    def _join(self, moving: PyTree, still: PyTree) -> PyTree:
        return moving if self.division is None else self.division.join(moving, still)


def make_true_model(
    environment: Environment,
    env_params: PyTree,
    network: Network,
    discount: Array | float = 1.0,
) -> TrueModel:
    """Return the true model whose nodes hold only what a step may change of a state.

    A tree copies its nodes' embeddings again and again, so what belongs to the episode (an
    instance's weights, a map) is better kept once a lane than once a node.
    """
    division = find_division(environment, env_params)
    return TrueModel(environment, env_params, network, discount, division)
