"""What is learned of a meta-policy's network: modules from its inputs to logits and a value."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx

from rrplan.types import Array

if TYPE_CHECKING:
    from agents.metapolicies.learned.network import MetaNetwork

_FEW = 64  # columns of a product that is written as a sum


class Columns(nnx.Module):
    """A linear layer on columns: inputs ``[f, ..., B]``, outputs ``[h, ..., B]``.

    With lanes last a product of few columns fills the vectors of a CPU. With lanes first it takes
    about three times as long. Arguments are those of ``nnx.Linear``.
    """

    def __init__(self, inputs: int, outputs: int, *, rngs: nnx.Rngs, **options: Any):
        layer = nnx.Linear(inputs, outputs, rngs=rngs, **options)
        assert layer.bias is not None  # as no option here leaves it out
        self.kernel, self.bias = layer.kernel, layer.bias

    def __call__(self, inputs: Array) -> Array:
        """Return the outputs."""
        bias = jnp.expand_dims(self.bias[...], range(1, inputs.ndim))
        return product(self.kernel[...], inputs) + bias


@jax.custom_vjp
def product(kernel: Array, inputs: Array) -> Array:
    """Return ``kernel [f, h]``, transposed, times ``inputs [f, ..., B]``: ``[h, ..., B]``.

    Few columns are summed up one by one, in one loop: a matrix product of theirs takes longer to
    begin than to multiply. Where gradients are asked for it is a matrix product: a sum that is made
    again in several places may differ in its last bit, and the gradient of a maximum bears no such
    difference.
    """
    if not 0 < len(kernel) <= _FEW:
        return _matrix_product(kernel, inputs)
    # The barrier keeps the layer before this one out of the loop.
    inputs = jax.lax.optimization_barrier(inputs)
    weights = jnp.expand_dims(kernel, range(2, inputs.ndim + 1))
    terms = [weight * column for weight, column in zip(weights, inputs, strict=True)]
    return functools.reduce(jnp.add, terms)


def _matrix_product(kernel: Array, inputs: Array) -> Array:
    return jnp.tensordot(kernel, inputs, axes=(0, 0))


def _forward(kernel: Array, inputs: Array) -> tuple[Array, tuple[Array, Array]]:
    return _matrix_product(kernel, inputs), (kernel, inputs)


def _backward(saved: tuple[Array, Array], outputs: Array) -> tuple[Array, Array]:
    kernel, inputs = saved
    others = tuple(range(1, inputs.ndim))
    of_kernel = jnp.tensordot(inputs, outputs, axes=(others, others))
    return of_kernel, jnp.tensordot(kernel, outputs, axes=(1, 0))


product.defvjp(_forward, _backward)


class Trunk(nnx.Module):
    """Pools over the legal actions (Deep Sets, arXiv 1703.06114), and looks at the leading one.

    As in all modules here, lanes come last and columns first.
    """

    def __init__(self, spec: MetaNetwork, rngs: nnx.Rngs):
        width = spec.config.width
        half = max(1, width // 2)
        self.action = Columns(spec.actions_in, half, rngs=rngs) if spec.actions_in else None
        self.deeper = Columns(half, half, rngs=rngs) if spec.actions_in else None
        pooled = 3 * half if spec.actions_in else 0
        self.first = Columns(pooled + spec.whole_in, width, rngs=rngs)
        self.second = Columns(width, width, rngs=rngs)

    def embed(
        self, actions: Array, whole: Array, legal: Array, leading: Array
    ) -> tuple[Array, Array]:
        """Return units of each action ``[half, A, B]``, and of the decision ``[width, B]``.

        Where nothing is shown of the actions, the former are those that were shown: none.
        """
        x = actions
        if self.action is not None and self.deeper is not None:
            x = jax.nn.relu(self.deeper(jax.nn.relu(self.action(actions))))
            x = jnp.where(legal, x, 0.0)
            mean = x.sum(1) / jnp.maximum(legal.sum(0), 1)
            best = jnp.take_along_axis(x, leading[None, None], axis=1)[:, 0]
            # After a ReLU nothing is negative, so that zeros of illegal actions do no harm.
            whole = jnp.concatenate([whole, mean, x.max(1), best])
        return x, jax.nn.relu(self.second(jax.nn.relu(self.first(whole))))


class Deep(Trunk):
    """Logits of what may be answered, and a value, from the decision as a whole."""

    def __init__(self, spec: MetaNetwork, rngs: nnx.Rngs):
        super().__init__(spec, rngs)
        self.policy, self.value = _heads(spec, rngs)

    def __call__(self, actions, whole, legal, leading):
        """Return outputs ``[O, B]``, which answers are made of, and values ``[B]``."""
        _, x = self.embed(actions, whole, legal, leading)
        return self.policy(x), self.value(x)[0]


class Shallow(nnx.Module):
    """The same from one hidden layer, on the decision as a whole alone."""

    def __init__(self, spec: MetaNetwork, rngs: nnx.Rngs):
        self.hidden = Columns(spec.whole_in, spec.config.width, rngs=rngs)
        self.policy, self.value = _heads(spec, rngs)

    def __call__(self, actions, whole, legal, leading):
        """Return the same as :class:`Deep`."""
        del actions, legal, leading
        x = jax.nn.relu(self.hidden(whole))
        return self.policy(x), self.value(x)[0]


def _heads(spec: MetaNetwork, rngs: nnx.Rngs) -> tuple[Columns, Columns]:
    """Return both heads at zero: first answers are the fixed k's, the first value is the root's."""
    width, zero = spec.config.width, nnx.initializers.zeros
    policy = Columns(width, spec.outputs, kernel_init=zero, rngs=rngs)
    return policy, Columns(width, 1, kernel_init=zero, rngs=rngs)
