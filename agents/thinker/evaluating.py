"""Lanes that play given episodes to their ends, one after the other, by an agent's answers."""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from agents.thinker.augmented import Outcome, advance
from agents.thinker.collecting import decide
from agents.thinker.lanes import Lanes, Problem, decode
from agents.thinker.lanes import start as start_lanes
from agents.thinker.network import ThinkerNetwork
from agents.thinker.supply import Supply
from agents.thinker.tree import ROOT
from rrplan.costs import sound
from rrplan.engine import trace as traces
from rrplan.engine.rollouts import MOST_STEPS, no_end
from rrplan.engine.state import Results
from rrplan.errors import InputError
from rrplan.logits import entropy_of
from rrplan.models import Settings
from rrplan.types import Array, Trace, Work

_FIRST_CHUNK = 64  # steps of the first call
_SECONDS_PER_CALL = 0.5  # for Ctrl-C and the progress bar


class Running(NamedTuple):
    """What a compiled evaluation closes over. Hashable, because ``jit`` keys on it."""

    problem: Problem
    network: ThinkerNetwork
    num_lanes: int
    trace: int  # decisions recorded of each episode


class _Done(NamedTuple):
    """Lanes under way, and what has ended."""

    lanes: Lanes
    results: Results  # [E]
    trace: Trace | None  # [E, N]
    steps: Array  # [] int32, of this call
    useful: Array  # [] int32, lane-steps of this call that moved an episode


class Total(NamedTuple):
    """What an evaluation brought, and its work."""

    results: Results  # [E] each
    trace: Trace | None  # [E, N] each
    steps: int  # of all lanes
    useful: int  # lane-steps that moved an episode

    def work(self, num_lanes: int, seconds: float) -> Work:
        """Return what it took."""
        return Work(
            ticks=self.steps,
            lane_ticks=self.steps * num_lanes,
            useful=self.useful,
            simulations=int(self.results.simulations.sum()),
            seconds=seconds,
        )


def run(
    running: Running,
    settings: Settings,
    ids: np.ndarray,
    prices: np.ndarray,
    progress: Callable[[int, int, int], None] | None,
) -> Total:
    """Step all lanes until every episode has ended; a call to the device is never long.

    Args:
        running: static.
        settings: with the agent's parameters, and the key of all episodes.
        ids: ``[E]``, of the episodes.
        prices: ``[E]``.
        progress: called from time to time with episodes done, episodes in all, simulations.

    Raises:
        InputError: an episode does not end, or something in it is not finite.
    """
    queue = jnp.asarray(ids), jnp.asarray(prices)
    count = jnp.zeros((), jnp.int32)
    done = _Done(
        first(running, settings, *queue),
        Results.zeros((len(ids),), weighted=running.problem.weighs),
        traces.blank(len(ids), running.trace),
        count,
        count,
    )
    chunk, steps, useful = _FIRST_CHUNK, 0, 0
    while True:
        began = time.perf_counter()
        done = _go_on(running, settings, *queue, done, jnp.int32(chunk))
        active = np.asarray(done.lanes.active)  # waits
        steps, useful = steps + int(done.steps), useful + int(done.useful)
        if progress is not None:
            ended = int((done.results.length > 0).sum())
            progress(ended, len(ids), int(done.results.simulations.sum()))
        flawed = np.flatnonzero(active & (np.asarray(done.lanes.sums.flaws) > 0))
        if flawed.size:
            raise _flaw(int(done.lanes.ids[flawed[0]]))
        if not active.any():
            bad = np.flatnonzero(done.results.flaws)
            if bad.size:
                raise _flaw(int(ids[bad[0]]))
            return Total(done.results, _finish(done.trace), steps, useful)
        longest = int(np.argmax(np.where(active, done.lanes.sums.length, -1)))
        if int(done.lanes.sums.length[longest]) >= MOST_STEPS:
            episode = int(done.lanes.ids[longest])
            raise no_end(running.problem.model.environment, episode, MOST_STEPS)
        slow = time.perf_counter() - began > _SECONDS_PER_CALL
        chunk = max(1, chunk // 2) if slow else 2 * chunk


def _flaw(episode: int) -> InputError:
    return InputError(
        f"episode {episode}: an observation, a reward or a network's output is NaN or infinite, or"
        " price_factor is so or below 0: expected finite numbers"
    )


def _supply(ids: Array, prices: Array) -> Supply:
    def take(place: Array) -> tuple[Array, Array]:
        place = jnp.minimum(place, ids.shape[0] - 1)
        return ids[place], prices[place]

    return Supply(take, jnp.int32(ids.shape[0]))


@functools.partial(jax.jit, static_argnums=0)
def first(running: Running, settings: Settings, ids: Array, prices: Array) -> Lanes:
    """Return lanes that have begun the first episodes ``ids [E]``, at ``prices [E]``."""
    return start_lanes(running.problem, settings, _supply(ids, prices), running.num_lanes)


@functools.partial(jax.jit, static_argnums=0)
def _go_on(
    running: Running, settings: Settings, ids: Array, prices: Array, done: _Done, most: Array
) -> _Done:
    """Step until all episodes have ended, or ``most`` times."""
    problem, network = running.problem, running.network
    supply = _supply(ids, prices)

    def body(done: _Done) -> _Done:
        before = done.lanes
        decision = decide(problem, network, settings, before, likeliest=True)
        lanes, outcome = advance(problem, settings, supply, before, decision.answer)
        finite = outcome.finite & jnp.isfinite(decision.value).all(-1)
        if before.factor is not None:
            finite &= sound(before.factor)
        flaws = before.sums.flaws | (before.active & ~finite)
        sums = outcome.sums._replace(flaws=flaws)
        store = jnp.where(outcome.ended, before.place, ids.shape[0])
        results = jax.tree.map(
            lambda all_, mine: all_.at[store].set(mine, mode="drop"), done.results, sums
        )
        kept = jnp.where(outcome.ended, lanes.sums.flaws, flaws)
        return _Done(
            lanes._replace(sums=lanes.sums._replace(flaws=kept)),
            results,
            _record(problem, done.trace, before, decision.answer, outcome),
            done.steps + 1,
            done.useful + before.active.sum(dtype=jnp.int32),
        )

    def go_on(done: _Done) -> Array:
        flawed = done.lanes.active & (done.lanes.sums.flaws > 0)
        return (done.steps < most) & done.lanes.active.any() & ~flawed.any()

    none = jnp.int32(0)
    return jax.lax.while_loop(go_on, body, done._replace(steps=none, useful=none))


def _record(
    problem: Problem, trace: Trace | None, lanes: Lanes, answer: Array, outcome: Outcome
) -> Trace | None:
    """Write down the decisions that end in this step; ``lanes`` are as they were before it.

    Simulations, looks and levels are written as the episode's sums so far.
    """
    if trace is None:
        return None
    root: Any = jax.tree.map(lambda leaf: leaf[:, ROOT], lanes.tree)
    legal = ~root.invalid_actions
    probs = jax.nn.softmax(root.prior_logits)
    row = Trace(
        valid=outcome.real,
        action=decode(answer, problem.num_actions)[0],
        prior_action=jnp.argmax(jnp.where(legal, probs, -1.0), -1).astype(jnp.int32),
        reward=outcome.reward,
        simulations=outcome.sums.simulations,
        looks=outcome.sums.looks,
        levels=outcome.sums.levels,
        raw_value=root.value,
        search_value=root.returns.mean,
        legal_actions=legal.sum(-1, dtype=jnp.int32),
        prior_entropy=entropy_of(probs),
        repeated=traces.checksum(lanes.observation),
    )
    place = jnp.where(outcome.real & lanes.active, lanes.place, trace.valid.shape[0])
    return jax.tree.map(
        lambda store, new: store.at[place, lanes.sums.length].set(new, mode="drop"), trace, row
    )


def _finish(trace: Trace | None) -> Trace | None:
    """Return a trace whose simulations, looks and levels are those of each decision."""
    finished = traces.finish(trace)
    if finished is None:
        return None
    simulations = np.diff(np.asarray(finished.simulations), axis=1, prepend=0)
    return finished._replace(simulations=np.where(finished.valid, simulations, 0))
