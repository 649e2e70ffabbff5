"""A regressor that is shown rows of a table, and learns what going on gains."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax

from agents.metapolicies.fair.choices import Choices
from agents.training.ranges import check_ranges, round_up
from rrplan.types import Array, PyTree

_ROWS = 4096  # shown to a regressor at a time, where it only answers
_STEPS = 64  # of learning in one call


@dataclass(frozen=True)
class FitConfig:
    """How a rule is fitted."""

    rounds: int = 8
    """Rounds; each regresses on what the rule of the round before earns."""
    steps: int = 1536
    """Steps of Adam in a round, rounded up to a multiple of 64."""
    batch_size: int = 1024
    """Rows of a step."""
    learning_rate: float = 1e-2
    """At the start of each round; it falls to zero along a cosine."""
    weight_decay: float = 1e-4
    """Of the weights (AdamW)."""
    promised: float = 0.5
    """Share of what the regressor of the round before promised in the values that follow a choice;
    the rest is what its rule really earned. Promises are less noisy, and may be wrong."""
    elsewhere: float = 0.3
    """Share of the rows learned from that are any; the others are rows that rules of earlier rounds
    come to, as often as they do."""

    def __post_init__(self):
        check_ranges(
            self,
            whole=("rounds", "steps", "batch_size"),
            positive=("learning_rate",),
            not_negative=("weight_decay",),
            shares=("promised", "elsewhere"),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Steps of a round, and the rows of each."""
        return round_up(self.steps, _STEPS), self.batch_size


class Regressor(Protocol):
    """What tells gains: static and hashable."""

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters; what is under ``weights`` is learned."""
        ...

    def prepare(self, params: PyTree, inputs: Any, deviation: Array) -> PyTree:
        """Return parameters made for inputs like these ``[N, ...]``, and gains of this size.

        The latter is kept as ``unit``.
        """
        ...

    def __call__(self, params: PyTree, inputs: Any) -> Array:
        """Return what each way to go on gains over stopping, ``[B, M - 1]``."""
        ...


class Shown(NamedTuple):
    """What a fair rule is shown at the rows of a table."""

    show: Callable[[PyTree, Array], Any]
    """``(data, rows [B]) -> inputs [B, ...]``, pure and static."""
    data: PyTree
    """Arrays."""


def predict(regressor: Regressor, params: PyTree, choices: Choices, shown: Shown) -> np.ndarray:
    """Return what a regressor promises in each row, ``[R, M - 1]``; -inf if not allowed."""
    rows = np.arange(len(choices.stage))
    told = []
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        padded = jnp.asarray(np.resize(some, _ROWS))
        answer = _answer(regressor, shown.show, params, shown.data, padded)
        told.append(np.asarray(answer)[: len(some)])
    return np.where(choices.allowed[:, 1:], np.concatenate(told), -np.inf)


def prepare(
    regressor: Regressor,
    params: PyTree,
    shown: Shown,
    gains: np.ndarray,
    allowed: np.ndarray,
    chance: np.ndarray,
    draw: np.random.Generator,
) -> PyTree:
    """Return parameters made for the inputs and gains of the rows that are drawn.

    Args:
        regressor: static.
        params: its own.
        shown: what is shown at the rows.
        gains: ``[R, M - 1]``, to be learned.
        allowed: ``[R, M]``.
        chance: ``[R]``, how likely each row is to be drawn.
        draw: draws them.
    """
    rows = draw_rows(draw, chance, (_ROWS,))
    told = gains[rows][allowed[rows, 1:]]
    deviation = jnp.float32(max(float(np.sqrt(np.square(told).mean())), 1e-6))
    inputs = jax.jit(shown.show)(shown.data, jnp.asarray(rows))
    return regressor.prepare(params, inputs, deviation)


def regress(
    regressor: Regressor,
    params: PyTree,
    shown: Shown,
    gains: np.ndarray,
    allowed: np.ndarray,
    drawn: np.ndarray,
    config: FitConfig,
) -> tuple[PyTree, float]:
    """Return parameters after a round of learning, and the loss of its last steps.

    Args:
        regressor: static.
        params: that it begins with.
        shown: what is shown at the rows.
        gains: ``[R, M - 1]``, to be learned.
        allowed: ``[R, M - 1]``, which gains there are.
        drawn: rows ``[steps, batch]``.
        config: how.
    """
    schedule = optax.cosine_decay_schedule(config.learning_rate, len(drawn))
    state = optax.adamw(schedule, weight_decay=config.weight_decay).init(params["weights"])
    target, mask = jnp.asarray(gains), jnp.asarray(allowed)
    loss = math.nan
    for start in range(0, len(drawn), _STEPS):
        rows = jnp.asarray(drawn[start : start + _STEPS])
        params, state, losses = _learn(
            regressor, shown.show, config, len(drawn), params, state, shown.data, target, mask, rows
        )
        loss = float(losses.mean())
    return params, loss


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _learn(
    regressor: Regressor,
    show: Callable[[PyTree, Array], Any],
    config: FitConfig,
    steps: int,
    params: PyTree,
    state: Any,
    data: PyTree,
    target: Array,
    mask: Array,
    rows: Array,
) -> tuple[PyTree, Any, Array]:
    """Learn from the rows ``[S, B]``, a step for each batch."""
    schedule = optax.cosine_decay_schedule(config.learning_rate, steps)
    optimizer = optax.adamw(schedule, weight_decay=config.weight_decay)
    fixed = {name: leaf for name, leaf in params.items() if name != "weights"}

    def loss_of(weights: PyTree, some: Array) -> Array:
        told = regressor({**fixed, "weights": weights}, show(data, some))
        error = jnp.where(mask[some], (told - target[some]) / fixed["unit"], 0.0)
        return jnp.square(error).sum() / jnp.maximum(mask[some].sum(), 1)

    def step(carry: tuple[PyTree, Any], some: Array) -> tuple[tuple[PyTree, Any], Array]:
        weights, state = carry
        loss, slope = jax.value_and_grad(loss_of)(weights, some)
        updates, state = optimizer.update(slope, state, weights)
        return (optax.apply_updates(weights, updates), state), loss

    (weights, state), losses = jax.lax.scan(step, (params["weights"], state), rows)
    return {**fixed, "weights": weights}, state, losses


@functools.partial(jax.jit, static_argnums=(0, 1))
def _answer(
    regressor: Regressor,
    show: Callable[[PyTree, Array], Any],
    params: PyTree,
    data: PyTree,
    rows: Array,
) -> Array:
    return regressor(params, show(data, rows))


def draw_rows(draw: np.random.Generator, chance: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return rows drawn by their chances, int32."""
    edges = np.cumsum(chance)
    place = np.searchsorted(edges, draw.random(shape) * edges[-1], side="right")
    return np.minimum(place, len(chance) - 1).astype(np.int32)
