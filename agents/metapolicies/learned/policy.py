"""Learned meta-policies, the gate and the stopper: as they act, and as they try things out."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from agents.metapolicies.learned.inputs import Inputs
from agents.metapolicies.learned.network import MetaNetwork
from agents.metapolicies.rules.constant import no_carry, order
from rrplan.types import Array, Control, MetaObservation, MetaPolicy, PyTree


class Choice(NamedTuple):
    """What is recorded with an ask, to learn from."""

    inputs: Inputs  # [B, ...]
    answer: Array  # [B] int32, entry of the menu
    log_prob: Array  # [B] float32
    value: Array  # [B] float32, expected timed return to go
    keep: Array  # [B] bool, the answer was free; a gate's second in a decision is not


@functools.cache
def greedy(network: MetaNetwork) -> MetaPolicy:
    """Give the likeliest answer. Parameters: those of ``network``."""

    def apply(params: PyTree, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        del keys
        logits, _ = network(params, network.show(seen))
        answer = jnp.argmax(logits, axis=-1)
        return _control(network, answer, carry, seen)

    return MetaPolicy(no_carry, apply)


@functools.cache
def sampling(network: MetaNetwork) -> MetaPolicy:
    """Draw answers from the policy and record a :class:`Choice` of each, for training."""

    def apply(params: PyTree, keys: Array, carry: PyTree, seen: MetaObservation) -> Control:
        inputs = network.show(seen)
        logits, value = network(params, inputs)
        answer = jax.vmap(jax.random.categorical)(keys, logits).astype(jnp.int32)
        log_probs = jax.nn.log_softmax(logits)
        log_prob = jnp.take_along_axis(log_probs, answer[:, None], axis=-1)[:, 0]
        choice = Choice(inputs, answer, log_prob, value, _free(network, seen))
        return _control(network, answer, carry, seen)._replace(aux=choice)

    return MetaPolicy(no_carry, apply)


def _free(network: MetaNetwork, seen: MetaObservation) -> Array:
    """Return whether the policy may choose, ``[B]`` bool: a gate may once a decision."""
    once = network.config.kind == "gate"
    return (seen.simulations == 0) | (not once)


def _control(network: MetaNetwork, answer: Array, carry: PyTree, seen: MetaObservation) -> Control:
    extra = jnp.asarray(network.config.menu, jnp.int32)[answer]
    extra = jnp.where(_free(network, seen), extra, 0)
    return order(extra, carry)
