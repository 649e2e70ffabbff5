"""What is learned of a meta-policy's network: modules from its inputs to logits and a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx

from rrplan.types import Array

if TYPE_CHECKING:
    from agents.metapolicies.learned.network import MetaNetwork


class Trunk(nnx.Module):
    """Pools over the legal actions (Deep Sets, arXiv 1703.06114), and looks at the leading one."""

    def __init__(self, spec: MetaNetwork, rngs: nnx.Rngs):
        width = spec.config.width
        half = max(1, width // 2)
        self.action = nnx.Linear(spec.actions_in, half, rngs=rngs) if spec.actions_in else None
        self.deeper = nnx.Linear(half, half, rngs=rngs) if spec.actions_in else None
        pooled = 3 * half if spec.actions_in else 0
        self.first = nnx.Linear(pooled + spec.whole_in, width, rngs=rngs)
        self.second = nnx.Linear(width, width, rngs=rngs)

    def embed(
        self, actions: Array, whole: Array, legal: Array, leading: Array
    ) -> tuple[Array, Array]:
        """Return units of each action ``[B, A, half]``, and of the decision ``[B, width]``.

        Where nothing is shown of the actions, the former are those that were shown: none.
        """
        x = actions
        if self.action is not None and self.deeper is not None:
            x = jax.nn.relu(self.deeper(jax.nn.relu(self.action(actions))))
            x = jnp.where(legal[..., None], x, 0.0)
            mean = x.sum(1) / jnp.maximum(legal.sum(-1), 1)[:, None]
            best = jnp.take_along_axis(x, leading[:, None, None], axis=1)[:, 0]
            # After a ReLU nothing is negative, so that zeros of illegal actions do no harm.
            whole = jnp.concatenate([whole, mean, x.max(1), best], axis=-1)
        return x, jax.nn.relu(self.second(jax.nn.relu(self.first(whole))))


class Deep(Trunk):
    """Logits of what may be answered, and a value, from the decision as a whole."""

    def __init__(self, spec: MetaNetwork, rngs: nnx.Rngs):
        super().__init__(spec, rngs)
        self.policy, self.value = _heads(spec, rngs)

    def __call__(self, actions, whole, legal, leading):
        """Return outputs ``[B, O]``, which answers are made of, and values ``[B]``."""
        _, x = self.embed(actions, whole, legal, leading)
        return self.policy(x), self.value(x)[:, 0]


class Shallow(nnx.Module):
    """The same from one hidden layer, on the decision as a whole alone."""

    def __init__(self, spec: MetaNetwork, rngs: nnx.Rngs):
        self.hidden = nnx.Linear(spec.whole_in, spec.config.width, rngs=rngs)
        self.policy, self.value = _heads(spec, rngs)

    def __call__(self, actions, whole, legal, leading):
        """Return the same as :class:`Deep`."""
        del actions, legal, leading
        x = jax.nn.relu(self.hidden(whole))
        return self.policy(x), self.value(x)[:, 0]


def _heads(spec: MetaNetwork, rngs: nnx.Rngs) -> tuple[nnx.Linear, nnx.Linear]:
    """Return both heads at zero: first answers are the fixed k's, the first value is the root's."""
    width, zero = spec.config.width, nnx.initializers.zeros
    policy = nnx.Linear(width, spec.outputs, kernel_init=zero, rngs=rngs)
    return policy, nnx.Linear(width, 1, kernel_init=zero, rngs=rngs)
