"""Lanes of the augmented environment: where each stands, how they begin, what they may do.

An *answer* names one of ``3 A`` things: to act by ``a``, to imagine ``a`` and go on from there, or
to imagine ``a`` and begin again at the root.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

from agents.thinker import tree as trees
from agents.thinker.config import StageConfig
from agents.thinker.supply import Supply, first_states
from agents.thinker.tree import NOWHERE, ROOT, Node, Returns
from rrplan import keys
from rrplan.capabilities import Priced, offers
from rrplan.engine.state import Results
from rrplan.models import Answer, Learned, Perfect, Position, Settings
from rrplan.types import Array, PyTree

NO_ACTION = -1


@dataclass(frozen=True)
class Problem:
    """What is augmented, and how. Static and hashable."""

    model: Perfect | Learned
    stage: StageConfig

    @property
    def num_actions(self) -> int:
        """Actions of the environment, ``A``."""
        return self.model.environment.num_actions

    @property
    def weighs(self) -> bool:
        """Whether the price depends on the situation."""
        return offers(self.model.environment, Priced)


class Lanes(NamedTuple):
    """Where each lane stands, in its episode and in its imagination."""

    tree: Node  # [B, M, ...]
    real: PyTree  # [B, ...] what the model keeps of the real state beside the tree
    observation: PyTree  # [B, ...] of the root
    path: Array  # [B, L + 1] int32, slots from the root to the node that is shown
    actions: Array  # [B, L] int32, between them; NO_ACTION beyond
    depth: Array  # [B] int32, of the node that is shown
    gained: Array  # [B] float32, rewards from the root to it, discounted
    weight: Array  # [B] float32, discount of what comes after it
    restarts: Array  # [B] bool, the next step starts from the root
    imagined: Array  # [B] int32, imaginary steps of this stage so far
    block: Array  # [B] int32, of the tree's slots, that this stage writes
    last_action: Array  # [B] int32, the last real one; NO_ACTION before it
    ids: Array  # [B] int32, of the episodes
    prices: Array  # [B] float32
    place: Array  # [B] int32, of the episodes in the queue
    steps: Array  # [B] int32, of the episode so far, real and imaginary
    sums: Results  # [B] each, of this episode
    active: Array  # [B] bool, has an episode
    next_place: Array  # [] int32, of the next episode in the queue
    factor: Array | None = None  # [B] float32, of the price at the root; None where it is always 1


def decode(answer: Array, num_actions: int) -> tuple[Array, Array, Array]:
    """Return of answers ``[B]`` the action, whether it is done really, and whether it resets."""
    return answer % num_actions, answer < num_actions, answer >= 2 * num_actions


def start(problem: Problem, settings: Settings, supply: Supply, num_lanes: int) -> Lanes:
    """Return lanes that have just begun the first episodes of a queue.

    Lanes beyond the last episode are not active.
    """
    environment, model = problem.model.environment, problem.model
    place = jnp.arange(num_lanes, dtype=jnp.int32)
    active = place < supply.total
    ids, prices = supply.take(place)
    state, observation = first_states(environment, settings, ids, jnp.ones(num_lanes, bool))
    position = Position(state, jnp.zeros(num_lanes, bool))
    none = jnp.zeros(num_lanes, jnp.int32)
    number = jnp.zeros(num_lanes, jnp.float32)
    answer = model.root(settings, root_keys(settings, ids, none), position, observation)
    row = make_row(answer, number, number + settings.discount, answer.invalid_actions)
    slots = trees.num_slots(problem.stage.most, problem.stage.depth)
    tree = trees.write(trees.allocate(slots, row), none, row)
    path = jnp.zeros((num_lanes, problem.stage.depth + 1), jnp.int32)
    tree = trees.note(tree, path, none, none == 0)
    return Lanes(
        tree=tree,
        real=model.keep(position),
        observation=observation,
        path=path,
        actions=jnp.full((num_lanes, problem.stage.depth), NO_ACTION, jnp.int32),
        depth=none,
        gained=number,
        weight=number + 1.0,
        restarts=none == 0,
        imagined=none,
        block=none,
        last_action=none + NO_ACTION,
        ids=ids,
        prices=prices,
        place=place,
        steps=none,
        sums=Results.zeros((num_lanes,), weighted=problem.weighs),
        active=active,
        next_place=jnp.int32(num_lanes),
        factor=read_factor(problem, settings, state),
    )


def has_choice(lanes: Lanes) -> Array:
    """Return where more than one action is legal, ``[B]``; elsewhere a lane acts at once."""
    return (~lanes.tree.invalid_actions[:, ROOT]).sum(-1) > 1


def allowed(problem: Problem, lanes: Lanes) -> tuple[Array, Array]:
    """Return where a lane may act, and where it may imagine, ``[B]`` each."""
    imagines = has_choice(lanes) & (lanes.imagined < problem.stage.most)
    acts = jnp.ones_like(imagines) if problem.stage.chosen else ~imagines
    return acts, imagines


def origin(lanes: Lanes) -> Array:
    """Return the slot ``[B]`` of the node that the next imaginary step starts from."""
    here = jnp.take_along_axis(lanes.path, lanes.depth[:, None], axis=1)[:, 0]
    return jnp.where(lanes.restarts, ROOT, here)


def legal(invalid_actions: Array) -> Array:
    """Return which actions may be chosen, ``[B, A]``: all, where none is legal."""
    return ~invalid_actions | invalid_actions.all(-1, keepdims=True)


def price(lanes: Lanes) -> Array:
    """Return the price that holds at each lane's root, ``[B]``."""
    return lanes.prices if lanes.factor is None else lanes.prices * lanes.factor


def make_row(answer: Answer, reward: Array, discount: Array, invalid: Array) -> Node:
    """Return the rows of nodes that nothing has been imagined below, ``[B, ...]``.

    Past an end (``discount`` 0) nothing is worth anything, and everything may be imagined: what the
    network says of such a state may be anything, even NaN.
    """
    over = discount == 0.0
    return Node(
        embedding=answer.embedding,
        reward=reward.astype(jnp.float32),
        discount=discount,
        value=jnp.where(over, 0.0, answer.value),
        prior_logits=jnp.where(over[:, None], 0.0, answer.prior_logits),
        invalid_actions=invalid & ~over[:, None],
        features=jnp.where(over[:, None], 0.0, answer.features),
        children=jnp.full(answer.prior_logits.shape, NOWHERE, jnp.int32),
        returns=Returns.none(reward.shape),
    )


def read_factor(problem: Problem, settings: Settings, state: PyTree) -> Array | None:
    """Return what multiplies the price in states ``[B, ...]``; None where it is always 1."""
    environment = problem.model.environment
    if not offers(environment, Priced):
        return None
    return jax.vmap(environment.price_factor, (0, None))(state, settings.env_params)


def root_keys(settings: Settings, ids: Array, decision: Array) -> Array:
    """Return the keys ``[B]`` of what a learned model draws at roots."""
    return keys.draw(settings.key, ids, keys.Domain.ROOT, decision)
