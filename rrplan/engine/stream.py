"""Lanes that run on and on, episode after episode, for a meta-policy to learn from."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rrplan import keys
from rrplan.engine import lanes as engine_lanes
from rrplan.engine import meta_steps
from rrplan.engine.meta_steps import Looks
from rrplan.engine.state import Counters, Engine, EngineState, Queue, Results
from rrplan.models import Settings
from rrplan.types import Array

Prices = Callable[[Array], Array]
"""``keys [n] -> prices [n]`` of new episodes"""


class Stream(NamedTuple):
    """Lanes in the middle of their episodes, and the episodes to come."""

    lanes: EngineState
    ids: Array  # [B] int32, of the lanes' episodes
    prices: Array  # [B] float32
    next_id: Array  # [] int32


class Harvest(NamedTuple):
    """What a stretch of ticks brought."""

    looks: Looks  # [R, B]; all rows but each lane's last are closed
    episodes: Results  # [B + S] of the episodes that ended; length 0 where one did not
    prices: Array  # [B + S] of those episodes


def start(engine: Engine, settings: Settings, supply: int) -> Stream:
    """Return lanes about to take their first episodes, ``0..B-1``."""
    none = jnp.zeros(engine.num_lanes, jnp.int32)
    no_lanes: Any = None  # yet: they begin with the first of the queue
    stream = Stream(no_lanes, none, jnp.zeros(none.shape, jnp.float32), jnp.int32(0))
    queue = _queue(engine, settings, stream, supply, lambda keys: jnp.zeros(keys.shape))
    return stream._replace(lanes=engine_lanes.start(engine, settings, queue))


def collect(
    engine: Engine, settings: Settings, stream: Stream, wanted: int, supply: int, prices: Prices
) -> tuple[Stream, Harvest]:
    """Run until ``wanted`` meta-steps are closed, over all lanes.

    It stops early where one lane's record is full (``engine.record`` rows) or the ``supply`` of
    new episodes runs short. Meta-steps open at the end stay open, and come first next time.
    """
    assert stream.lanes.looks is not None  # as the engine records
    queue = _queue(engine, settings, stream, supply, prices)
    state = stream.lanes._replace(
        place=jnp.arange(engine.num_lanes, dtype=jnp.int32),
        next_place=jnp.int32(engine.num_lanes),
        results=Results.zeros(queue.ids.shape, weighted=engine.weighs),
        looks=meta_steps.keep_open(stream.lanes.looks),
        counters=Counters.zeros(),
    )

    def go_on(state):
        room = state.looks.count.max() < engine.record
        supplied = state.next_place + engine.num_lanes <= queue.total
        return (meta_steps.closed(state.looks).sum() < wanted) & room & supplied

    state = jax.lax.while_loop(
        go_on, lambda state: engine_lanes.tick(engine, settings, queue, state), state
    )
    new = Stream(
        lanes=state,
        ids=queue.ids[state.place],
        prices=queue.prices[state.place],
        next_id=stream.next_id + state.next_place - engine.num_lanes,
    )
    assert state.looks is not None
    return new, Harvest(state.looks, state.results, queue.prices)


def _queue(
    engine: Engine, settings: Settings, stream: Stream, supply: int, prices: Prices
) -> Queue:
    """Return the lanes' own episodes and the next ``supply``, with the latter's first states."""
    fresh = stream.next_id + jnp.arange(supply, dtype=jnp.int32)
    environment = engine.model.environment
    first = keys.first_states(environment, settings.env_params, settings.key, fresh)
    drawn = prices(keys.draw(settings.key, fresh, keys.Domain.PRICE)).astype(jnp.float32)
    return Queue(
        jnp.concatenate([stream.ids, fresh]),
        jnp.concatenate([stream.prices, drawn]),
        jnp.int32(engine.num_lanes + supply),
        jnp.int32(engine.num_lanes),
        *first,
    )
