"""A fair rule fitted to tabulated choices: what going on gains, regressed on what is shown.

For every row and every way to go on, the table tells what that would gain over stopping if a rule
took over afterwards. A regressor learns the mean of this gain given what is shown at the row. The
next rule goes on where the regressor promises a gain, in the way of which it promises most. What a
choice earns depends on the rule that follows it, so this is repeated: each round plays the rule of
the one before on all instances, exactly.

Gains are learned, and not returns: most of what makes one instance earn more than another is the
same whether one stops or goes on, and falls out.

Source: regression of continuation values as in Longstaff and Schwartz 2001, with what the rule
really earns as the target and not what the regressor promised; rounds for one regressor of all
stages (approximate policy iteration) are our choice.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax

from agents.metapolicies.fair import choices as tables
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


class Round(NamedTuple):
    """What one round says of itself; means over instances of what its rule earns."""

    fitted: float
    """On the instances that it was fitted to, which flatters it."""
    validation: float
    """On those for validation."""
    loss: float
    """Mean squared error of the last steps, in units of the gains' variance."""


class Fitted(NamedTuple):
    """The rule of the round that earned most on the instances for validation."""

    params: PyTree
    rounds: tuple[Round, ...]
    kept: int
    """Which round it is of, from 0."""


def fit(
    regressor: Regressor,
    choices: Choices,
    shown: Shown,
    validation: Choices,
    validation_shown: Shown,
    config: FitConfig,
    key: Array,
    start: np.ndarray | None = None,
    report: Callable[[Round], None] = lambda found: None,
) -> Fitted:
    """Fit a fair rule.

    Args:
        regressor: static.
        choices: the instances to fit to.
        shown: what is shown at their rows, with the same ``show`` as for validation.
        validation: other instances, on which the round is chosen.
        validation_shown: what is shown at their rows.
        config: how.
        key: of all that is drawn.
        start: ``[R]``, the choices of the rule that takes over in the first round; it stops in
            every row if not given.
        report: called after each round.

    Raises:
        InputError: a table is none, see :func:`agents.metapolicies.fair.choices.check`.
    """
    tables.check(choices)
    tables.check(validation)
    init_key, draw_key = jax.random.split(key)
    draw = np.random.default_rng(np.asarray(jax.random.key_data(draw_key)).ravel().tolist())
    params = regressor.init(init_key)
    chosen = np.zeros(len(choices.stage), int) if start is None else start
    steps = round_up(config.steps, _STEPS)
    # Rows of any use: there is a choice.
    open_ = np.asarray(choices.allowed[:, 1:].any(axis=1))
    visited = tables.visits(choices, tables.with_hindsight(choices)[0]).astype(float)
    best, kept, rounds = params, -1, []
    values = tables.evaluate(choices, chosen)
    for number in range(config.rounds):
        gains = _gains(choices, values)
        visited += tables.visits(choices, chosen)
        chance = _chances(visited, open_, config.elsewhere)
        if number == 0:
            params = _prepare(regressor, params, shown, gains, choices.allowed, chance, draw)
        drawn = _draw(draw, chance, (steps, config.batch_size))
        params, loss = _regress(
            regressor, params, shown, gains, choices.allowed[:, 1:], drawn, config
        )
        told = predict(regressor, params, choices, shown)
        chosen = _best(told)
        own = _best(predict(regressor, params, validation, validation_shown))
        earned = tables.evaluate(choices, chosen)
        promised = tables.promised(choices, np.maximum(told.max(axis=1), 0.0))
        values = earned + config.promised * (promised - earned)
        rounds.append(Round(mean_value(choices, chosen), mean_value(validation, own), loss))
        if kept < 0 or rounds[-1].validation > rounds[kept].validation:
            best, kept = params, number
        report(rounds[-1])
    return Fitted(jax.tree.map(np.asarray, best), tuple(rounds), kept)


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


def _best(gains: np.ndarray) -> np.ndarray:
    """Return the choice of each row by what is promised, ``[R]`` int: of equals the first."""
    return np.where(gains.max(axis=1) > 0.0, 1 + gains.argmax(axis=1), 0)


def mean_value(choices: Choices, chosen: np.ndarray) -> float:
    """Return what a rule earns on average over the instances."""
    return float(tables.evaluate(choices, chosen)[choices.first].mean())


def _gains(choices: Choices, values: np.ndarray) -> np.ndarray:
    """Return what each way to go on gains over stopping, ``[R, M - 1]``; 0 if not allowed."""
    worth = tables.worths(choices, values)
    gains = worth[:, 1:] - worth[:, :1]
    return np.where(choices.allowed[:, 1:], gains, 0.0).astype(np.float32)


def _chances(visited: np.ndarray, open_: np.ndarray, elsewhere: float) -> np.ndarray:
    """Return how likely each row is to be drawn, ``[R]``."""
    often = np.where(open_, visited, 0.0)
    return (1.0 - elsewhere) * often / often.sum() + elsewhere * open_ / open_.sum()


def _draw(draw: np.random.Generator, chance: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return rows drawn by their chances, int32."""
    edges = np.cumsum(chance)
    place = np.searchsorted(edges, draw.random(shape) * edges[-1], side="right")
    return np.minimum(place, len(chance) - 1).astype(np.int32)


def _prepare(
    regressor: Regressor,
    params: PyTree,
    shown: Shown,
    gains: np.ndarray,
    allowed: np.ndarray,
    chance: np.ndarray,
    draw: np.random.Generator,
) -> PyTree:
    rows = _draw(draw, chance, (_ROWS,))
    told = gains[rows][allowed[rows, 1:]]
    deviation = jnp.float32(max(float(np.sqrt(np.square(told).mean())), 1e-6))
    inputs = jax.jit(shown.show)(shown.data, jnp.asarray(rows))
    return regressor.prepare(params, inputs, deviation)


def _regress(
    regressor: Regressor,
    params: PyTree,
    shown: Shown,
    gains: np.ndarray,
    allowed: np.ndarray,
    drawn: np.ndarray,
    config: FitConfig,
) -> tuple[PyTree, float]:
    """Return parameters after a round of learning, and the loss of its last steps."""
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
