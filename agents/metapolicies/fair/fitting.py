"""A fair rule fitted to tabulated choices: what going on gains, regressed on what is shown.

For every row and every way to go on, the table tells what that would gain over stopping if a rule
took over afterwards. A regressor learns the mean of this gain given what is shown at the row. The
next rule goes on where the regressor promises a gain, in the way of which it promises most. What a
choice earns depends on the rule that follows it, so this is repeated: each round plays the rule of
the one before on all instances, exactly.

Gains are learned, and not returns: most of what makes one instance earn more than another is the
same whether one stops or goes on, and falls out.

Source: regression of continuation values as in Longstaff and Schwartz 2001. Theirs are what the
rule really earns; ours are to a half what the regressor promised, which is less noisy. One
regressor of all stages, and rounds (approximate policy iteration), are our choice too.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from agents.metapolicies.fair import choices as tables
from agents.metapolicies.fair import regressing
from agents.metapolicies.fair.choices import Choices
from agents.metapolicies.fair.regressing import FitConfig, Regressor, Shown, predict
from rrplan.errors import InputError
from rrplan.types import Array, PyTree


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
        InputError: a table is none, see :func:`agents.metapolicies.fair.choices.check`; or there is
            nothing to choose in it.
    """
    tables.check(choices)
    tables.check(validation)
    if not choices.allowed[:, 1:].any():
        raise InputError("choices.allowed lets no row go on: expected a way to go on in some row")
    init_key, draw_key = jax.random.split(key)
    draw = np.random.default_rng(np.asarray(jax.random.key_data(draw_key)).ravel().tolist())
    params = regressor.init(init_key)
    chosen = np.zeros(len(choices.stage), int) if start is None else start
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
            params = regressing.prepare(
                regressor, params, shown, gains, choices.allowed, chance, draw
            )
        drawn = regressing.draw_rows(draw, chance, config.shape)
        params, loss = regressing.regress(
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
