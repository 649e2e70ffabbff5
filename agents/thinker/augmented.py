"""A step of the augmented environment: beside the real environment there is an imagined one.

Each step moves every lane by one ``step`` of the model: a lane that imagines from the node it has
walked to, a lane that acts from the root. Then the network evaluates what each came to, once for
the batch. A lane whose episode ends takes its next one in between, so lanes never wait, and a reset
costs no evaluation of its own.
"""

from typing import NamedTuple

import jax.numpy as jnp

from agents.thinker import tree as trees
from agents.thinker.config import StageConfig
from agents.thinker.lanes import (
    NO_ACTION,
    Lanes,
    Problem,
    allowed,
    decode,
    has_choice,
    make_row,
    origin,
    price,
    read_factor,
    root_keys,
)
from agents.thinker.supply import Supply, first_states
from agents.thinker.tree import NOWHERE, ROOT
from rrplan import keys
from rrplan.costs import Counts, add_weighted, charge
from rrplan.engine.state import Results
from rrplan.models import Before, Learned, Moved, Position, Settings, finite, where
from rrplan.types import Array, PyTree


class Outcome(NamedTuple):
    """What a step brought, ``[B]`` each."""

    real: Array  # bool, it was a real one
    reward: Array  # float32, of a real step; 0 of an imaginary one
    cost: Array  # float32, what the step is charged
    planning: Array  # float32, planning reward of an imaginary step; 0 of a real one
    discount: Array  # float32, of rewards after it; 0 where the episode ended
    planning_discount: Array  # float32, of planning rewards after it; 0 at the end of a stage
    ended: Array  # bool, the episode ended
    place: Array  # int32, of the episode in the queue
    price: Array  # float32, of the episode
    sums: Results  # of the episode, with this step
    finite: Array  # bool, nothing that came in was NaN or infinity


def advance(
    problem: Problem, settings: Settings, supply: Supply, lanes: Lanes, answer: Array
) -> tuple[Lanes, Outcome]:
    """Take one step in every lane; where an episode ends, the next one begins.

    Args:
        problem: static.
        settings: traced; of its costs all but the price are used.
        supply: episodes to come.
        lanes: of :func:`start`, or as the step before left them.
        answer: ``[B]`` int32, of ``3 A``, see :mod:`agents.thinker.lanes`. Where it may not act, or
            not imagine, it does the other; the action must be legal.

    Returns:
        Lanes after the step, and what it brought.
    """
    stage, model, tree = problem.stage, problem.model, lanes.tree
    action, real, resets = decode(answer, problem.num_actions)
    acts, imagines = allowed(problem, lanes)
    real = (real | ~imagines) & acts  # whatever a network says that has become NaN: stages end
    slots = tree.value.shape[1]

    # Where the step starts, and what the tree knows of where it leads.
    from_root = real | lanes.restarts
    parent_slot = jnp.where(real, ROOT, origin(lanes))
    depth = jnp.where(from_root, 0, lanes.depth)
    gained = jnp.where(from_root, 0.0, lanes.gained)
    weight = jnp.where(from_root, 1.0, lanes.weight)
    parent = trees.read(tree, parent_slot)
    child_slot = jnp.take_along_axis(parent.children, action[:, None], axis=1)[:, 0]
    known = child_slot != NOWHERE
    child = trees.read(tree, jnp.maximum(child_slot, 0))
    calls = ~real & ~known & ~parent.ended

    moved = _step(problem, settings, lanes, real, action, parent.embedding)
    ended = lanes.active & real & moved.position.done
    sums, cost = _charge(problem, settings, lanes, real, calls, moved.reward)
    following, entering, moved = _take_next(problem, settings, supply, lanes, ended, moved, sums)
    told = model.answer(
        settings, root_keys(settings, following.ids, following.sums.length), ~real, moved
    )

    # What is written: a node that is new, or a root. A root is never at an end of its own.
    over = ~real & (parent.ended | (told.discount == 0.0))
    kept = real & ~moved.position.done & ~entering & known & ~child.ended & stage.keep_tree
    row = make_row(
        told,
        jnp.where(entering | (~real & parent.ended), 0.0, moved.reward),
        jnp.where(over, 0.0, jnp.where(real, settings.discount, told.discount)),
        told.invalid_actions & ~(~real & isinstance(model, Learned))[:, None],
    )
    row = row._replace(
        children=where(kept, child.children, row.children),
        returns=where(kept, child.returns, row.returns),
    )
    new = ~real & ~known
    fresh_slot = 1 + lanes.block * stage.most + lanes.imagined
    child_slot = jnp.where(new, fresh_slot, child_slot)
    tree = trees.write(tree, jnp.where(real, ROOT, jnp.where(new, fresh_slot, slots)), row)
    tree = trees.link(tree, jnp.where(new, parent_slot, slots), action, child_slot)

    # The walk, and the returns noted along it.
    before = tree.returns.best[:, ROOT]
    depth = jnp.where(real, 0, depth + 1)
    path, actions = _walk(lanes, real, depth, child_slot, action)
    tree = trees.note(tree, path, depth, new | (real & ~kept))
    reached = trees.read(tree, jnp.where(real, ROOT, child_slot))
    gained = jnp.where(real, 0.0, gained + weight * reached.reward)
    weight = jnp.where(real, 1.0, weight * reached.discount)
    forced = ~real & (depth >= stage.depth)
    restarts = real | forced | resets
    raised = jnp.maximum(tree.returns.best[:, ROOT] - before, 0.0)
    earns = ~real & ~resets & (~forced | stage.forced_earn)
    discount = _discount(stage, settings, lanes, real)

    outcome = Outcome(
        real=real,
        reward=jnp.where(real, moved.reward, 0.0),
        cost=cost,
        planning=jnp.where(earns, raised, 0.0),
        discount=jnp.where(ended, 0.0, discount),
        planning_discount=jnp.where(real, 0.0, discount),
        ended=ended,
        place=lanes.place,
        price=lanes.prices,
        sums=sums,
        finite=_finite(moved, told.value),
    )
    return following._replace(
        tree=tree,
        real=model.keep(moved.position),
        observation=where(real, moved.observation, lanes.observation),
        path=path,
        actions=actions,
        depth=depth,
        gained=gained,
        weight=weight,
        restarts=restarts,
        imagined=jnp.where(real, 0, lanes.imagined + 1),
        block=jnp.where(real, (lanes.block + 1) % stage.depth, lanes.block),
        last_action=jnp.where(entering, NO_ACTION, jnp.where(real, action, lanes.last_action)),
        steps=jnp.where(entering, 0, lanes.steps + 1),
        factor=_refactor(problem, settings, lanes, real, moved.position),
    ), outcome


def _step(
    problem: Problem,
    settings: Settings,
    lanes: Lanes,
    real: Array,
    action: Array,
    embedding: PyTree,
) -> Moved:
    step_keys = keys.draw(
        settings.key,
        lanes.ids,
        jnp.where(real, keys.Domain.STEP, keys.Domain.SEARCH),
        lanes.sums.length,
        jnp.where(real, 0, lanes.imagined),  # a real step is the same whatever was imagined
    )
    before = Before(embedding, lanes.real, lanes.observation)
    return problem.model.step(settings, step_keys, ~real, action, before)


def _charge(
    problem: Problem, settings: Settings, lanes: Lanes, real: Array, calls: Array, reward: Array
) -> tuple[Results, Array]:
    """Return the sums of the lanes' episodes with this step in them, and what it is charged."""
    charged = ~real if problem.stage.charge_revisits else calls
    counts = Counts(
        simulations=(charged & lanes.active).astype(jnp.int32),
        looks=(has_choice(lanes) & lanes.active).astype(jnp.int32),
        decisions=(real & lanes.active).astype(jnp.int32),
        levels=(~real & lanes.active).astype(jnp.int32),
    )
    sums, factor = lanes.sums, lanes.factor
    cost = charge(settings.costs._replace(price=price(lanes)), counts)
    if factor is not None and sums.weighted is not None:
        sums = sums._replace(weighted=add_weighted(sums.weighted, counts, factor))
    earned = jnp.where(real & lanes.active, reward, 0.0)
    sums = sums._replace(
        untimed_return=sums.untimed_return + earned,
        simulations=sums.simulations + counts.simulations,
        length=sums.length + counts.decisions,
        looks=sums.looks + counts.looks,
        levels=sums.levels + counts.levels,
    )
    return sums, cost


def _take_next(
    problem: Problem,
    settings: Settings,
    supply: Supply,
    lanes: Lanes,
    ended: Array,
    moved: Moved,
    sums: Results,
) -> tuple[Lanes, Array, Moved]:
    """Hand out the next episodes in the queue to the lanes that ended, in the order of lanes."""
    place = lanes.next_place + jnp.cumsum(ended, dtype=jnp.int32) - 1
    entering = ended & (place < supply.total)
    ids, prices = supply.take(place)
    states, observations = first_states(problem.model.environment, settings, ids, entering)
    position = moved.position
    moved = moved._replace(
        position=Position(where(entering, states, position.state), position.done & ~entering),
        observation=where(entering, observations, moved.observation),
    )
    blank = Results.zeros(ended.shape, weighted=problem.weighs)
    lanes = lanes._replace(
        ids=jnp.where(entering, ids, lanes.ids),
        prices=jnp.where(entering, prices, lanes.prices),
        place=jnp.where(entering, place, lanes.place),
        sums=where(entering, blank, sums),
        active=lanes.active & ~(ended & ~entering),
        next_place=lanes.next_place + ended.sum(dtype=jnp.int32),
    )
    return lanes, entering, moved


def _walk(
    lanes: Lanes, real: Array, depth: Array, slot: Array, action: Array
) -> tuple[Array, Array]:
    """Return slots ``[B, L + 1]`` and actions ``[B, L]`` from the root to where lanes are now."""
    over = (real | lanes.restarts)[:, None]
    path, actions = jnp.where(over, ROOT, lanes.path), jnp.where(over, NO_ACTION, lanes.actions)
    here = jnp.arange(path.shape[1]) == depth[:, None]
    stepped = ~real[:, None]
    path = jnp.where(here & stepped, slot[:, None], path)
    return path, jnp.where(here[:, 1:] & stepped, action[:, None], actions)


def _discount(stage: StageConfig, settings: Settings, lanes: Lanes, real: Array) -> Array:
    """Return what rewards after this step are discounted by, ``[B]``, if the episode goes on."""
    if stage.chosen or not stage.spread_discount:
        return jnp.where(real, settings.discount, 1.0)
    # A real step that comes early, where nothing is to be chosen, brings the rest with it.
    share = jnp.where(real, stage.steps - lanes.imagined, 1) / stage.steps
    return jnp.power(settings.discount, share)


def _refactor(
    problem: Problem, settings: Settings, lanes: Lanes, real: Array, position: Position
) -> Array | None:
    """Return the factor of the price at each lane's root, read anew where the root is new."""
    factor = read_factor(problem, settings, position.state)
    if factor is None or lanes.factor is None:
        return None
    return jnp.where(real, factor, lanes.factor)


def _finite(moved: Moved, value: Array) -> Array:
    """Return for which lanes ``[B]`` what came in is finite; of ends only the reward counts."""
    told = finite((moved.observation, value))
    return jnp.isfinite(moved.reward) & (moved.position.done | told)
