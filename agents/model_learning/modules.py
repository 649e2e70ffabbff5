"""The parts of a model: what embeds observations, what imagines a step, what judges features."""

from typing import Protocol

import jax
import jax.numpy as jnp
from flax import nnx

from rrplan.types import Array

_SMALL = 1e-6


class Spec(Protocol):
    """What the parts need to know, see :class:`agents.model_learning.network.ModelNetwork`."""

    @property
    def kind(self) -> str:
        """``"items"`` or ``"mlp"``."""
        ...

    @property
    def width(self) -> int:
        """Units of a hidden layer, and of features."""
        ...

    @property
    def layers(self) -> int:
        """Hidden layers after the first."""
        ...

    @property
    def num_actions(self) -> int:
        """``A``."""
        ...

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one observation."""
        ...


def pool(x: Array) -> Array:
    """Return means and maxima over items, ``[B, 2 F]`` of ``[B, A, F]``."""
    return jnp.concatenate([x.mean(axis=1), x.max(axis=1)], axis=-1)


def scale(x: Array) -> Array:
    """Return features scaled to a mean square of 1."""
    return x * jax.lax.rsqrt(jnp.square(x).mean(axis=-1, keepdims=True) + _SMALL)


class _Layer(nnx.Module):
    """A linear layer; of items, one that also sees all items pooled (arXiv 1703.06114)."""

    def __init__(self, spec: Spec, inputs: int, rngs: nnx.Rngs):
        self.own = nnx.Linear(inputs, spec.width, rngs=rngs)
        pools = spec.kind == "items"
        self.pooled = (
            nnx.Linear(2 * inputs, spec.width, use_bias=False, rngs=rngs) if pools else None
        )

    def __call__(self, x: Array) -> Array:
        return self.own(x) if self.pooled is None else self.own(x) + self.pooled(pool(x))[:, None]


class _Trunk(nnx.Module):
    """Hidden layers, and a last layer without a nonlinearity."""

    def __init__(self, spec: Spec, inputs: int, rngs: nnx.Rngs):
        sizes = [inputs] + [spec.width] * spec.layers
        self.hidden = nnx.List([_Layer(spec, size, rngs) for size in sizes])
        self.last = nnx.Linear(spec.width, spec.width, rngs=rngs)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        for layer in self.hidden:
            x = jax.nn.relu(layer(x))
        return x, self.last(x)


class Encoder(nnx.Module):
    """Features of an observation."""

    def __init__(self, spec: Spec, rngs: nnx.Rngs):
        self.trunk = _Trunk(spec, spec.input_shape[-1], rngs)

    def __call__(self, observation: Array) -> Array:
        """Return features ``[B, ...]`` of observations ``[B, ...]``."""
        return scale(self.trunk(observation)[1])


class Dynamics(nnx.Module):
    """Changes features by a step, and tells reward and end of it."""

    def __init__(self, spec: Spec, rngs: nnx.Rngs):
        self.items, self.num_actions = spec.kind == "items", spec.num_actions
        # Of items: which one is acted on, and its features, beside each item's own.
        inputs = 2 * spec.width + 1 if self.items else spec.width + spec.num_actions
        self.trunk = _Trunk(spec, inputs, rngs)
        self.outcome = nnx.Linear((3 if self.items else 1) * spec.width, spec.width, rngs=rngs)
        self.reward = _head(spec.width, 1, rngs)
        self.ended = _head(spec.width, 1, rngs)

    def __call__(self, features: Array, action: Array) -> tuple[Array, Array, Array]:
        """Return reward ``[B]``, logits of an end ``[B]`` and next features ``[B, ...]``."""
        chosen = jax.nn.one_hot(action, self.num_actions)
        if self.items:
            row = jnp.broadcast_to((features * chosen[..., None]).sum(1)[:, None], features.shape)
            x = jnp.concatenate([features, row, chosen[..., None]], axis=-1)
        else:
            x = jnp.concatenate([features, chosen], axis=-1)
        hidden, change = self.trunk(x)
        seen = hidden
        if self.items:
            own = (hidden * chosen[..., None]).sum(1)
            seen = jnp.concatenate([pool(hidden), own], axis=-1)
        outcome = jax.nn.relu(self.outcome(seen))
        reward, ended = self.reward(outcome)[:, 0], self.ended(outcome)[:, 0]
        return reward, ended, scale(features + change)


class Judge(nnx.Module):
    """Tells prior, legality and value of features."""

    def __init__(self, spec: Spec, rngs: nnx.Rngs):
        self.items = spec.kind == "items"
        actions = 1 if self.items else spec.num_actions
        self.first = _Layer(spec, spec.width, rngs)
        self.whole = nnx.Linear((2 if self.items else 1) * spec.width, spec.width, rngs=rngs)
        self.prior = _head(spec.width, actions, rngs)
        self.legal = _head(spec.width, actions, rngs)
        self.value = _head(spec.width, 1, rngs)

    def __call__(self, features: Array) -> tuple[Array, Array, Array]:
        """Return logits of prior and legality ``[B, A]``, and values ``[B]``."""
        x = jax.nn.relu(self.first(features))
        whole = jax.nn.relu(self.whole(pool(x) if self.items else x))
        prior, legal = self.prior(x), self.legal(x)
        if self.items:
            prior, legal = prior[..., 0], legal[..., 0]
        return prior, legal, self.value(whole)[:, 0]


def _head(inputs: int, outputs: int, rngs: nnx.Rngs) -> nnx.Linear:
    init = nnx.initializers.variance_scaling(0.01, "fan_in", "truncated_normal")
    return nnx.Linear(inputs, outputs, kernel_init=init, rngs=rngs)
