"""Episodes divided among devices: the same compiled ticks on each, and no word between them.

Episodes are dealt like cards, by their position in the queue: with ``H`` hands, position ``p``
goes to hand ``p mod H``. First to the processes, then to the devices of each. Every device has
a queue, lanes and a loop of its own; nothing passes between devices until all is done.
"""

import functools
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from rrplan import keys
from rrplan.engine import lanes
from rrplan.engine.rollouts import MOST_STEPS, no_end
from rrplan.engine.state import Counters, Engine, EngineState, Queue, Results
from rrplan.models import Settings
from rrplan.types import Array, Device, Environment, Trace, Work

Progress = Callable[[int, int, int], None]
"""``(episodes done, episodes in all, simulations so far) -> None``, of this process"""

_SECONDS_PER_CALL = 0.5  # between looks at the devices, for the progress bar and for Ctrl-C
_BLOCK = 4096  # first states generated at a time
_AXIS = "devices"


class Orders(NamedTuple):
    """The episodes dealt to each of ``H`` devices."""

    ids: Array | np.ndarray  # [H, L] int32
    prices: Array | np.ndarray  # [H, L] float32
    totals: Array | np.ndarray  # [H] int32, how many of the L are episodes; the rest is padding


class Finished(NamedTuple):
    """Every episode's sums and trace, in the order of the queue."""

    results: Results  # [E] each
    trace: Trace | None  # [E, N] each
    work: Work  # of this process


class Pulse(NamedTuple):
    """What the host looks at between two calls, one of each device."""

    counters: Counters  # [H] since the last look
    next_place: Array  # [H] int32
    active: Array  # [H] int32, lanes that have an episode
    longest: Array  # [H] int32, decisions of the longest episode under way
    place: Array  # [H] int32, of that episode in the queue


def deal(values: np.ndarray, hands: int) -> np.ndarray:
    """Return ``values [E, ...]`` dealt into ``[hands, L, ...]``, padded with zeros at the end."""
    rows = max(1, -(-len(values) // hands))
    padding = [(0, rows * hands - len(values))] + [(0, 0)] * (values.ndim - 1)
    return np.pad(values, padding).reshape(rows, hands, *values.shape[1:]).swapaxes(0, 1)


def collect(dealt: np.ndarray, total: int) -> np.ndarray:
    """Return ``[E, ...]`` from ``[hands, L, ...]``: the inverse of :func:`deal`."""
    dealt = np.asarray(dealt)
    return dealt.swapaxes(0, 1).reshape(-1, *dealt.shape[2:])[:total]


def longest_queue(num_episodes: int, num_devices: int) -> int:
    """Return the most episodes that one device of any process is dealt."""
    in_process = -(-num_episodes // jax.process_count())
    return -(-in_process // num_devices)


def run(
    engine: Engine,
    settings: Settings,
    ids: np.ndarray,
    prices: np.ndarray,
    devices: Sequence[Device],
    progress: Progress | None = None,
) -> Finished:
    """Run all episodes: this process its share, on ``devices``; return everybody's results.

    Args:
        engine: static.
        settings: traced.
        ids: ``[E]`` int32, the same in every process, as all arguments but ``devices``.
        prices: ``[E]`` float32.
        devices: of this process.
        progress: called from time to time.
    """
    processes, process = jax.process_count(), jax.process_index()
    mine = slice(process, None, processes)
    results, trace, work = _run_here(engine, settings, ids[mine], prices[mine], devices, progress)
    if processes > 1:
        rows = -(-len(ids) // processes)
        padded = jax.tree.map(
            lambda leaf: np.pad(leaf, [(0, rows - len(leaf))] + [(0, 0)] * (leaf.ndim - 1)),
            (results, trace),
        )
        gathered = multihost_utils.process_allgather(padded)
        results, trace = jax.tree.map(lambda leaf: collect(leaf, len(ids)), gathered)
    return Finished(results, trace, work)


def _run_here(
    engine: Engine,
    settings: Settings,
    ids: np.ndarray,
    prices: np.ndarray,
    devices: Sequence[Device],
    progress: Progress | None,
) -> Finished:
    """Drive the compiled ticks of this process until every episode of its share is finished."""
    environment, mesh = engine.model.environment, Mesh(np.asarray(devices), (_AXIS,))
    hands = len(devices)
    totals = (len(ids) - np.arange(hands) + hands - 1) // hands
    orders = Orders(deal(ids, hands), deal(prices, hands), totals.astype(np.int32))
    orders = jax.device_put(orders, NamedSharding(mesh, P(_AXIS)))
    settings = jax.device_put(settings, NamedSharding(mesh, P()))
    # Blocks of first states are large enough that a refill is rare; a whole tick's worth
    # is always at hand, because every lane may end at once.
    block = min(orders.ids.shape[1], max(_BLOCK, 2 * engine.num_lanes))

    offsets = np.zeros(hands, np.int32)
    queue = _fill(environment, mesh, block, settings, orders, offsets)
    state = _start(engine, mesh, settings, queue)
    # No tick at all: only so that the clock starts after compilation.
    state, _ = _advance(engine, mesh, settings, queue, state, jnp.int32(0))
    start = time.perf_counter()
    work, ticks, finished = Work(), 64, False
    while not finished:
        began = time.perf_counter()
        state, pulse = _advance(engine, mesh, settings, queue, state, jnp.int32(ticks))
        pulse = jax.tree.map(np.asarray, pulse)  # waits
        _refuse_endless(environment, orders, pulse)
        work, finished = _add_up(work, pulse, engine.num_lanes), not pulse.active.any()
        if progress is not None:
            done = int(pulse.next_place.sum() - pulse.active.sum())
            progress(done, len(ids), work.simulations)
        short = pulse.next_place + engine.num_lanes > offsets + block
        if (short & (pulse.next_place < totals)).any():
            offsets = pulse.next_place
            queue = _fill(environment, mesh, block, settings, orders, offsets)
        seconds = time.perf_counter() - began
        ticks = int(np.clip(ticks * _SECONDS_PER_CALL / seconds, ticks / 4 + 1, ticks * 4))
    results, trace = jax.tree.map(
        lambda leaf: collect(leaf, len(ids)), (state.results, state.trace)
    )
    return Finished(results, trace, work._replace(seconds=time.perf_counter() - start))


def _refuse_endless(environment: Environment, orders: Orders, pulse: Pulse) -> None:
    """Raise an :class:`rrplan.InputError` where an episode has gone on for too long."""
    device = int(pulse.longest.argmax())
    if pulse.active.any() and pulse.longest[device] > MOST_STEPS:
        episode = int(np.asarray(orders.ids)[device, pulse.place[device]])
        raise no_end(environment, episode, MOST_STEPS)


def _add_up(work: Work, pulse: Pulse, num_lanes: int) -> Work:
    """Add what was done since the last look. Python's integers do not overflow."""
    counters = pulse.counters
    return work._replace(
        ticks=work.ticks + int(counters.ticks.max()),
        lane_ticks=work.lane_ticks + num_lanes * int(counters.ticks.sum()),
        useful=work.useful + int(counters.useful.sum()),
        queued_lane_ticks=work.queued_lane_ticks + num_lanes * int(counters.queued_ticks.sum()),
        queued_useful=work.queued_useful + int(counters.queued_useful.sum()),
        simulations=work.simulations + int(counters.simulations.sum()),
    )


def _on_each(mesh: Mesh, shared: int):
    """Return a decorator: call the function on each device, on its own part of the arguments.

    The first ``shared`` arguments are the same for all devices; of the others, and of what is
    returned, every array has a leading axis over devices, which the function does not see.
    """

    def decorate(function):
        def call(*arguments):
            own = jax.tree.map(lambda leaf: leaf[0], arguments[shared:])
            return jax.tree.map(lambda leaf: leaf[None], function(*arguments[:shared], *own))

        def divided(*arguments):
            specs = [P()] * shared + [P(_AXIS)] * (len(arguments) - shared)
            # Nothing is said between devices, so there is nothing to check of their agreement.
            return jax.shard_map(
                call, mesh=mesh, in_specs=tuple(specs), out_specs=P(_AXIS), check_vma=False
            )(*arguments)

        return divided

    return decorate


@functools.partial(jax.jit, static_argnames=("environment", "mesh", "block"))
def _fill(
    environment: Environment,
    mesh: Mesh,
    block: int,
    settings: Settings,
    orders: Orders,
    offsets: Array,
) -> Queue:
    """Generate the first states of the next ``block`` episodes of each device's queue."""

    @_on_each(mesh, shared=1)
    def fill(settings, orders, offset):
        places = jnp.minimum(offset + jnp.arange(block), orders.ids.shape[0] - 1)
        ids = orders.ids[places]
        first = keys.first_states(environment, settings.env_params, settings.key, ids)
        return Queue(orders.ids, orders.prices, orders.totals, offset, *first)

    return fill(settings, orders, offsets)


@functools.partial(jax.jit, static_argnames=("engine", "mesh"))
def _start(engine: Engine, mesh: Mesh, settings: Settings, queue: Queue) -> EngineState:
    """Return each device's lanes, about to take their first episodes."""
    return _on_each(mesh, shared=1)(functools.partial(lanes.start, engine))(settings, queue)


@functools.partial(jax.jit, static_argnames=("engine", "mesh"), donate_argnames=("state",))
def _advance(
    engine: Engine, mesh: Mesh, settings: Settings, queue: Queue, state: EngineState, ticks: Array
) -> tuple[EngineState, Pulse]:
    """Run up to ``ticks`` ticks; a device stops early when done, or when first states run short."""

    @_on_each(mesh, shared=2)
    def advance(settings, ticks, queue, state):
        block = jax.tree.leaves(queue.states)[0].shape[0]
        all_taken = queue.offset + block >= queue.total

        def go_on(state):
            supplied = state.next_place + engine.num_lanes <= queue.offset + block
            return (state.counters.ticks < ticks) & state.active.any() & (supplied | all_taken)

        state = jax.lax.while_loop(
            go_on,
            lambda state: lanes.tick(engine, settings, queue, state),
            state._replace(counters=Counters.zeros()),
        )
        active = state.active.sum(dtype=jnp.int32)
        lane = jnp.where(state.active, state.sums.length, -1).argmax()
        longest = state.sums.length[lane], state.place[lane]
        return state, Pulse(state.counters, state.next_place, active, *longest)

    return advance(settings, ticks, queue, state)
