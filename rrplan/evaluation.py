"""Evaluate an agent: a planner and a meta-policy, over many episodes side by side."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rrplan import acting, keys, lanes, memory
from rrplan.errors import InputError, unknown
from rrplan.types import (
    Array,
    Costs,
    Environment,
    Episodes,
    MetaPolicy,
    Network,
    PyTree,
)

Progress = Callable[[int, int, int], None]
"""``(episodes done, episodes in all, simulations so far) -> None``"""

_SECONDS_PER_CALL = 0.5  # between looks at the device, for the progress bar and for Ctrl-C
_BLOCK = 4096  # first states generated at a time


@dataclass(frozen=True)
class Search:
    """How a lane searches and acts. Everything here is traced: changing it compiles nothing."""

    acting: str = "visits"
    """Rule of acting after a search: `visits` or `completed_q`."""
    c_init: float = 1.25
    """`c_1` in the PUCT formula."""
    c_base: float = 19652.0
    """`c_2` in the PUCT formula."""
    discount: float = 1.0
    """Discount of one real step inside the search, in [0, 1]."""

    def __post_init__(self):
        if self.acting not in acting.RULES:
            raise unknown("acting rule", self.acting, acting.RULES)
        if not 0.0 <= self.discount <= 1.0:
            raise InputError(f"discount is {self.discount}: expected a number in [0, 1]")
        if not (self.c_init >= 0.0 and self.c_base > 0.0):
            raise InputError(
                f"c_init is {self.c_init} and c_base is {self.c_base}:"
                " expected c_init >= 0 and c_base > 0"
            )


def evaluate(
    environment: Environment,
    env_params: PyTree,
    network: Network,
    network_params: PyTree,
    meta_policy: MetaPolicy,
    meta_params: PyTree,
    *,
    key: Array,
    episodes: int | Array,
    costs: Costs = Costs(),  # noqa: B008 - an immutable record of numbers
    search: Search = Search(),
    num_lanes: int = 256,
    max_simulations: int = 64,
    progress: Progress | None = None,
) -> Episodes:
    """Run episodes of an agent that searches as much as its meta-policy says.

    All queued episodes are finished, so short ones are not over-counted. An episode's
    randomness is drawn from ``fold_in(key, episode_id)``: two agents evaluated with the same
    key on the same ids meet the same instances, whatever the number of lanes.

    Args:
        environment: static; ``envs.adapt(env)`` for a gymnax environment.
        env_params: its parameters, traced.
        network: static ``(params, observation [B, ...]) -> Evaluation``.
        network_params: pytree of arrays.
        meta_policy: static; see :class:`rrplan.MetaPolicy`.
        meta_params: pytree of arrays.
        key: scalar key.
        episodes: a number ``E`` (ids ``0..E-1``), or int ids ``[E]``, run in this order.
        costs: prices and fees in units of return, cap and budget in simulations.
        search: constants of the search and the rule of acting.
        num_lanes: episodes side by side; more than ``E`` is cut to ``E``.
        max_simulations: static bound on the simulations of one decision.
        progress: called from time to time with counts.

    Returns:
        :class:`Episodes`, arrays ``[E]`` in the order of ``episodes``.

    Raises:
        InputError: for bad counts, prices or ids; for something not finite, naming the
            episode; where the trees do not fit into memory.
    """
    prepared = prepare(
        environment,
        env_params,
        network,
        network_params,
        meta_policy,
        meta_params,
        key=key,
        episodes=episodes,
        costs=costs,
        search=search,
        num_lanes=num_lanes,
        max_simulations=max_simulations,
    )
    results = run(*prepared, progress).results
    _refuse_flaws(results.flaws, prepared.ids)
    return _bill(results, costs, prepared.prices)


class Prepared(NamedTuple):
    """A checked request, ready to run."""

    engine: lanes.Engine
    settings: lanes.Settings
    ids: Array  # [E] int32
    prices: Array  # [E] float32


def prepare(
    environment: Environment,
    env_params: PyTree,
    network: Network,
    network_params: PyTree,
    meta_policy: MetaPolicy,
    meta_params: PyTree,
    *,
    key: Array,
    episodes: int | Array,
    costs: Costs = Costs(),  # noqa: B008
    search: Search = Search(),
    num_lanes: int = 256,
    max_simulations: int = 64,
) -> Prepared:
    """Check a request to :func:`evaluate` and sort it into what is static and what is traced."""
    ids, prices = _check(episodes, costs, num_lanes, max_simulations)
    num_lanes = min(num_lanes, len(ids))
    settings = lanes.Settings(
        env_params=jax.tree.map(jnp.asarray, env_params),
        network_params=network_params,
        meta_params=jax.tree.map(jnp.asarray, meta_params),
        key=key,
        costs=_traced(costs),
        acting=jnp.int32(acting.RULES.index(search.acting)),
        c_init=jnp.float32(search.c_init),
        c_base=jnp.float32(search.c_base),
        discount=jnp.float32(search.discount),
    )
    state, _ = jax.eval_shape(environment.reset, key, settings.env_params)
    memory.check_fits(num_lanes, max_simulations, environment.num_actions, state)
    engine = lanes.Engine(environment, network, meta_policy, num_lanes, max_simulations)
    return Prepared(engine, settings, ids, prices)


def run(
    engine: lanes.Engine,
    settings: lanes.Settings,
    ids: Array,
    prices: Array,
    progress: Progress | None = None,
) -> lanes.Lanes:
    """Drive the compiled ticks until every episode is finished; return the lanes at rest."""
    total = len(ids)
    # Blocks of first states are large enough that a refill is rare; a whole tick's worth
    # is always at hand, because every lane may end at once.
    block = min(total, max(_BLOCK, 2 * engine.num_lanes))
    queue = _fill(engine.environment, settings, ids, prices, jnp.int32(0), block)
    state = _start(engine, settings, queue)
    ticks, finished = 64, False
    while not finished:
        began = time.perf_counter()
        state = _advance(engine, settings, queue, state, jnp.int32(ticks))
        taken, finished = int(state.next_place), not bool(state.active.any())
        if progress is not None:
            done = taken - int(state.active.sum())
            running = int(jnp.where(state.active, state.sums.simulations, 0).sum())
            progress(done, total, int(state.results.simulations.sum()) + running)
        if taken + engine.num_lanes > int(queue.offset) + block and taken < total:
            queue = _fill(engine.environment, settings, ids, prices, state.next_place, block)
        seconds = time.perf_counter() - began
        ticks = int(np.clip(ticks * _SECONDS_PER_CALL / seconds, ticks / 4 + 1, ticks * 4))
    return state


@functools.partial(jax.jit, static_argnames=("environment", "block"))
def _fill(environment, settings, ids, prices, offset, block) -> lanes.Queue:
    """Generate the first states of the next ``block`` episodes in the queue."""
    places = jnp.minimum(offset + jnp.arange(block), ids.shape[0] - 1)
    reset_keys = keys.draw(settings.key, ids[places], keys.Domain.RESET)
    states, observations = jax.vmap(environment.reset, (0, None))(reset_keys, settings.env_params)
    return lanes.Queue(ids, prices, offset, states, observations)


_start = jax.jit(lanes.start, static_argnames=("engine",))


@functools.partial(jax.jit, static_argnames=("engine",), donate_argnames=("state",))
def _advance(engine, settings, queue, state, ticks) -> lanes.Lanes:
    """Run up to ``ticks`` ticks; stop early when all is done or first states run short."""
    total = queue.ids.shape[0]
    block = jax.tree.leaves(queue.states)[0].shape[0]
    last = state.tick + ticks

    def go_on(state):
        supplied = state.next_place + engine.num_lanes <= queue.offset + block
        all_taken = queue.offset + block >= total
        return (state.tick < last) & state.active.any() & (supplied | all_taken)

    return jax.lax.while_loop(
        go_on, lambda state: lanes.tick(engine, settings, queue, state), state
    )


def _bill(results: lanes.Results, costs: Costs, prices: Array) -> Episodes:
    """Charge what was thought."""
    cost = (
        prices * results.simulations
        + costs.decision_fee * results.length
        + costs.ask_fee * results.asks
    )
    return Episodes(
        untimed_return=results.untimed_return,
        timed_return=results.untimed_return - cost,
        cost=cost,
        simulations=results.simulations,
        length=results.length,
        asks=results.asks,
    )


def _traced(costs: Costs) -> Costs:
    return Costs(
        price=jnp.float32(0.0),  # the queue holds each episode's own
        decision_fee=jnp.float32(costs.decision_fee),
        ask_fee=jnp.float32(costs.ask_fee),
        cap=jnp.int32(costs.cap),
        budget=jnp.int32(costs.budget),
    )


def _check(
    episodes: int | Array, costs: Costs, num_lanes: int, max_simulations: int
) -> tuple[Array, Array]:
    """Return episode ids and prices, ``[E]`` each; refuse what makes no sense."""
    ids = np.arange(episodes) if np.ndim(episodes) == 0 else np.asarray(episodes)
    if ids.ndim != 1 or ids.size == 0 or ids.dtype.kind not in "iu" or ids.min() < 0:
        raise InputError(f"episodes is {episodes!r}: expected a number >= 1 or ids >= 0")
    if num_lanes < 1:
        raise InputError(f"num_lanes is {num_lanes}: expected 1 or more")
    if max_simulations < 0:
        raise InputError(f"max_simulations is {max_simulations}: expected 0 or more")
    for name, value in costs._asdict().items():
        value = np.asarray(value)
        if not (np.isfinite(value).all() and (value >= 0).all()):
            raise InputError(f"{name} is {value.min()}: expected a finite number >= 0")
        if value.ndim and not (name == "price" and value.shape == ids.shape):
            raise InputError(
                f"{name} has shape {value.shape}: expected a number"
                + (f" or shape {ids.shape}, one for each episode" if name == "price" else "")
            )
    prices = np.broadcast_to(np.asarray(costs.price, np.float32), ids.shape)
    return jnp.asarray(ids, jnp.int32), jnp.asarray(prices)


def _refuse_flaws(flaws: Array, ids: Array) -> None:
    flaws = np.asarray(flaws)
    bad = np.flatnonzero(flaws)
    if not bad.size:
        return
    names = {
        lanes.BAD_OBSERVATION: "an observation",
        lanes.BAD_REWARD: "a reward",
        lanes.BAD_EVALUATION: "the network's output",
    }
    what = next(name for flag, name in names.items() if flaws[bad[0]] & flag)
    raise InputError(
        f"episode {int(ids[bad[0]])}: {what} is NaN or infinite, expected finite numbers"
        f" ({bad.size} of {flaws.size} episodes are affected)"
    )
