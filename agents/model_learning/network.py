"""The network of a learned model: features of an observation, imagined steps, and a judgement.

*Features* are what the model knows of a state, ``[B, F]``, or ``[B, A, F]`` where rows of the
observation are items. They are scaled to a mean square of 1, so that an error of them means the
same everywhere, and cannot be made small by making all features small.

Source: the heads are those of Thinker's model (Chung et al. 2023, arXiv 2307.14993). Ours: features
are learned rather than predicted observations, and a head tells which actions are legal.
"""

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx

from agents.model_learning import modules
from agents.model_learning.config import ModelConfig
from agents.networks import count_parameters, flatten, functional
from rrplan.capabilities import NetworkKind, offers, return_scale_of
from rrplan.logits import mask_logits
from rrplan.types import Array, Environment, Evaluation, LearnedModel, Network, PyTree

_PARTS = {"encoder": modules.Encoder, "dynamics": modules.Dynamics, "judge": modules.Judge}


class Imagined(NamedTuple):
    """What a step is expected to bring."""

    reward: Array  # [B] in units of reward
    ended_logit: Array  # [B] above 0: the episode is over
    features: Array  # [B, ...] of the state it leads to


class Judged(NamedTuple):
    """What is expected of a state."""

    prior_logits: Array  # [B, A]
    legal_logits: Array  # [B, A] above 0: legal
    value: Array  # [B] expected return to go


@dataclass(frozen=True)
class ModelNetwork:
    """A model without its parameters: static, hashable, equal to any other of its shape.

    As a :class:`rrplan.types.Network` it judges real observations, for search in the true model.

    Attributes:
        kind: ``"items"`` or ``"mlp"``.
        width: units of a hidden layer, and of features.
        layers: hidden layers after the first.
        num_actions: ``A``.
        input_shape: of one observation; an MLP's is flat.
        return_scale: what rewards and values are multiples of.
        discount: of a real step.
    """

    kind: str
    width: int
    layers: int
    num_actions: int
    input_shape: tuple[int, ...]
    return_scale: float = 1.0
    discount: float = 1.0

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters: nested dicts of float32 arrays."""
        keys = jax.random.split(key, len(_PARTS))
        return {
            name: functional.init(make, self, one)
            for one, (name, make) in zip(keys, _PARTS.items(), strict=True)
        }

    def embed(self, params: PyTree, observation: PyTree) -> Array:
        """Return the features ``[B, ...]`` of observations ``[B, ...]``."""
        if self.kind == "mlp":
            flat = flatten(observation)
            observation = jnp.sign(flat) * jnp.log1p(jnp.abs(flat))
        return functional.apply(modules.Encoder, self, params["encoder"], observation)

    def step(self, params: PyTree, features: Array, action: Array) -> Imagined:
        """Imagine one step by ``action [B]`` from features ``[B, ...]``."""
        reward, ended, after = functional.apply(
            modules.Dynamics, self, params["dynamics"], features, action
        )
        return Imagined(reward * self.return_scale, ended, after)

    def judge(self, params: PyTree, features: Array) -> Judged:
        """Return what is expected of states, from their features ``[B, ...]``."""
        prior, legal, value = functional.apply(modules.Judge, self, params["judge"], features)
        return Judged(prior, legal, value * self.return_scale)

    def summary(self, features: Array) -> Array:
        """Return features as meta-policies see them, ``[B, F]``: of items, their mean and most."""
        return modules.pool(features) if self.kind == "items" else features

    def __call__(self, params: PyTree, observation: PyTree) -> Evaluation:
        """Judge a batch of real observations ``[B, ...]``."""
        features = self.embed(params, observation)
        judged = self.judge(params, features)
        return Evaluation(judged.prior_logits, judged.value, self.summary(features))

    def describe(self) -> dict[str, int | str]:
        """Return one row for a table of networks: kind, width, depth, parameters."""
        parameters = count_parameters(jax.eval_shape(self.init, jax.random.key(0)))
        return {
            "kind": self.kind,
            "width": self.width,
            "depth": self.layers,
            "parameters": parameters,
        }


def build(
    config: ModelConfig,
    environment: Environment,
    env_params: PyTree,
    network: Network,
    discount: float,
) -> ModelNetwork:
    """Return a model that fits an environment's observations. Nothing is computed.

    Args:
        config: how large it is.
        environment: whose steps it is to predict.
        env_params: its parameters.
        network: the planner's: where that is of items, so is the model.
        discount: of a real step, in the search.
    """
    key = jax.eval_shape(lambda: jax.random.key(0))
    _, observation = jax.eval_shape(environment.reset, key, env_params)
    leaves = jax.tree.leaves(observation)
    items = offers(network, NetworkKind) and network.kind == "items" and len(leaves) == 1
    flat = (sum(math.prod(leaf.shape) for leaf in leaves),)
    return ModelNetwork(
        kind="items" if items else "mlp",
        width=config.width,
        layers=config.layers,
        num_actions=environment.num_actions,
        input_shape=tuple(leaves[0].shape) if items else flat,
        return_scale=return_scale_of(network),
        discount=float(discount),
    )


@functools.cache
def learned_model(network: ModelNetwork) -> LearnedModel:
    """Return what a planner searches in, with the parameters of ``network``.

    A step after which the episode is expected to be over (above one half) has discount 0. An
    action that is expected to be illegal is not imagined; where all are, all may be. Equal networks
    give the same object, so that programs are compiled once.
    """

    def root_fn(params: PyTree, key: Array, observation: PyTree) -> mctx.RootFnOutput:
        del key
        features = network.embed(params, observation)
        judged = network.judge(params, features)
        return mctx.RootFnOutput(
            prior_logits=judged.prior_logits, value=judged.value, embedding=features
        )

    def recurrent_fn(
        params: PyTree, key: Array, action: Array, embedding: PyTree
    ) -> tuple[mctx.RecurrentFnOutput, PyTree]:
        del key
        imagined = network.step(params, embedding, action)
        judged = network.judge(params, imagined.features)
        ended = imagined.ended_logit > 0
        output = mctx.RecurrentFnOutput(
            reward=imagined.reward,
            discount=jnp.where(ended, 0.0, network.discount),
            prior_logits=mask_logits(judged.prior_logits, ~expected_legal(judged.legal_logits)),
            value=jnp.where(ended, 0.0, judged.value),
        )
        return output, imagined.features

    return LearnedModel(
        root_fn,
        recurrent_fn,
        features_fn=network.summary,
        kind=network.kind,
        return_scale=network.return_scale,
    )


def network_of(model: Network | LearnedModel) -> ModelNetwork | None:
    """Return what :func:`learned_model` made a model of; None of what others have made."""
    owner = getattr(getattr(model, "features_fn", None), "__self__", None)
    return owner if isinstance(owner, ModelNetwork) and learned_model(owner) == model else None


def expected_legal(logits: Array) -> Array:
    """Return which actions count as legal, ``[B, A]`` bool: all, where none is expected to be."""
    legal = logits > 0
    return legal | ~legal.any(axis=-1, keepdims=True)
