"""Finds a schedule's table for one price, by block coordinate ascent on validation episodes.

An episode meets exactly one cell of each row: that of its number of legal actions at that decision.
So all cells of a row are tried at once. The episodes are run once for each k, with that k in the
whole row; each cell then takes the k that was best on its own episodes. What the episodes earn with
the new row follows from these runs, because nothing before the decision has changed.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from agents.declarations import Found, SearchRequest
from agents.metapolicies.rules.schedule import schedule
from agents.training.ranges import halved
from rrplan.errors import InputError
from rrplan.types import Episodes

LEAST_EPISODES = 20
"""A cell that fewer episodes meet takes the k that is best for its whole row."""
MOST_SWEEPS = 3
"""Over all rows."""
MOST_ROWS = 16
"""Rows of a table at most; the last one stands for all later decisions."""
MOST_TRIED = 120
"""Runs of the episodes in one sweep. Where it would take more, fewer ks are tried, once."""

_ROUNDING = 1e-9  # a gain below it is none

Evaluate = Callable[[np.ndarray], Episodes]
"""``table [N, A + 1] -> Episodes`` with a trace of ``N`` decisions or more."""


class _Run(NamedTuple):
    """The episodes under one table."""

    timed: np.ndarray  # [E] float64
    simulations: np.ndarray  # [E]
    length: np.ndarray  # [E]
    legal: np.ndarray  # [E, N] number of legal actions of each decision; 0 where there was none


def search(request: SearchRequest) -> Found:
    """Return the table for a price: :attr:`agents.declarations.Searched.search` of the schedule."""

    def evaluate(table: np.ndarray) -> Episodes:
        return request.evaluate(schedule(), table)

    num_actions = request.planner.environment.num_actions
    return tune(evaluate, request.budgets, request.start, num_actions, report=request.report)


def tune(
    evaluate: Evaluate,
    budgets: Sequence[int],
    start: int,
    num_actions: int,
    *,
    least_episodes: int = LEAST_EPISODES,
    most_sweeps: int = MOST_SWEEPS,
    most_rows: int = MOST_ROWS,
    most_tried: int = MOST_TRIED,
    report: Callable[[str], None] = lambda note: None,
) -> Found:
    """Return the best table found at a price; it earns what ``start`` does or more.

    Rows are improved from the last to the first, again and again, until nothing changes. Of ks that
    earn the same, the smallest is taken. A row that stands for several decisions of many episodes
    has one k.

    Where episodes are long and budgets many, this would take thousands of runs. Where one sweep
    would take more than ``most_tried``, there is only one, and of the ks only 0, ``start``, and
    each second one up to four times ``start`` (:func:`near`).

    The table is ``[most_rows, A + 1]``. What too few episodes reach repeats the row before.

    Args:
        evaluate: runs the same episodes under any table, and charges the price. Those of several
            training seeds are given one after the other.
        budgets: the ks to choose among; 0 or more each.
        start: the fixed k to start from.
        num_actions: ``A``.
        least_episodes: that a cell needs to have a k of its own, and a decision to have a row.
        most_sweeps: over all rows.
        most_rows: of the table.
        most_tried: runs of one sweep, unless fewer ks are tried.
        report: told which row of which sweep is tried.

    Raises:
        InputError: there is no budget, or the episodes have no trace.
    """
    ks = sorted(set(budgets))
    if not ks:
        raise InputError("budgets is (): expected at least one k to choose")
    # One shape, whatever the episodes: so that one compiled program serves all prices.
    table = np.full((most_rows, num_actions + 1), start, np.int32)
    before = _run(evaluate, table)
    rows = _count_rows(before, least_episodes, most_rows)
    if rows * len(ks) > most_tried:
        ks, most_sweeps = near(ks, start), 1

    def run(table: np.ndarray) -> _Run:
        return before if (table == start).all() else _run(evaluate, table)

    earned = at_start = float(before.timed.mean())
    # Rows that may have become better or worse since they were tried: others have changed.
    stale = set(range(rows))
    for sweep in range(most_sweeps):
        for row in sorted(stale, reverse=True):
            report(f"sweep {sweep + 1}, row {row + 1} of {rows}")
            # The last row stands for all later decisions.
            here = slice(row, row + 1 if row < rows - 1 else None)
            tried = [run(_with_rows(table, here, k)) for k in ks]
            shared = row == rows - 1 and _reach(tried, row + 1) >= least_episodes
            best, expected = _best_row(tried, row, num_actions, least_episodes, shared=shared)
            if expected > earned + _ROUNDING:
                table = _with_rows(table, here, np.asarray(ks, np.int32)[best])
                earned, stale = expected, set(range(rows))
            stale.discard(row)
    after = run(table)
    if after.timed.mean() < at_start:
        table, after = np.full_like(table, start), before
    return Found(table, float(after.timed.mean()), float(after.simulations.mean()))


def near(ks: Sequence[int], start: int) -> list[int]:
    """Return some of the ks, ascending: 0 if it is one, ``start``, and others around it.

    The others are the largest up to four times ``start`` (at least 16), the next that is at most
    half of it, and so on.
    """
    others = halved(k for k in ks if k <= max(16, 4 * start))
    return sorted({start, *others, *(k for k in ks if k == 0)})


def _run(evaluate: Evaluate, table: np.ndarray) -> _Run:
    """Run the episodes under a table."""
    episodes = evaluate(table)
    if episodes.trace is None:
        raise InputError("the episodes have no trace: expected one of each decision of the table")
    return _Run(
        np.asarray(episodes.timed_return, float),
        np.asarray(episodes.simulations),
        np.asarray(episodes.length),
        np.where(episodes.trace.valid, episodes.trace.legal_actions, 0),
    )


def _count_rows(run: _Run, least_episodes: int, most_rows: int) -> int:
    """Return how many decisions enough episodes reach, from 1 to the most that are allowed."""
    most = min(most_rows, run.legal.shape[1])
    reached = ((run.length > row).sum() for row in range(most))
    return max(1, sum(count >= least_episodes for count in reached))


def _reach(tried: Sequence[_Run], decision: int) -> int:
    """Return how many episodes have a decision, under the k with which most have it."""
    return max(int((run.length > decision).sum()) for run in tried)


def _with_rows(table: np.ndarray, rows: slice, k: np.ndarray | int) -> np.ndarray:
    """Return a table with ``k [A + 1]``, or one k, in some rows."""
    new = table.copy()
    new[rows] = k
    return new


def _best_row(
    tried: Sequence[_Run], row: int, num_actions: int, least: int, *, shared: bool
) -> tuple[np.ndarray, float]:
    """Return the best run for each cell of a row, ``[A + 1]``, and what all earn so on average.

    Args:
        tried: the episodes with each k in the whole row, the smallest first.
        row: its index.
        num_actions: ``A``.
        least: episodes that a cell needs to have a k of its own.
        shared: the row stands for several decisions, so that it has one k.
    """
    timed = np.stack([run.timed for run in tried])  # [K, E]
    best = np.full(num_actions + 1, timed.mean(axis=1).argmax())
    cell = tried[0].legal[:, row]  # [E]: the row's own k does not change it
    reached = tried[0].length > row
    for number in () if shared else np.unique(cell[reached]):
        mine = reached & (cell == number)
        if mine.sum() >= least:
            best[number] = timed[:, mine].mean(axis=1).argmax()
    return best, float(timed[best[cell], np.arange(timed.shape[1])].mean())
