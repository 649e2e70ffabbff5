"""The engine: lanes that never wait. One tick moves every lane by one step of its own.

A tick asks the lanes that have used up what they were given, lets the others descend to a
leaf, and then does *one* step of the model and *one* network evaluation for the whole batch:
for a thinking lane the step to its leaf, for an acting lane the real one. So the work done
is the sum of the budgets chosen. A lane whose episode ended takes the next one in the queue
between the step and the evaluation, so a reset costs no evaluation of its own.
"""

import jax
import jax.numpy as jnp

from rrplan import keys, search
from rrplan.capabilities import Priced, offers
from rrplan.costs import Counts, sound, timed_return
from rrplan.engine import consult, meta_steps, trace
from rrplan.engine.meta_steps import Looks
from rrplan.engine.state import Counters, Engine, EngineState, Queue, Results
from rrplan.models import Answer, Before, Moved, Position, Settings, finite, where
from rrplan.search import final_action, trees
from rrplan.types import Array

# Flags of Results.flaws.
BAD_OBSERVATION, BAD_EVALUATION, BAD_REWARD, BAD_DISCOUNT, BAD_FACTOR = 1, 2, 4, 8, 16


def start(engine: Engine, settings: Settings, queue: Queue) -> EngineState:
    """Return lanes that are about to take their first episodes."""
    lanes = (engine.num_lanes,)
    state, observation = jax.tree.map(
        lambda leaf: jnp.zeros(lanes + leaf.shape[1:], leaf.dtype),
        (queue.states, queue.observations),
    )
    position = Position(state, jnp.zeros(lanes, bool))
    none = jnp.zeros(lanes, jnp.int32)
    root_keys = keys.draw(settings.key, none, keys.Domain.ROOT)
    answer = jax.eval_shape(engine.model.root, settings, root_keys, position, observation)
    blank = trees.Node(
        answer.embedding, answer.prior_logits, answer.value, answer.value, answer.discount
    )
    fresh = EngineState(
        tree=trees.allocate(engine.max_simulations + 1, blank),
        tick=jnp.int32(0),
        counters=Counters.zeros(),
        next_place=jnp.int32(0),
        results=Results.zeros(queue.ids.shape, weighted=engine.weighs),
        trace=trace.blank(queue.ids.shape[0], engine.trace),
        looks=None,
        active=jnp.ones(lanes, bool),
        starting=jnp.ones(lanes, bool),
        place=none,
        root=none,
        real=engine.model.keep(position),
        observation=observation,
        features=jnp.zeros(answer.features.shape, answer.features.dtype),
        invalid_actions=jnp.zeros(answer.invalid_actions.shape, bool),
        carry=engine.meta_policy.init(engine.num_lanes),
        max_depth=jnp.full_like(none, consult.NO_DEPTH_LIMIT),
        ordered=none,
        simulations=none,
        sums=Results.zeros(lanes, weighted=engine.weighs),
        factor=jnp.ones(lanes, jnp.float32) if engine.weighs else None,
    )
    return consult.with_record(engine, settings, queue, fresh)


def tick(engine: Engine, settings: Settings, queue: Queue, lanes: EngineState) -> EngineState:
    """Move every lane by one model step and one network evaluation."""
    roots = trees.read(lanes.tree, lanes.root)
    lanes, thinking = consult.ask(engine, settings, queue, lanes, roots)
    rules = search.puct_rules(lanes.invalid_actions, settings.c_init, settings.c_base)
    root_action = rules.at_root(roots)
    tree, path = trees.descend(lanes.tree, lanes.root, root_action, lanes.max_depth, thinking)
    chosen = final_action.choose_action(settings.acting, roots, lanes.invalid_actions)
    if engine.meta_policy.act is not None:
        chosen = engine.meta_policy.act(lanes.carry, lanes.sums.length, chosen)
    action = jnp.where(thinking, path.action, chosen)
    moved = _step(engine, settings, queue, lanes, thinking, path, action)

    real = lanes.active & ~thinking & ~lanes.starting
    queued = lanes.next_place < queue.total
    lanes = lanes._replace(
        tree=tree,
        trace=trace.record(lanes, roots, real, chosen, moved.reward),
        looks=_settle(engine, settings, queue, lanes, thinking, path.depth, real, moved),
        sums=_add(lanes, thinking, path.depth, real, moved.reward),
    )
    lanes, entering, moved = _take_next(engine, queue, lanes, real & moved.position.done, moved)

    root_keys = keys.draw(settings.key, queue.ids[lanes.place], keys.Domain.ROOT, lanes.sums.length)
    answer = engine.model.answer(settings, root_keys, thinking, moved)
    node = trees.Node(
        answer.embedding, answer.prior_logits, answer.value, moved.reward, answer.discount
    )
    slot = lanes.tick % (engine.max_simulations + 1)
    tree = trees.write(lanes.tree, slot, node, rules.below, path)
    tree = trees.backup(tree, slot, path, rules.below)

    rerooted = real | entering
    factor = _factor(engine, settings, lanes, rerooted, moved)
    flaws = _flaws(moved, answer, factor) * (lanes.active & ~moved.position.done)
    fresh_carry = engine.meta_policy.init(engine.num_lanes)
    return lanes._replace(
        tree=tree,
        tick=lanes.tick + 1,
        counters=_count(lanes, queued, thinking),
        root=jnp.where(rerooted, slot, lanes.root),
        real=engine.model.keep(moved.position),
        observation=where(rerooted, moved.observation, lanes.observation),
        features=where(rerooted, answer.features, lanes.features),
        invalid_actions=where(rerooted, answer.invalid_actions, lanes.invalid_actions),
        carry=where(entering, fresh_carry, lanes.carry),
        max_depth=jnp.where(rerooted, consult.NO_DEPTH_LIMIT, lanes.max_depth),
        ordered=jnp.where(rerooted, 0, lanes.ordered - thinking),
        simulations=jnp.where(rerooted, 0, lanes.simulations + thinking),
        sums=lanes.sums._replace(flaws=lanes.sums.flaws | flaws),
        factor=factor,
    )


def _step(
    engine: Engine,
    settings: Settings,
    queue: Queue,
    lanes: EngineState,
    thinking: Array,
    path: trees.Path,
    action: Array,
) -> Moved:
    """Step every lane once, imagined or real."""
    step_keys = keys.draw(
        settings.key,
        queue.ids[lanes.place],
        jnp.where(thinking, keys.Domain.SEARCH, keys.Domain.STEP),
        lanes.sums.length,
        jnp.where(thinking, lanes.simulations, 0),  # a real step is the same after any search
    )
    parent = trees.read_states(lanes.tree, path.parent)
    before = Before(parent, lanes.real, lanes.observation)
    return engine.model.step(settings, step_keys, thinking, action, before)


def _take_next(
    engine: Engine, queue: Queue, lanes: EngineState, ended: Array, moved: Moved
) -> tuple[EngineState, Array, Moved]:
    """Store what ended, and hand out the next episodes in the queue in the order of lanes."""
    store = jnp.where(ended, lanes.place, queue.ids.shape[0])
    results = jax.tree.map(
        lambda all_, mine: all_.at[store].set(mine, mode="drop"), lanes.results, lanes.sums
    )
    free = ended | lanes.starting
    place = lanes.next_place + jnp.cumsum(free, dtype=jnp.int32) - 1
    entering = free & (place < queue.total)
    lanes = lanes._replace(
        results=results,
        sums=where(free, Results.zeros(free.shape, weighted=engine.weighs), lanes.sums),
        active=lanes.active & ~(free & ~entering),
        starting=jnp.zeros_like(lanes.starting),
        place=jnp.where(entering, place, lanes.place),
        next_place=jnp.minimum(lanes.next_place + free.sum(dtype=jnp.int32), queue.total),
    )
    first = jnp.clip(lanes.place - queue.offset, 0, jax.tree.leaves(queue.states)[0].shape[0] - 1)
    states, observations = jax.tree.map(
        lambda block: block[first], (queue.states, queue.observations)
    )
    position = moved.position
    moved = moved._replace(
        position=Position(where(entering, states, position.state), position.done & ~entering),
        observation=where(entering, observations, moved.observation),
    )
    return lanes, entering, moved


def _settle(
    engine: Engine,
    settings: Settings,
    queue: Queue,
    lanes: EngineState,
    thinking: Array,
    levels: Array,
    real: Array,
    moved: Moved,
) -> Looks | None:
    """Return the record of looks with what this tick brought and cost."""
    if lanes.looks is None:
        return None
    costs = settings.costs._replace(price=consult.price(queue, lanes))
    counts = Counts(simulations=thinking, decisions=real, levels=levels)
    earned = timed_return(jnp.where(real, moved.reward, 0.0), costs, counts)
    ended = real & moved.position.done
    return meta_steps.settle(lanes.looks, earned, real, ended, engine.gamma)


def _add(lanes: EngineState, thinking: Array, levels: Array, real: Array, reward: Array) -> Results:
    """Return the sums of the lanes' episodes with this tick's step in them.

    ``levels [B]`` is how deep the thinking lanes went down; 0 in the others.
    """
    sums = lanes.sums
    counts = Counts(simulations=thinking, decisions=real, levels=levels)
    return sums._replace(
        weighted=consult.weigh_in(lanes, counts),
        untimed_return=sums.untimed_return + jnp.where(real, reward, 0.0),
        simulations=sums.simulations + thinking,
        length=sums.length + real,
        levels=sums.levels + levels,
        flaws=sums.flaws | jnp.where(lanes.active & ~jnp.isfinite(reward), BAD_REWARD, 0),
    )


def _factor(
    engine: Engine, settings: Settings, lanes: EngineState, rerooted: Array, moved: Moved
) -> Array | None:
    """Return the factor of the price at each lane's root, read anew where the root is new."""
    environment = engine.model.environment
    if lanes.factor is None or not offers(environment, Priced):
        return None
    over_lanes = jax.vmap(environment.price_factor, (0, None))
    factor = over_lanes(moved.position.state, settings.env_params)
    return jnp.where(rerooted, factor, lanes.factor)


def _count(lanes: EngineState, queued: Array, thinking: Array) -> Counters:
    """Return the counters with this tick's work in them."""
    counters = lanes.counters
    useful = lanes.active.sum(dtype=jnp.int32)
    return Counters(
        ticks=counters.ticks + 1,
        useful=counters.useful + useful,
        queued_ticks=counters.queued_ticks + queued,
        queued_useful=counters.queued_useful + jnp.where(queued, useful, 0),
        simulations=counters.simulations + thinking.sum(dtype=jnp.int32),
    )


def _flaws(moved: Moved, answer: Answer, factor: Array | None) -> Array:
    """Return flags ``[B]`` of what is not finite, no discount, or no factor of the price."""
    seen = finite(moved.observation)
    told = finite((answer.prior_logits, answer.value, answer.features))
    bounded = jnp.abs(answer.discount) <= 1.0  # false of NaN
    return (
        jnp.where(seen, 0, BAD_OBSERVATION)
        | jnp.where(told, 0, BAD_EVALUATION)
        | jnp.where(bounded, 0, BAD_DISCOUNT)
        | (0 if factor is None else jnp.where(sound(factor), 0, BAD_FACTOR))
    )
