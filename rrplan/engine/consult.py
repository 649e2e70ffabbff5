"""The one question: lanes that have used up what they were given ask their meta-policy."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rrplan import costs, keys
from rrplan.costs import Counts, charge
from rrplan.engine import meta_steps
from rrplan.engine.state import Engine, EngineState, Queue
from rrplan.models import Settings, where
from rrplan.search import trees
from rrplan.types import Array, Control, MetaObservation

NO_DEPTH_LIMIT = jnp.iinfo(jnp.int32).max

# Askers are shown to the meta-policy in groups of a quarter of the lanes, but not below this: a
# group has a cost of its own, and one of few rows costs as much as one of so many.
_LEAST_GROUP = 32


class _Left(NamedTuple):
    """Simulations left, ``[B]`` each."""

    decision: Array  # within the caps of decision and episode
    episode: Array  # within the episode's


def ask(
    engine: Engine, settings: Settings, queue: Queue, lanes: EngineState, roots: trees.Rows
) -> tuple[EngineState, Array]:
    """Ask the lanes that have used up what they were given; say which lanes think, ``[B]``."""
    left = _simulations_left(engine, settings, lanes)
    # Where one action is legal, no search can change what is done: nobody is asked, the lane acts.
    choice = (~lanes.invalid_actions).sum(-1) > 1
    asked = lanes.active & ~lanes.starting & (lanes.ordered == 0) & (left.decision > 0) & choice
    looking = asked & _looks(engine, lanes)
    seen = _observe(settings, queue, lanes, roots, left)
    if engine.meta_policy.looks == "never":
        control = _answer(engine, settings, queue, lanes, seen, None)
    else:
        control = _ask_in_groups(engine, settings, queue, lanes, seen, looking)
        # A lane that has had its one look in this decision acts.
        control = control._replace(
            extra_simulations=jnp.where(looking, control.extra_simulations, 0),
            max_depth=jnp.where(looking, control.max_depth, lanes.max_depth),
        )
    extra = jnp.clip(control.extra_simulations, 0, left.decision)
    if engine.record:
        charged = settings.costs._replace(price=price(queue, lanes))
        cost = charge(charged, Counts(looks=looking))
        assert lanes.looks is not None  # as the engine records
        lanes = lanes._replace(looks=meta_steps.begin(lanes.looks, looking, control.aux, cost))
    lanes = lanes._replace(
        carry=where(asked, control.carry, lanes.carry),
        max_depth=jnp.where(asked, control.max_depth, lanes.max_depth),
        ordered=jnp.where(asked, extra, lanes.ordered),
        sums=lanes.sums._replace(
            looks=lanes.sums.looks + looking, weighted=weigh_in(lanes, Counts(looks=looking))
        ),
    )
    return lanes, lanes.active & (lanes.ordered > 0)


def price(queue: Queue, lanes: EngineState) -> Array:
    """Return the price that holds at each lane's root, ``[B]``."""
    own = queue.prices[lanes.place]
    return own if lanes.factor is None else own * lanes.factor


def weigh_in(lanes: EngineState, counts: Counts) -> Counts | None:
    """Return the weighted sums of the lanes' episodes with a tick's counts in them."""
    if lanes.factor is None or lanes.sums.weighted is None:
        return None
    return costs.add_weighted(lanes.sums.weighted, counts, lanes.factor)


def rows_seen(seen: MetaObservation, prior_probs: Array | None = None) -> trees.Rows:
    """Return the roots that a meta-observation shows, for rules that score them.

    Args:
        seen: with any order of axes.
        prior_probs: those of the prior, where they are known; a softmax over the last axis if None.
    """
    return trees.Rows(
        raw_value=seen.raw_value,
        node_value=seen.search_value,
        node_visits=seen.simulations + 1,  # the root's own evaluation is its first visit
        prior_logits=seen.prior_logits,
        prior_probs=jax.nn.softmax(seen.prior_logits) if prior_probs is None else prior_probs,
        visit_counts=seen.visit_counts,
        qvalues=seen.qvalues,
    )


def with_record(
    engine: Engine, settings: Settings, queue: Queue, lanes: EngineState
) -> EngineState:
    """Return lanes that have looked at nothing, with an empty record if the engine keeps one."""
    if not engine.record:
        return lanes
    shapes = _shapes(engine, settings, queue, lanes)
    return lanes._replace(looks=meta_steps.blank(engine.record, shapes.aux))


def _looks(engine: Engine, lanes: EngineState) -> Array:
    """Return which of the lanes that ask are given an answer computed for them, ``[B]``."""
    if engine.meta_policy.looks == "never":
        return jnp.zeros_like(lanes.active)
    return (engine.meta_policy.looks == "every") | (lanes.simulations == 0)


def _ask_in_groups(
    engine: Engine,
    settings: Settings,
    queue: Queue,
    lanes: EngineState,
    seen: MetaObservation,
    looking: Array,
) -> Control:
    """Return answers ``[B, ...]``, computed for the lanes ``looking [B]`` alone, group by group.

    The others keep their carry; what else stands in their rows means nothing.
    """
    size = looking.shape[0]
    group = min(size, max(_LEAST_GROUP, size // 4))
    places = jnp.arange(size, dtype=jnp.int32)
    last = looking.sum(dtype=jnp.int32)
    # The looking lanes in order, padded to whole groups with a lane that there is not.
    order = jnp.full(size + group, size, jnp.int32)
    order = order.at[jnp.where(looking, jnp.cumsum(looking) - 1, size + group)].set(
        places, mode="drop"
    )
    shapes = _shapes(engine, settings, queue, lanes)
    blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    def more(state: tuple[Array, Control]) -> Array:
        return state[0] < last

    def answer_group(state: tuple[Array, Control]) -> tuple[Array, Control]:
        done, control = state
        chosen = jax.lax.dynamic_slice(order, (done,), (group,))
        answer = _answer(engine, settings, queue, lanes, seen, jnp.minimum(chosen, size - 1))
        control = jax.tree.map(
            lambda all_, mine: all_.at[chosen].set(mine, mode="drop"), control, answer
        )
        return done + group, control

    start = (jnp.int32(0), blank._replace(carry=lanes.carry))
    return jax.lax.while_loop(more, answer_group, start)[1]


def _answer(
    engine: Engine,
    settings: Settings,
    queue: Queue,
    lanes: EngineState,
    seen: MetaObservation,
    chosen: Array | None,
) -> Control:
    """Ask the meta-policy for the lanes ``chosen [G]``, or for all."""

    def take(tree: Any) -> Any:
        return tree if chosen is None else jax.tree.map(lambda leaf: leaf[chosen], tree)

    place, carry, seen = take((lanes.place, lanes.carry, seen))
    indices = seen.decision, seen.simulations
    meta_keys = keys.draw(settings.key, queue.ids[place], keys.Domain.META, *indices)
    control = engine.meta_policy.apply(settings.meta_params, meta_keys, carry, seen)
    return control if engine.record else control._replace(aux=())


def _shapes(engine: Engine, settings: Settings, queue: Queue, lanes: EngineState) -> Control:
    """Return the shapes of what the meta-policy answers for all lanes; nothing is computed."""

    def answer(lanes: EngineState) -> Control:
        roots = trees.read(lanes.tree, lanes.root)
        left = _simulations_left(engine, settings, lanes)
        seen = _observe(settings, queue, lanes, roots, left)
        return _answer(engine, settings, queue, lanes, seen, None)

    return jax.eval_shape(answer, lanes)


def _observe(
    settings: Settings, queue: Queue, lanes: EngineState, roots: trees.Rows, left: _Left
) -> MetaObservation:
    """Return what every lane's root has to show."""
    simulation_rate = settings.costs.rates.simulation
    return MetaObservation(
        observation=lanes.observation,
        features=lanes.features,
        prior_logits=roots.prior_logits,
        invalid_actions=lanes.invalid_actions,
        visit_counts=roots.visit_counts,
        qvalues=roots.qvalues,
        qvalue_variances=jnp.zeros_like(roots.qvalues),
        raw_value=roots.raw_value,
        search_value=roots.node_value,
        simulations=lanes.simulations,
        simulations_left=left.decision,
        decision=lanes.sums.length,
        price=price(queue, lanes) * simulation_rate,
        budget_left=left.episode,
        max_depth=lanes.max_depth,
    )


def _simulations_left(engine: Engine, settings: Settings, lanes: EngineState) -> _Left:
    cap = jnp.minimum(settings.costs.cap, engine.max_simulations)
    of_episode = settings.costs.budget - lanes.sums.simulations
    return _Left(jnp.minimum(cap - lanes.simulations, of_episode), of_episode)
