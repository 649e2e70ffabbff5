"""Where a search's next state comes from: the environment itself, or a learned model.

A tick asks a model twice. :meth:`Model.step` moves every lane by one action, imagined or
real; then, after lanes whose episode ended have been handed their next first state,
:meth:`Model.answer` says what to write into the tree for the state that each lane came to.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp

from rrplan.costs import Costs
from rrplan.logits import mask_logits
from rrplan.models.static_leaves import Division, find_division
from rrplan.search.final_action import Acting
from rrplan.types import Array, Environment, LearnedModel, Network, PyTree


class Settings(NamedTuple):
    """What is swept: traced, so that a study compiles once."""

    env_params: PyTree
    model_params: PyTree
    meta_params: PyTree
    key: Array  # [] of the evaluation
    costs: Costs
    acting: Acting
    c_init: Array  # []
    c_base: Array  # []
    discount: Array  # [] of real steps, in the search; a learned model tells its own


class Position(NamedTuple):
    """A place in the environment: its state, and whether its episode is over."""

    state: PyTree  # [B, ...]
    done: Array  # [B] bool


class Before(NamedTuple):
    """Where the lanes stand when a tick steps them."""

    embedding: PyTree  # [B, ...] what the tree holds of the node to step from
    real: PyTree  # [B, ...] what :meth:`Model.keep` kept
    observation: PyTree  # [B, ...] of the root


class Moved(NamedTuple):
    """Where the lanes are after a step."""

    position: Position  # [B] the state to evaluate; with a learned model the real one, always
    observation: PyTree  # [B, ...] of that position
    reward: Array  # [B] imagined or real
    imagined: PyTree = ()  # [B, ...] what a learned model answered


class Answer(NamedTuple):
    """What the tree is told of the states that the lanes came to."""

    embedding: PyTree  # [B, ...]
    prior_logits: Array  # [B, A] masked: the lowest float where illegal
    value: Array  # [B]
    discount: Array  # [B] of the edge into it, 0 at an end
    features: Array  # [B, F] of the state; a perfect model's are those of its network
    invalid_actions: Array  # [B, A] bool, of the root, where the lane has a new one


class Model(Protocol):
    """A planner's model of its environment. Static and hashable; all methods are batched."""

    @property
    def environment(self) -> Environment:
        """Where real steps are made."""
        ...

    def step(
        self, settings: Settings, keys: Array, thinking: Array, action: Array, before: Before
    ) -> Moved:
        """Move each lane by its action: thinking lanes in the model, the others really.

        ``keys`` are one a lane, drawn for its imagined or its real step.
        """
        ...

    def root(self, settings: Settings, keys: Array, position: Position, observation) -> Answer:
        """Answer for real states."""
        ...

    def answer(self, settings: Settings, keys: Array, thinking: Array, moved: Moved) -> Answer:
        """Answer for the states that the lanes came to."""
        ...

    def keep(self, position: Position) -> PyTree:
        """Return what each lane must keep of its real position beside its tree."""
        ...


def make_model(
    environment: Environment, env_params: PyTree, network: Network | LearnedModel
) -> "Perfect | Learned":
    """Return the environment as its own model, or a learned one."""
    if isinstance(network, LearnedModel):
        return Learned(environment, network)
    return Perfect(environment, network, find_division(environment, env_params))


@dataclass(frozen=True)
class Perfect:
    """The environment's own step is the model: imagined and real steps are the same call.

    The tree holds what a step may change of a state; the rest is kept once a lane.
    """

    environment: Environment
    network: Network
    division: Division

    def step(
        self, settings: Settings, keys: Array, thinking: Array, action: Array, before: Before
    ) -> Moved:
        """Step the environment once for all lanes, from the nodes that the tree holds."""
        del thinking
        parent, still = before.embedding, before.real
        state = self.division.join(parent.state, still)
        transition = _step_environment(self, settings, keys, state, action)
        # Terminal states need not absorb: what follows them is frozen, and pays nothing.
        moving, _ = self.division.divide(transition.state)
        state = self.division.join(where(parent.done, parent.state, moving), still)
        reward = jnp.where(parent.done, 0.0, transition.reward)
        done = parent.done | transition.terminated | transition.truncated
        return Moved(Position(state, done), transition.observation, reward)

    def root(self, settings: Settings, keys: Array, position: Position, observation) -> Answer:
        """Evaluate each state by the network."""
        del keys
        evaluation = self.network(settings.model_params, observation)
        invalid = _invalid_actions(self, settings, position)
        moving, _ = self.division.divide(position.state)
        return Answer(
            embedding=Position(moving, position.done),
            prior_logits=mask_logits(evaluation.prior_logits, invalid),
            value=jnp.where(position.done, 0.0, evaluation.value),
            discount=jnp.where(position.done, 0.0, settings.discount),
            features=evaluation.features,
            invalid_actions=invalid,
        )

    def answer(self, settings: Settings, keys: Array, thinking: Array, moved: Moved) -> Answer:
        """Evaluate each state by the network, imagined or real."""
        del thinking
        return self.root(settings, keys, moved.position, moved.observation)

    def keep(self, position: Position) -> PyTree:
        """Keep what no step changes: the root's slot holds the rest of the real state."""
        return self.division.divide(position.state)[1]


@dataclass(frozen=True)
class Learned:
    """A model in mctx's terms. Each tick costs a real step and a root beside the imagined ones.

    Both functions are called once for each lane, under ``vmap``, with a batch of one: so each
    lane has a key of its own, and a stochastic model's samples belong to the episode.
    """

    environment: Environment
    functions: LearnedModel

    def step(
        self, settings: Settings, keys: Array, thinking: Array, action: Array, before: Before
    ) -> Moved:
        """Step the model from the nodes of the tree, and the environment from the real states."""
        transition = _step_environment(self, settings, keys, before.real, action)
        over = transition.terminated | transition.truncated
        output, embedding = call_by_lane(
            self.functions.recurrent_fn, settings.model_params, keys, action, before.embedding
        )
        return Moved(
            # A thinking lane stays where it is.
            Position(where(thinking, before.real, transition.state), ~thinking & over),
            where(thinking, before.observation, transition.observation),
            jnp.where(thinking, output.reward, transition.reward),
            (output, embedding),
        )

    def root(self, settings: Settings, keys: Array, position: Position, observation) -> Answer:
        """Embed and evaluate each observation."""
        root = call_by_lane(self.functions.root_fn, settings.model_params, keys, observation)
        invalid = _invalid_actions(self, settings, position)
        return Answer(
            embedding=root.embedding,
            prior_logits=mask_logits(root.prior_logits, invalid),
            value=root.value,
            discount=jnp.ones_like(root.value),
            features=self._features(root.embedding, position.done.shape[0]),
            invalid_actions=invalid,
        )

    def answer(self, settings: Settings, keys: Array, thinking: Array, moved: Moved) -> Answer:
        """Answer with what was imagined, or for lanes that have acted with a new root."""
        root = self.root(settings, keys, moved.position, moved.observation)
        output, embedding = moved.imagined
        lowest = jnp.finfo(output.prior_logits.dtype).min  # finite, also where a model says -inf
        imagined = root._replace(
            embedding=embedding,
            prior_logits=jnp.maximum(output.prior_logits, lowest),
            value=output.value,
            discount=output.discount,
            features=self._features(embedding, thinking.shape[0]),
        )
        return where(thinking, imagined, root)

    def keep(self, position: Position) -> PyTree:
        """Keep the real state: the tree holds embeddings."""
        return position.state

    def _features(self, embedding: PyTree, num_lanes: int) -> Array:
        """Return what the model tells of nodes as features, ``[B, F]``."""
        if self.functions.features_fn is not None:
            return self.functions.features_fn(embedding)
        return _flatten(embedding, num_lanes)


def call_by_lane(function, params: PyTree, keys: Array, *inputs: PyTree) -> PyTree:
    """Call a function of mctx's kind, ``(params, key, *inputs [B, ...])``, with a key a lane."""

    def call(key, *lane):
        batch_of_one = jax.tree.map(lambda leaf: leaf[None], lane)
        return jax.tree.map(lambda leaf: leaf[0], function(params, key, *batch_of_one))

    return jax.vmap(call)(keys, *inputs)


def where(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    """Select lane by lane over pytrees of arrays ``[B, ...]``."""

    def select(a, b):
        return jnp.where(condition.reshape(condition.shape + (1,) * (b.ndim - 1)), a, b)

    return jax.tree.map(select, new, old)


def finite(tree: PyTree) -> Array:
    """Return for which lanes ``[B]`` every number of arrays ``[B, ...]`` is finite."""
    leaves = [leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(tree)]
    return jnp.stack([jnp.isfinite(leaf).all(axis=1) for leaf in leaves]).all(axis=0)


def _step_environment(model: Model, settings: Settings, keys: Array, state: PyTree, action: Array):
    step = jax.vmap(model.environment.step, (0, 0, 0, None))
    return step(keys, state, action, settings.env_params)


def _invalid_actions(model: Model, settings: Settings, position: Position) -> Array:
    over_lanes = jax.vmap(model.environment.invalid_actions, (0, None))
    return over_lanes(position.state, settings.env_params)


def _flatten(embedding: PyTree, num_lanes: int) -> Array:
    """Return an embedding's floating-point leaves as features ``[B, F]``."""
    leaves = [
        leaf.reshape(num_lanes, -1).astype(jnp.float32)
        for leaf in jax.tree.leaves(embedding)
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    return jnp.concatenate([jnp.zeros((num_lanes, 0)), *leaves], axis=1)
