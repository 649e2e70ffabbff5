"""The agent's network: heads for real actions, imaginary ones, and when to go back or act."""

import functools
import itertools
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from agents.metapolicies.learned.network import FORBIDDEN, normalise
from agents.networks import functional
from agents.thinker.config import StageConfig, ThinkerConfig
from agents.thinker.inputs import Seen, show
from agents.thinker.lanes import Problem
from agents.thinker.lanes import start as start_lanes
from agents.thinker.supply import Supply
from rrplan.capabilities import NetworkKind, offers, return_scale_of
from rrplan.errors import InputError
from rrplan.models import Settings
from rrplan.types import Array, PyTree

CHANNELS = 2
"""Rewards and planning rewards: each has a value of its own."""
GO_ON, RESET, ACT = 0, 1, 2
"""What the third head chooses among; what is not to be chosen is masked."""


class Heads(NamedTuple):
    """Log-probabilities of what may be answered; :data:`FORBIDDEN` or less where it may not."""

    real: Array  # [B, A] among real actions
    imagined: Array  # [B, A] among imaginary actions
    control: Array  # [B, 3] of going on, beginning again, acting
    value: Array  # [B, C] expected return to go of each channel

    @property
    def joint(self) -> Array:
        """Log-probabilities ``[B, 3 A]`` of the answers, see :mod:`agents.thinker.lanes`."""
        control = self.control[..., None]
        return jnp.concatenate(
            [
                control[:, ACT] + self.real,
                control[:, GO_ON] + self.imagined,
                control[:, RESET] + self.imagined,
            ],
            axis=-1,
        )


@dataclass(frozen=True)
class ThinkerNetwork:
    """A network without its parameters: static, hashable, equal to any other of its shape.

    It is the actor that PPO trains: see :mod:`agents.ppo.learner`.

    Attributes:
        kind: ``"mlp"`` or ``"items"``.
        width: units of a hidden layer, or of an item.
        layers: hidden layers.
        num_actions: ``A``.
        actions_in: numbers shown of each action.
        whole_in: numbers shown of the lane as a whole.
        resets: whether it may choose to begin again at the root.
        chosen: whether it chooses when to act.
        from_prior: whether its policies start from the prior's logits.
        initial_steps: imaginary steps that an untrained one takes where it chooses.
        imagined_entropy: weight of the entropy of what is imagined and of walks' ends.
        return_scale: typical size of a return.
    """

    kind: str
    width: int
    layers: int
    num_actions: int
    actions_in: int
    whole_in: int
    resets: bool = True
    chosen: bool = False
    from_prior: bool = True
    initial_steps: float = 4.0
    imagined_entropy: float = 0.1
    return_scale: float = 1.0

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters.

        ``weights`` are learned; ``mean`` and ``deviation`` normalise the inputs, and
        ``value_deviation`` is the unit of the value heads.
        """
        return _init(self, key)

    def __call__(self, params: PyTree, seen: Seen) -> tuple[Array, Array]:
        """Return log-probabilities of the answers ``[B, 3 A]`` and the values ``[B, C]``."""
        heads = self.heads(params, seen)
        return heads.joint, heads.value

    def heads(self, params: PyTree, seen: Seen) -> Heads:
        """Return what each head says of lanes."""
        actions, whole = normalise(params, seen)
        real, imagined, control, value = functional.apply(
            _module, self, params["weights"], actions, whole
        )
        if self.from_prior:
            real, imagined = real + seen.prior, imagined + seen.imagined_prior
        # Untrained, it acts with probability 1 / (1 + initial_steps).
        others = 2.0 if self.resets else 1.0
        start = jnp.zeros(3).at[ACT].set(jnp.log(others / self.initial_steps))
        may = jnp.stack([seen.imagines, seen.imagines & self.resets, seen.acts], axis=-1)
        return Heads(
            real=_among(real, seen.legal),
            imagined=_among(imagined, seen.imaginable),
            control=_among(control + start, may),
            value=params["value_deviation"] * value,
        )

    def entropy(self, log_probs: Array) -> Array:
        """Return what the bonus for entropy counts, ``[N]``, of log-probabilities ``[N, 3 A]``.

        It is the entropy of whether to act, and of the real action, times the chance to act; and a
        share of that of all else: of what is imagined, and of whether to go on or begin again.

        Whether to act counts in full. An agent that is sure of it too early does not try any more
        what it would find by going on, and so never learns what that is worth.
        """
        real, going_on, resetting = jnp.split(log_probs, 3, axis=-1)
        acts = jax.nn.logsumexp(real, axis=-1)
        goes_on, resets = (jax.nn.logsumexp(part, axis=-1) for part in (going_on, resetting))
        both = jnp.logaddexp(going_on, resetting)
        imagines = jnp.logaddexp(goes_on, resets)
        whether = _entropy(jnp.stack([imagines, acts], axis=-1))
        control = _entropy(jnp.stack([goes_on, resets, acts], axis=-1))
        imagined = jnp.exp(imagines) * _entropy(both - imagines[:, None])
        own = whether + jnp.exp(acts) * _entropy(real - acts[:, None])
        return own + self.imagined_entropy * (control - whether + imagined)


def draw(keys: Array, heads: Heads, *, likeliest: bool = False) -> Array:
    """Return answers ``[B]`` int32 drawn with ``keys [B]``.

    Args:
        keys: one a lane.
        heads: what the network says.
        likeliest: whether a real action is the likeliest one; all else is drawn in any case.
    """
    pick = jax.vmap(jax.random.categorical)
    number = heads.real.shape[-1]
    real = jnp.argmax(heads.real, axis=-1) if likeliest else pick(keys, heads.real)
    control = pick(jax.vmap(lambda key: jax.random.fold_in(key, 1))(keys), heads.control)
    imagined = pick(jax.vmap(lambda key: jax.random.fold_in(key, 2))(keys), heads.imagined)
    imagined = number * (1 + (control == RESET)) + imagined
    return jnp.where(control == ACT, real, imagined).astype(jnp.int32)


def build(
    config: ThinkerConfig, stage: StageConfig, problem: Problem, settings: Settings
) -> ThinkerNetwork:
    """Return the agent's network for a planner. Nothing is computed.

    Args:
        config: how large it is.
        stage: of the problem.
        problem: what it acts in.
        settings: of the planner; its parameters may be shapes.

    Raises:
        InputError: a network of items is asked for, and the observation has no row for each action.
    """
    evaluator = getattr(problem.model, "network", None)  # a learned model has none of its own
    rows_are_actions = offers(evaluator, NetworkKind) and evaluator.kind == "items"
    if config.network == "items" and not rows_are_actions:
        raise InputError(
            "network is 'items': expected a planner of items, whose observation has a row for each"
            " action"
        )
    items = rows_are_actions and config.network != "mlp"

    def look(settings: Settings) -> Seen:
        supply = Supply(lambda place: (place, jnp.zeros(place.shape)), jnp.int32(1))
        return show(problem, settings, start_lanes(problem, settings, supply, 1), rows_are_actions)

    shapes = jax.eval_shape(look, settings)
    return ThinkerNetwork(
        kind="items" if items else "mlp",
        width=config.items_width if items else config.width,
        layers=config.items_layers if items else config.layers,
        num_actions=problem.num_actions,
        actions_in=shapes.actions.shape[-1],
        whole_in=shapes.whole.shape[-1],
        resets=stage.resets,
        chosen=stage.chosen,
        from_prior=config.from_prior,
        initial_steps=config.initial_steps,
        imagined_entropy=config.imagined_entropy,
        return_scale=return_scale_of(evaluator),
    )


def _among(logits: Array, may: Array) -> Array:
    """Return log-probabilities ``[B, n]`` among what may be; all alike where nothing may."""
    return jax.nn.log_softmax(jnp.where(may, logits, FORBIDDEN))


def _entropy(log_probs: Array) -> Array:
    """Return entropies ``[N]`` in nats; what is all but impossible adds nothing."""
    return -(jnp.exp(log_probs) * jnp.maximum(log_probs, FORBIDDEN)).sum(-1)


class _Items(nnx.Module):
    """Pools over actions (Deep Sets, arXiv 1703.06114): equivariant policies, invariant rest."""

    def __init__(self, spec: ThinkerNetwork, rngs: nnx.Rngs):
        width = spec.width
        self.action = nnx.Linear(spec.actions_in, width, rngs=rngs)
        self.whole = nnx.Linear(spec.whole_in, width, rngs=rngs)
        self.own = nnx.List([nnx.Linear(width, width, rngs=rngs) for _ in range(spec.layers)])
        self.around = nnx.List(
            [nnx.Linear(3 * width, width, use_bias=False, rngs=rngs) for _ in range(spec.layers)]
        )
        self.summary = nnx.Linear(3 * width, width, rngs=rngs)
        self.policies = _head(width, 2, rngs)
        self.rest = _head(width, 3 + CHANNELS, rngs)

    def __call__(self, actions: Array, whole: Array):
        x, g = jax.nn.relu(self.action(actions)), jax.nn.relu(self.whole(whole))
        for own, around in zip(self.own, self.around, strict=True):
            x = jax.nn.relu(own(x) + around(_pool(x, g))[:, None])
        policies, rest = self.policies(x), self.rest(jax.nn.relu(self.summary(_pool(x, g))))
        return policies[..., 0], policies[..., 1], rest[:, :3], rest[:, 3:]


class _MLP(nnx.Module):
    """Hidden layers of equal width, and the heads."""

    def __init__(self, spec: ThinkerNetwork, rngs: nnx.Rngs):
        inputs = spec.num_actions * spec.actions_in + spec.whole_in
        sizes = [inputs] + [spec.width] * spec.layers
        self.hidden = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in itertools.pairwise(sizes)])
        self.num_actions = spec.num_actions
        self.policies = _head(spec.width, 2 * spec.num_actions, rngs)
        self.rest = _head(spec.width, 3 + CHANNELS, rngs)

    def __call__(self, actions: Array, whole: Array):
        x = jnp.concatenate([actions.reshape(actions.shape[0], -1), whole], axis=-1)
        for layer in self.hidden:
            x = jax.nn.relu(layer(x))
        policies, rest = self.policies(x), self.rest(x)
        number = self.num_actions
        return policies[:, :number], policies[:, number:], rest[:, :3], rest[:, 3:]


def _pool(x: Array, whole: Array) -> Array:
    return jnp.concatenate([x.mean(axis=1), x.max(axis=1), whole], axis=-1)


def _head(inputs: int, outputs: int, rngs: nnx.Rngs) -> nnx.Linear:
    # Zero heads: the first policies are the prior's, and the first values are zero.
    return nnx.Linear(inputs, outputs, kernel_init=nnx.initializers.zeros, rngs=rngs)


def _module(spec: ThinkerNetwork, rngs: nnx.Rngs) -> nnx.Module:
    return _Items(spec, rngs) if spec.kind == "items" else _MLP(spec, rngs)


@functools.partial(jax.jit, static_argnums=0)
def _init(spec: ThinkerNetwork, key: Array) -> PyTree:
    columns = {"actions": spec.actions_in, "whole": spec.whole_in}
    return {
        "weights": functional.init(_module, spec, key),
        "mean": {name: jnp.zeros(size) for name, size in columns.items()},
        "deviation": {name: jnp.ones(size) for name, size in columns.items()},
        "value_deviation": jnp.full(CHANNELS, 0.1 * spec.return_scale, jnp.float32),
    }
