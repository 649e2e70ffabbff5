"""Learned meta-policies, the gate and the stopper: as they act, and as they try things out."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from agents.metapolicies.learned.inputs import Inputs
from agents.metapolicies.learned.network import MetaNetwork
from rrplan.types import Array, Control, MetaObservation, MetaPolicy, PyTree


class Choice(NamedTuple):
    """What is recorded with an ask, to learn from."""

    inputs: Inputs  # [B, ...]
    answer: Array  # [B] int32, which of the network's answers
    log_prob: Array  # [B] float32, among what may be answered: the inputs say what
    value: Array  # [B] float32, expected timed return to go


@functools.cache
def greedy(network: MetaNetwork) -> MetaPolicy:
    """Give the likeliest answer. Parameters: those of ``network``."""

    def apply(params: PyTree, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        del keys
        logits, _ = network(params, network.show(seen, params))
        answer = jnp.argmax(logits, axis=-1)
        return network.control(answer, carry, seen)

    return MetaPolicy(network.begin, apply, network.config.looks, network.act)


@functools.cache
def sampling(network: MetaNetwork) -> MetaPolicy:
    """Draw answers from the policy and record a :class:`Choice` of each, for training."""

    def apply(params: PyTree, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        inputs = network.show(seen, params)
        logits, value = network(params, inputs)
        answer = jax.vmap(jax.random.categorical)(keys, logits).astype(jnp.int32)
        log_probs = jax.nn.log_softmax(logits)
        log_prob = jnp.take_along_axis(log_probs, answer[:, None], axis=-1)[:, 0]
        choice = Choice(inputs, answer, log_prob, value)
        return network.control(answer, carry, seen)._replace(aux=choice)

    return MetaPolicy(network.begin, apply, network.config.looks, network.act)
