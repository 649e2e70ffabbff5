"""The network of a learned meta-policy: it looks at each action, and at the decision as a whole."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from agents.metapolicies.learned import inputs as meta_inputs
from agents.metapolicies.learned.config import MetaConfig
from agents.metapolicies.learned.inputs import Inputs
from agents.metapolicies.learned.modules import Deep
from agents.metapolicies.rules import constant
from agents.metapolicies.selfaware.head import GainHead
from agents.networks import functional
from rrplan import operations
from rrplan.capabilities import NetworkKind, offers, return_scale_of
from rrplan.errors import InputError
from rrplan.planner import Planner
from rrplan.types import Array, Control, MetaObservation, PyTree

FORBIDDEN = -1e9
"""Logit of what may not be answered: finite, so that an entropy over all answers is no NaN."""
_DEEPEST = 2.0  # times as strongly as the fixed k, the deepest limit is preferred at first
_CLIP = 8.0  # standard deviations; what is further out is cut
_LEAST_DEVIATION = 1e-4  # what hardly varies is not blown up: a constant column stays near 0


@dataclass(frozen=True)
class MetaNetwork:
    """A network without its parameters: static, hashable, equal to any other of its shape.

    Attributes:
        config: what it may answer and what it sees.
        actions_in: numbers shown of each action.
        whole_in: numbers shown of the decision as a whole.
        rows_are_actions: the observation has a row for each action.
        return_scale: typical size of a return.
        head: predicts the gains that it sees; None where it sees none.
    """

    config: MetaConfig
    actions_in: int
    whole_in: int
    rows_are_actions: bool
    return_scale: float = 1.0
    head: GainHead | None = None

    # What a MetaPolicy is made of beside the answers; whoever chooses actions has others.
    begin: ClassVar[Callable[[int], PyTree]] = staticmethod(constant.no_carry)
    act: ClassVar[Callable[[PyTree, Array, Array], Array] | None] = None

    @property
    def module(self) -> functional.Make:
        """What is made of its inputs: the module whose weights are learned."""
        return Deep

    @property
    def outputs(self) -> int:
        """Numbers that answers are made of: one for each k, and one for each of several depths."""
        depths = len(self.config.depths)
        return len(self.config.menu) + (depths if depths > 1 else 0)

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters.

        ``weights`` are learned; ``mean`` and ``deviation`` normalise the inputs, and
        ``value_deviation`` is the unit of the value head; ``start`` is the fixed k that the policy
        starts from, and ``strength`` by how many logits it prefers what goes towards it. ``head``
        is that of the predicted gains, where there is one: nothing is learned of it here.
        """
        return _init(self, key)

    def __call__(self, params: PyTree, inputs: Inputs) -> tuple[Array, Array]:
        """Return logits over the answers ``[B, M]`` and the expected timed return to go ``[B]``.

        What may not be answered, another depth than the one held, has the logit :data:`FORBIDDEN`.
        """
        shown = columns(params, inputs)
        outputs, value = functional.apply(self.module, self, params["weights"], *shown)
        logits = self._answers(params, outputs.T, inputs)
        return logits, inputs.value + params["value_deviation"] * value

    def _answers(self, params: PyTree, outputs: Array, inputs: Inputs) -> Array:
        """Return logits over the answers: the k's, and the depths that go with each k above 0.

        The depth is chosen alike for every k. So the odds of the k's are those of an agent that
        chooses no depth.
        """
        config, strength = self.config, params["strength"]
        menu, depths = len(config.menu), len(config.depths)
        entry = self._entry_of_fixed(params["start"], inputs)
        ks = outputs[:, :menu] + strength * jax.nn.one_hot(entry, menu)
        if not depths:
            return ks
        deepest = _DEEPEST * strength * jax.nn.one_hot(depths - 1, depths)
        chances = jax.nn.log_softmax(outputs[:, menu:] + deepest) if depths > 1 else 0.0
        if config.holds_depth:
            chances = jnp.where((inputs.simulations == 0)[:, None], chances, 0.0)
        pairs = ks[:, 1:, None] + jnp.broadcast_to(chances, (ks.shape[0], depths))[:, None]
        logits = jnp.concatenate([ks[:, :1], pairs.reshape(ks.shape[0], -1)], axis=-1)
        return jnp.where(self.allowed(inputs), logits, FORBIDDEN)

    def allowed(self, inputs: Inputs) -> Array:
        """Return which answers it may give, ``[B, M]``.

        All at the first look of a decision; then to act, and what keeps to the depth held.
        """
        simulations, depths = jnp.asarray(self.config.answers, jnp.int32).T
        if not self.config.holds_depth:
            return jnp.ones((inputs.simulations.shape[0], len(depths)), bool)
        first = (inputs.simulations == 0)[:, None]
        return first | (simulations == 0) | (constant.to_limit(depths) == inputs.held[:, None])

    def _entry_of_fixed(self, k: Array, inputs: Inputs) -> Array:
        """Return which entry ``[B]`` of the menu goes towards ``k`` simulations, not beyond."""
        remaining = jnp.maximum(k - inputs.simulations, 0)
        # Entry by entry, without a reduction: so it is no loop of its own.
        entry = jnp.zeros_like(remaining)
        for each in self.config.menu[1:]:
            entry += remaining >= each
        return entry

    def show(self, seen: MetaObservation, params: PyTree = None) -> Inputs:
        """Return what it sees of a meta-observation; ``params`` are needed where it sees gains."""
        inputs = _show(seen, self.config, self.rows_are_actions)
        if self.head is None:
            return inputs
        gains = self.head.net(params["head"], seen.features, seen.price)
        return inputs._replace(whole=jnp.concatenate([inputs.whole, gains], axis=-1))

    def control(self, answer: Array, carry: PyTree, seen: MetaObservation) -> Control:
        """Return what answers ``[B]`` order."""
        del seen
        simulations, depths = np.asarray(self.config.answers, np.int32).T
        depth = depths[0] if (depths == depths[0]).all() else jnp.asarray(depths)[answer]
        return constant.order(jnp.asarray(simulations)[answer], carry, depth)

    def stops(self, answer: Array) -> Array:
        """Return which answers ``[B]`` are to act."""
        return answer == 0


Kind = TypeVar("Kind", bound=MetaNetwork)


def build(
    config: MetaConfig,
    planner: Planner,
    kind: type[Kind] = MetaNetwork,
    head: GainHead | None = None,
) -> Kind:
    """Return a meta-policy's network for a planner. Nothing is computed.

    Args:
        config: what it may answer and what it sees.
        planner: what it controls; its parameters may be arrays or their shapes.
        kind: class of the network.
        head: of the planner, that predicts gains, where these are among its inputs.

    Raises:
        InputError: predicted gains are among its inputs, and there is no head; or the reverse.
    """
    if (head is not None) != ("gains" in config.inputs):
        given = "none" if head is None else "one"
        raise InputError(
            f"inputs is {config.inputs}, with {given} of a head that predicts gains: expected a"
            " head where gains are among the inputs, and nowhere else"
        )
    network = planner.network
    rows_are_actions = offers(network, NetworkKind) and network.kind == "items"
    show = functools.partial(_show, config=config, rows_are_actions=rows_are_actions)
    shapes = jax.eval_shape(show, operations.shapes_seen(planner, 1))
    return kind(
        config=config,
        actions_in=shapes.actions.shape[-1],
        whole_in=shapes.whole.shape[-1] + (0 if head is None else len(head.menu)),
        rows_are_actions=rows_are_actions,
        return_scale=return_scale_of(network),
        head=head,
    )


def _show(seen: MetaObservation, config: MetaConfig, rows_are_actions: bool) -> Inputs:
    """Return what a network sees; what holds a depth sees which, and that it must be kept."""
    inputs = meta_inputs.show(seen, config.inputs, rows_are_actions)
    if not config.holds_depth:
        return inputs
    chosen = _is_held(config, seen.max_depth) & (seen.simulations > 0)[:, None]
    whole = jnp.concatenate([inputs.whole, chosen.astype(jnp.float32)], axis=-1)
    return inputs._replace(whole=whole, held=seen.max_depth)


def _is_held(config: MetaConfig, held: Array) -> Array:
    """Return which of the depths ``[D]`` is the limit in force, ``[B, D]``."""
    return held[:, None] == constant.to_limit(jnp.asarray(config.depths, jnp.int32))


class Numbers(Protocol):
    """Inputs of any network that normalises them so."""

    @property
    def actions(self) -> Array:
        """Numbers of each action, ``[B, A, f]``."""
        ...

    @property
    def whole(self) -> Array:
        """Numbers of all else, ``[B, g]``."""
        ...


class Shown(Numbers, Protocol):
    """Inputs of a meta-network."""

    @property
    def legal(self) -> Array:
        """Which actions are, ``[B, A]`` bool."""
        ...

    @property
    def leading(self) -> Array:
        """The best of them, ``[B]`` int32."""
        ...


def normalise(params: PyTree, inputs: Numbers) -> tuple[Array, Array]:
    """Return the columns of ``inputs`` shifted and scaled to mean 0 and deviation 1, and cut."""
    mean, deviation = params["mean"], params["deviation"]
    return (
        _scale(inputs.actions, mean["actions"], deviation["actions"]),
        _scale(inputs.whole, mean["whole"], deviation["whole"]),
    )


def columns(params: PyTree, inputs: Shown) -> tuple[Array, Array, Array, Array]:
    """Return what a module is shown, lanes last: both kinds of numbers, normalised, and the rest.

    They are ``[f, A, B]`` and ``[g, B]``; which actions are legal ``[A, B]``, and the leading one.
    """
    # Axes are reversed first: inputs that were made so are not copied.
    mean, deviation = jax.tree.map(lambda one: one[:, None], (params["mean"], params["deviation"]))
    actions = _scale(inputs.actions.T, mean["actions"][..., None], deviation["actions"][..., None])
    whole = _scale(inputs.whole.T, mean["whole"], deviation["whole"])
    return actions, whole, inputs.legal.T, inputs.leading


def _scale(numbers: Array, mean: Array, deviation: Array) -> Array:
    return jnp.clip((numbers - mean) / deviation, -_CLIP, _CLIP)


def measure(params: PyTree, inputs: Inputs, target: Array, weight: Array, share: Array) -> PyTree:
    """Return parameters whose normalisation has moved towards a batch's statistics.

    Args:
        params: of a network.
        inputs: ``[N, ...]``.
        target: ``[N]``, of the value.
        weight: ``[N]``, 0 for what does not count.
        share: scalar, how far to move: 1 replaces what was there.
    """
    legal = inputs.legal[..., None] * weight[:, None, None]
    statistics = {
        "actions": _moments(inputs.actions, jnp.broadcast_to(legal, inputs.actions.shape), (0, 1)),
        "whole": _moments(inputs.whole, weight[:, None] + jnp.zeros_like(inputs.whole), (0,)),
    }
    error = jnp.square(target - inputs.value)
    new = {
        "mean": {name: mean for name, (mean, _) in statistics.items()},
        "deviation": {name: deviation for name, (_, deviation) in statistics.items()},
        "value_deviation": jnp.sqrt((error * weight).sum() / jnp.maximum(weight.sum(), 1.0)),
    }
    least = _LEAST_DEVIATION
    new["value_deviation"] = jnp.maximum(new["value_deviation"], least)
    old = {name: params[name] for name in new}
    return {**params, **jax.tree.map(lambda a, b: a + share * (b - a), old, new)}


def _moments(columns: Array, counts: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    total = jnp.maximum(counts.sum(axes), 1)
    mean = (columns * counts).sum(axes) / total
    variance = (jnp.square(columns - mean) * counts).sum(axes) / total
    return mean, jnp.maximum(jnp.sqrt(variance), _LEAST_DEVIATION)


@functools.partial(jax.jit, static_argnums=0)
def _init(spec: MetaNetwork, key: Array) -> PyTree:
    columns = {"actions": spec.actions_in, "whole": spec.whole_in}
    head = {} if spec.head is None else {"head": spec.head.init(jax.random.fold_in(key, 1))}
    return head | {
        "weights": functional.init(spec.module, spec, key),
        "mean": {name: jnp.zeros(size) for name, size in columns.items()},
        "deviation": {name: jnp.ones(size) for name, size in columns.items()},
        "value_deviation": jnp.float32(0.1 * spec.return_scale),
        "start": jnp.int32(0),
        "strength": jnp.float32(0.0),
    }
