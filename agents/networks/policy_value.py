"""Policy-value networks that fit any observation, in presets from tiny to large."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx

from agents.networks import functional
from agents.networks.convolution import convolve
from agents.networks.own import OwnNetwork, build_own
from agents.networks.scale import measure_return_scale
from rrplan.capabilities import ObservationKind, offers
from rrplan.errors import InputError, unknown
from rrplan.types import Array, Environment, Evaluation, PyTree

KINDS = ("auto", "mlp", "conv", "items")
WIDTHS: Mapping[str, int] = {"tiny": 16, "small": 32, "medium": 64, "large": 128}
DEPTHS: Mapping[str, int] = {"tiny": 1, "small": 2, "medium": 2, "large": 3}


@dataclass(frozen=True)
class NetworkConfig:
    """Which network evaluates positions."""

    kind: str = "auto"
    """Architecture: auto (by the shape of the observation), mlp, conv or items; or a network of
    your own, as package.module:NAME. --network is short for it."""
    size: Literal["tiny", "small", "medium", "large"] = "small"
    """Width and depth: 16 x 1, 32 x 2, 64 x 2 or 128 x 3 hidden layers."""
    width: int | None = None
    """Units of a hidden layer; those of the size if not given."""
    depth: int | None = None
    """Hidden layers after the first; those of the size if not given."""
    return_scale: float | None = 1.0
    """Typical size of an episode's return; the value head speaks in multiples of it. None: measured
    on random play."""

    def __post_init__(self):
        if ":" not in self.kind and self.kind not in KINDS:
            raise unknown("network kind", self.kind, KINDS)
        if self.size not in WIDTHS:
            raise unknown("network size", self.size, WIDTHS)
        for name in ("width", "depth"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"network {name} must be at least 1, got {value}")
        if self.return_scale is not None and not 0 < self.return_scale < math.inf:
            raise InputError(f"return_scale must be a positive number, got {self.return_scale}")

    @property
    def units(self) -> int:
        """Units of a hidden layer."""
        return WIDTHS[self.size] if self.width is None else self.width

    @property
    def layers(self) -> int:
        """Hidden layers after the first."""
        return DEPTHS[self.size] if self.depth is None else self.depth

    def measured(self, environment: Environment, env_params: PyTree) -> "NetworkConfig":
        """Return it with a number for ``return_scale``: its own, or what random play says."""
        if self.return_scale is not None:
            return self
        scale = measure_return_scale(environment, env_params)
        return dataclasses.replace(self, return_scale=scale)


@dataclass(frozen=True)
class PlannerNetwork:
    """A network without its parameters: static, hashable, equal to any other of its shape.

    Calling it with ``(params, observation [B, ...])`` returns an
    :class:`rrplan.types.Evaluation`. Equal networks share compiled programs.

    Attributes:
        kind: ``"mlp"``, ``"conv"`` or ``"items"``.
        width: units of a hidden layer, or channels; also ``F``.
        depth: hidden layers after the first.
        num_actions: ``A``.
        input_shape: of one observation; a pytree's leaves count as one flat vector.
        return_scale: what the value head's output is multiplied by.
    """

    kind: str
    width: int
    depth: int
    num_actions: int
    input_shape: tuple[int, ...]
    return_scale: float = 1.0

    def __call__(self, params: PyTree, observation: PyTree) -> Evaluation:
        """Evaluate a batch of observations ``[B, ...]``; shapes are the builder's to check."""
        if self.kind == "mlp":
            observation = flatten(observation)
        elif self.kind == "conv" and observation.ndim == 3:
            observation = observation[..., None]
        logits, value, features = functional.apply(_module, self, params, observation)
        return Evaluation(logits, value * self.return_scale, features)

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters: nested dicts of float32 arrays."""
        return functional.init(_module, self, key)

    def describe(self) -> dict[str, int | str]:
        """Return one row for a table of networks: kind, width, depth, parameters."""
        shapes = jax.eval_shape(self.init, jax.random.key(0))
        return {
            "kind": self.kind,
            "width": self.width,
            "depth": self.depth,
            "parameters": count_parameters(shapes),
        }


class _MLP(nnx.Module):
    def __init__(self, spec: PlannerNetwork, rngs: nnx.Rngs):
        self.first = nnx.Linear(math.prod(spec.input_shape), spec.width, rngs=rngs)
        self.hidden = nnx.List(
            [nnx.Linear(spec.width, spec.width, rngs=rngs) for _ in range(spec.depth)]
        )
        self.policy = _head(spec.width, spec.num_actions, rngs)
        self.value = _head(spec.width, 1, rngs)

    def __call__(self, x):
        # Some observations are unbounded (velocities, counters): squash them instead of
        # keeping running statistics, which would be one more thing to save and to agree on.
        x = jax.nn.relu(self.first(jnp.sign(x) * jnp.log1p(jnp.abs(x))))
        for layer in self.hidden:
            x = jax.nn.relu(layer(x))
        return self.policy(x), self.value(x)[:, 0], x


class _Conv(nnx.Module):
    def __init__(self, spec: PlannerNetwork, rngs: nnx.Rngs):
        height, width, channels = spec.input_shape
        self.first = nnx.Conv(channels, spec.width, (3, 3), rngs=rngs)
        self.hidden = nnx.List(
            [nnx.Conv(spec.width, spec.width, (3, 3), rngs=rngs) for _ in range(spec.depth - 1)]
        )
        self.flat = nnx.Linear(height * width * spec.width, 4 * spec.width, rngs=rngs)
        self.last = nnx.Linear(4 * spec.width, spec.width, rngs=rngs)
        self.policy = _head(spec.width, spec.num_actions, rngs)
        self.value = _head(spec.width, 1, rngs)

    def __call__(self, x):
        x = jax.nn.relu(_apply(self.first, x))
        for layer in self.hidden:
            x = jax.nn.relu(_apply(layer, x))
        x = jax.nn.relu(self.flat(x.reshape(x.shape[0], -1)))
        x = jax.nn.relu(self.last(x))
        return self.policy(x), self.value(x)[:, 0], x


def _apply(layer: nnx.Conv, x: Array) -> Array:
    product = convolve(x, layer.kernel[...])
    return product if layer.bias is None else product + layer.bias[...]


class _Items(nnx.Module):
    """Pools over items (Deep Sets, arXiv 1703.06114): equivariant logits, invariant value."""

    def __init__(self, spec: PlannerNetwork, rngs: nnx.Rngs):
        inputs, width = spec.input_shape[1], spec.width
        self.first = nnx.Linear(inputs, width, rngs=rngs)
        self.own = nnx.List([nnx.Linear(width, width, rngs=rngs) for _ in range(spec.depth)])
        self.pooled = nnx.List(
            [nnx.Linear(2 * width, width, use_bias=False, rngs=rngs) for _ in range(spec.depth)]
        )
        self.summary = nnx.Linear(2 * width, width, rngs=rngs)
        self.policy = _head(width, 1, rngs)
        self.value = _head(width, 1, rngs)

    def __call__(self, x):
        x = jax.nn.relu(self.first(x))
        for own, pooled in zip(self.own, self.pooled, strict=True):
            x = jax.nn.relu(own(x) + pooled(_pool(x))[:, None])
        features = jax.nn.relu(self.summary(_pool(x)))
        return self.policy(x)[..., 0], self.value(features)[:, 0], features


def _pool(x: Array) -> Array:
    return jnp.concatenate([x.mean(axis=1), x.max(axis=1)], axis=-1)


def _head(inputs: int, outputs: int, rngs: nnx.Rngs) -> nnx.Linear:
    # Near-zero heads start from a flat prior and a zero value: search then sees only rewards.
    init = nnx.initializers.variance_scaling(0.01, "fan_in", "truncated_normal")
    return nnx.Linear(inputs, outputs, kernel_init=init, rngs=rngs)


_MODULES = {"mlp": _MLP, "conv": _Conv, "items": _Items}


def _module(spec: PlannerNetwork, rngs: nnx.Rngs) -> nnx.Module:
    return _MODULES[spec.kind](spec, rngs)


def flatten(observation: PyTree) -> Array:
    """Return the leaves of a batch of observations as one float32 matrix ``[B, n]``."""
    leaves = jax.tree.leaves(observation)
    return jnp.concatenate(
        [leaf.reshape(leaf.shape[0], -1).astype(jnp.float32) for leaf in leaves], axis=1
    )


def count_parameters(params: PyTree) -> int:
    """Return how many numbers ``params`` (arrays or their shapes) holds."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def build(
    config: NetworkConfig, environment: Environment, env_params: PyTree, key: Array
) -> tuple[PlannerNetwork | OwnNetwork, PyTree]:
    """Return a network that fits the environment's observations, and fresh parameters.

    ``auto`` takes the permutation-equivariant network for environments that say
    ``observation_kind = "items"`` (one row per item, and action i is item i), the
    convolutional one for images (observations of rank 3), and an MLP for anything else:
    flat vectors, small boards such as Catch's, and pytrees, whose leaves are flattened.
    A name with a colon is a user's own network (:func:`agents.networks.own.build_own`).

    Raises:
        InputError: where the network asked for cannot take the observation, or the user's own
            cannot be built.
    """
    config = config.measured(environment, env_params)
    if ":" in config.kind:
        return build_own(config.kind, config, environment, env_params, key)
    reset = functools.partial(jax.eval_shape, environment.reset)
    _, observation = reset(jax.random.key(0), env_params)
    leaves = jax.tree.leaves(observation)
    single = leaves[0].shape if len(leaves) == 1 else None
    kind = config.kind if config.kind != "auto" else _choose(environment, single)
    if kind == "conv" and (single is None or len(single) not in (2, 3)):
        raise InputError(f"a conv network needs an image [H, W, C], got {_shown(leaves)}")
    if kind == "items" and (
        single is None or len(single) != 2 or single[0] != environment.num_actions
    ):
        raise InputError(
            f"an items network needs one row per action, [{environment.num_actions}, F], "
            f"got {_shown(leaves)}"
        )
    if kind == "mlp":
        shape = (sum(math.prod(leaf.shape) for leaf in leaves),)
    else:
        assert single is not None  # as was checked
        shape = (*single, 1) if kind == "conv" and len(single) == 2 else single
    network = PlannerNetwork(
        kind=kind,
        width=config.units,
        depth=config.layers,
        num_actions=environment.num_actions,
        input_shape=tuple(shape),
        return_scale=float(config.return_scale or 1.0),
    )
    return network, network.init(key)


def _choose(environment: Environment, shape: tuple[int, ...] | None) -> str:
    if offers(environment, ObservationKind) and environment.observation_kind == "items":
        return "items"
    return "conv" if shape is not None and len(shape) == 3 else "mlp"


def _shown(leaves) -> str:
    return " and ".join(str(list(leaf.shape)) for leaf in leaves)
