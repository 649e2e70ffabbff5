"""The engine: lanes that never wait. One tick moves every lane by one step of its own.

A tick asks the lanes that have used up what they were given, lets the others descend to a
leaf, and then does *one* environment step and *one* network evaluation for the whole batch:
for a thinking lane the step to its leaf, for an acting lane the real one. So the work done
is the sum of the budgets chosen. A lane whose episode ended takes the next one in the queue
between the step and the evaluation, so a reset costs no evaluation of its own.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rrplan import acting, keys, search
from rrplan.types import (
    Array,
    Control,
    Costs,
    Environment,
    MetaObservation,
    MetaPolicy,
    Network,
    PyTree,
)

BAD_OBSERVATION, BAD_EVALUATION, BAD_REWARD = 1, 2, 4  # flags of Results.flaws


class Engine(NamedTuple):
    """What a compiled program closes over. Hashable, because ``jit`` keys on it."""

    environment: Environment
    network: Network
    meta_policy: MetaPolicy
    num_lanes: int
    max_simulations: int


class Settings(NamedTuple):
    """What is swept: traced, so that a study compiles once."""

    env_params: PyTree
    network_params: PyTree
    meta_params: PyTree
    key: Array  # [] of the evaluation
    costs: Costs
    acting: Array  # [] int32, index into acting.RULES
    c_init: Array  # []
    c_base: Array  # []
    discount: Array  # [] of real steps, in the search


class Queue(NamedTuple):
    """Episodes in the order they are taken up, and the next block of first states."""

    ids: Array  # [E] int32
    prices: Array  # [E] float32
    offset: Array  # [] int32, place in the queue of the block's first entry
    states: PyTree  # [Q, ...]
    observations: PyTree  # [Q, ...]


class Position(NamedTuple):
    """A state of the search: the environment's, and whether its episode is over."""

    state: PyTree  # [B, ...]
    done: Array  # [B] bool


class Results(NamedTuple):
    """Per-episode sums, in the order of the queue."""

    untimed_return: Array  # [E] float32
    simulations: Array  # [E] int32
    length: Array  # [E] int32
    asks: Array  # [E] int32
    flaws: Array  # [E] int32, flags of what was not finite


class Lanes(NamedTuple):
    """Everything that a tick carries over."""

    tree: search.Tree
    tick: Array  # [] int32
    useful: Array  # [] int32, lane-ticks that did work
    next_place: Array  # [] int32, place in the queue of the next episode
    results: Results
    active: Array  # [B] bool, has an episode or is about to take one
    starting: Array  # [B] bool, takes its first episode in this tick
    place: Array  # [B] int32, of its episode in the queue
    root: Array  # [B] int32, slot
    observation: PyTree  # [B, ...] of the root
    features: Array  # [B, F] of the root
    invalid_actions: Array  # [B, A] bool, of the root
    carry: PyTree  # [B, ...] of the meta-policy
    max_depth: Array  # [B] int32
    ordered: Array  # [B] int32, simulations still to run before the next ask
    simulations: Array  # [B] int32, of this decision
    sums: Results  # [B] each, of this episode


def start(engine: Engine, settings: Settings, queue: Queue) -> Lanes:
    """Return lanes that are about to take their first episodes."""
    lanes = (engine.num_lanes,)
    num_actions = engine.environment.num_actions
    state, observation = jax.tree.map(
        lambda leaf: jnp.zeros(lanes + leaf.shape[1:], leaf.dtype),
        (queue.states, queue.observations),
    )
    features = jax.eval_shape(engine.network, settings.network_params, observation).features
    blank = search.Node(
        state=Position(state, jnp.zeros(lanes, bool)),
        prior_logits=jnp.zeros((*lanes, num_actions)),
        value=jnp.zeros(lanes),
        reward=jnp.zeros(lanes),
        discount=jnp.zeros(lanes),
    )
    none = jnp.zeros(lanes, jnp.int32)
    return Lanes(
        tree=search.allocate(engine.max_simulations + 1, blank),
        tick=jnp.int32(0),
        useful=jnp.int32(0),
        next_place=jnp.int32(0),
        results=_no_results(queue.ids.shape),
        active=jnp.ones(lanes, bool),
        starting=jnp.ones(lanes, bool),
        place=none,
        root=none,
        observation=observation,
        features=jnp.zeros(features.shape, features.dtype),
        invalid_actions=jnp.zeros((*lanes, num_actions), bool),
        carry=engine.meta_policy.init(engine.num_lanes),
        max_depth=none,
        ordered=none,
        simulations=none,
        sums=_no_results(lanes),
    )


def tick(engine: Engine, settings: Settings, queue: Queue, lanes: Lanes) -> Lanes:
    """Move every lane by one model step and one network evaluation."""
    roots = search.read(lanes.tree, lanes.root)
    lanes, thinking = _ask(engine, settings, queue, lanes, roots)
    root_action = search.argmax_by_prior(
        jnp.where(lanes.invalid_actions, -jnp.inf, _puct(settings, roots)), roots.prior_logits
    )
    tree, path = search.descend(lanes.tree, lanes.root, root_action, lanes.max_depth, thinking)
    chosen = acting.choose_action(settings.acting, roots, lanes.invalid_actions)
    action = jnp.where(thinking, path.action, chosen)
    position, observation, reward = _step(engine, settings, queue, lanes, thinking, path, action)

    real = lanes.active & ~thinking & ~lanes.starting
    lanes = lanes._replace(tree=tree, sums=_count(lanes.sums, lanes, thinking, real, reward))
    ended = real & position.done
    lanes, entering, position, observation = _take_next(queue, lanes, ended, position, observation)

    evaluation = engine.network(settings.network_params, observation)
    invalid = jax.vmap(engine.environment.invalid_actions, (0, None))(
        position.state, settings.env_params
    )
    node = search.Node(
        state=position,
        prior_logits=acting.mask_logits(evaluation.prior_logits, invalid),
        value=jnp.where(position.done, 0.0, evaluation.value),
        reward=reward,
        discount=jnp.where(position.done, 0.0, settings.discount),
    )
    slot = lanes.tick % (engine.max_simulations + 1)

    def choose(rows):
        return search.argmax_by_prior(_puct(settings, rows), rows.prior_probs)

    tree = search.write(lanes.tree, slot, node, choose, path)
    tree = search.backup(tree, slot, path, choose)

    flaws = _flaws(observation, evaluation, reward) * (lanes.active & ~position.done)
    rerooted = real | entering
    fresh_carry = engine.meta_policy.init(engine.num_lanes)
    return lanes._replace(
        tree=tree,
        tick=lanes.tick + 1,
        useful=lanes.useful + lanes.active.sum(dtype=jnp.int32),
        root=jnp.where(rerooted, slot, lanes.root),
        observation=_where(rerooted, observation, lanes.observation),
        features=_where(rerooted, evaluation.features, lanes.features),
        invalid_actions=_where(rerooted, invalid, lanes.invalid_actions),
        carry=_where(entering, fresh_carry, lanes.carry),
        ordered=jnp.where(rerooted, 0, lanes.ordered - thinking),
        simulations=jnp.where(rerooted, 0, lanes.simulations + thinking),
        sums=lanes.sums._replace(flaws=lanes.sums.flaws | flaws),
    )


def _ask(
    engine: Engine, settings: Settings, queue: Queue, lanes: Lanes, roots: search.Rows
) -> tuple[Lanes, Array]:
    """Ask the lanes that have used up what they were given; say which lanes think."""
    costs = settings.costs
    cap = jnp.minimum(costs.cap, engine.max_simulations)
    budget_left = costs.budget - lanes.sums.simulations
    left = jnp.minimum(cap - lanes.simulations, budget_left)
    asked = lanes.active & ~lanes.starting & (lanes.ordered == 0) & (left > 0)

    def ask(carry):
        meta_keys = keys.draw(
            settings.key, queue.ids[lanes.place], keys.Domain.META, lanes.sums.asks
        )
        seen = MetaObservation(
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
            simulations_left=left,
            decision=lanes.sums.length,
            price=queue.prices[lanes.place],
            budget_left=budget_left,
        )
        control = engine.meta_policy.apply(settings.meta_params, meta_keys, carry, seen)
        return control._replace(aux=())

    def skip(carry):
        return Control(lanes.ordered, lanes.max_depth, carry)

    control = jax.lax.cond(asked.any(), ask, skip, lanes.carry)
    extra = jnp.clip(control.extra_simulations, 0, left)
    lanes = lanes._replace(
        carry=_where(asked, control.carry, lanes.carry),
        max_depth=jnp.where(asked, control.max_depth, lanes.max_depth),
        ordered=jnp.where(asked, extra, lanes.ordered),
        sums=lanes.sums._replace(asks=lanes.sums.asks + asked),
    )
    return lanes, lanes.active & (lanes.ordered > 0)


def _puct(settings: Settings, rows: search.Rows) -> Array:
    return search.puct(rows, c_init=settings.c_init, c_base=settings.c_base)


def _step(
    engine: Engine,
    settings: Settings,
    queue: Queue,
    lanes: Lanes,
    thinking: Array,
    path: search.Path,
    action: Array,
) -> tuple[Position, PyTree, Array]:
    """Step the environment once for all lanes, imagined or real."""
    step_keys = keys.draw(
        settings.key,
        queue.ids[lanes.place],
        jnp.where(thinking, keys.Domain.SEARCH, keys.Domain.STEP),
        lanes.sums.length,
        jnp.where(thinking, lanes.simulations, 0),  # a real step is the same after any search
    )
    parent = search.read_states(lanes.tree, path.parent)
    transition = jax.vmap(engine.environment.step, (0, 0, 0, None))(
        step_keys, parent.state, action, settings.env_params
    )
    # Terminal states need not absorb: what follows them is frozen, and pays nothing.
    state = _where(parent.done, parent.state, transition.state)
    reward = jnp.where(parent.done, 0.0, transition.reward)
    done = parent.done | transition.terminated | transition.truncated
    return Position(state, done), transition.observation, reward


def _take_next(
    queue: Queue, lanes: Lanes, ended: Array, position: Position, observation: PyTree
) -> tuple[Lanes, Array, Position, PyTree]:
    """Store what ended, and hand out the next episodes in the queue in the order of lanes."""
    total = queue.ids.shape[0]
    store = jnp.where(ended, lanes.place, total)
    results = jax.tree.map(
        lambda all_, mine: all_.at[store].set(mine, mode="drop"), lanes.results, lanes.sums
    )
    free = ended | lanes.starting
    place = lanes.next_place + jnp.cumsum(free, dtype=jnp.int32) - 1
    entering = free & (place < total)
    lanes = lanes._replace(
        results=results,
        sums=_where(free, _no_results(free.shape), lanes.sums),
        active=lanes.active & ~(free & ~entering),
        starting=jnp.zeros_like(lanes.starting),
        place=jnp.where(entering, place, lanes.place),
        next_place=jnp.minimum(lanes.next_place + free.sum(dtype=jnp.int32), total),
    )
    first = jnp.clip(lanes.place - queue.offset, 0, jax.tree.leaves(queue.states)[0].shape[0] - 1)
    states, observations = jax.tree.map(
        lambda block: block[first], (queue.states, queue.observations)
    )
    position = Position(_where(entering, states, position.state), position.done & ~entering)
    return lanes, entering, position, _where(entering, observations, observation)


def _count(sums: Results, lanes: Lanes, thinking: Array, real: Array, reward: Array) -> Results:
    return sums._replace(
        untimed_return=sums.untimed_return + jnp.where(real, reward, 0.0),
        simulations=sums.simulations + thinking,
        length=sums.length + real,
        flaws=sums.flaws | jnp.where(lanes.active & ~jnp.isfinite(reward), BAD_REWARD, 0),
    )


def _flaws(observation: PyTree, evaluation, reward: Array) -> Array:
    """Return flags ``[B]`` of what is not finite."""

    def finite(leaf):
        return jnp.isfinite(leaf).reshape(leaf.shape[0], -1).all(-1)

    seen = jnp.stack([finite(leaf) for leaf in jax.tree.leaves(observation)]).all(0)
    told = finite(evaluation.prior_logits) & finite(evaluation.value)
    return jnp.where(seen, 0, BAD_OBSERVATION) | jnp.where(told, 0, BAD_EVALUATION)


def _no_results(shape: tuple[int, ...]) -> Results:
    count = jnp.zeros(shape, jnp.int32)
    return Results(jnp.zeros(shape, jnp.float32), count, count, count, count)


def _where(condition: Array, new: PyTree, old: PyTree) -> PyTree:
    """Select lane by lane over pytrees of arrays ``[B, ...]``."""

    def select(a, b):
        return jnp.where(condition.reshape(condition.shape + (1,) * (b.ndim - 1)), a, b)

    return jax.tree.map(select, new, old)
