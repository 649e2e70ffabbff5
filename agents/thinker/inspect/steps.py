"""Every step of an agent's episodes, and the trees that it acted on."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from agents.thinker import tree as trees
from agents.thinker.augmented import advance
from agents.thinker.collecting import decide
from agents.thinker.lanes import Lanes, decode, origin
from agents.thinker.lanes import start as start_lanes
from agents.thinker.player import ThinkerPlayer, equip, prepare
from agents.thinker.supply import Supply
from agents.thinker.tree import NOWHERE, ROOT
from rrplan.costs import Costs
from rrplan.engine.rollouts import MOST_STEPS, no_end
from rrplan.models import Settings
from rrplan.planner import Planner
from rrplan.types import Array, PyTree

_CHUNK = 32  # steps of a call


class Steps(NamedTuple):
    """Steps of episodes, ``[T, E]`` NumPy arrays; of a real one all below ``reward`` is 0."""

    valid: Any  # bool, the episode was not over yet
    real: Any  # bool
    action: Any  # int32
    reward: Any  # float32, of the edge; of an imaginary one as the model says
    new: Any  # bool, the node had not been visited
    slot: Any  # int32, of the node in the tree
    parent: Any  # int32, of the node that the step started from
    depth: Any  # int32, of the node
    restarts: Any  # bool, the next step starts from the root
    result: Any  # float32, return of the walk: its rewards and the node's value


class Acted(NamedTuple):
    """A decision of one episode: its steps, and the tree when it acted."""

    tree: Any  # agents.thinker.tree.Node with NumPy arrays [M, ...]
    steps: Steps  # [t], the real one last


class _Frame(NamedTuple):
    """What a compiled step closes over. Hashable."""

    problem: Any
    network: Any


def record(
    planner: Planner,
    player: ThinkerPlayer,
    params: PyTree,
    *,
    key: Array,
    ids: np.ndarray,
    price: float = 0.0,
) -> Steps:
    """Return every step of some episodes, the same that :meth:`ThinkerPlayer.evaluate` plays.

    Args:
        planner: what the agent imagines with.
        player: the agent.
        params: of its network.
        key: of the evaluation.
        ids: ``[E]`` int, of the episodes; each has a lane of its own.
        price: that the agent sees.

    Raises:
        InputError: the planner cannot be imagined with, or an episode does not end.
    """
    frame, settings, supply, lanes = _begin(planner, player, params, key, ids, price)
    rows = []
    while bool(lanes.active.any()):
        lanes, row = _walk(frame, _CHUNK, settings, supply, lanes)
        rows.append(jax.device_get(row))
        _check_length(frame, lanes)
    return Steps._make(np.concatenate(column) for column in zip(*rows, strict=True))


def replay(
    planner: Planner,
    player: ThinkerPlayer,
    params: PyTree,
    *,
    key: Array,
    episode: int,
    price: float = 0.0,
) -> list[Acted]:
    """Return the decisions of one episode, each with the tree that it acted on.

    Arguments and errors are those of :func:`record`.
    """
    ids = np.array([episode])
    frame, settings, supply, lanes = _begin(planner, player, params, key, ids, price)
    found, since = [], []
    while bool(lanes.active[0]):
        tree = lanes.tree
        lanes, row = _walk(frame, 1, settings, supply, lanes)
        since.append(Steps._make(column[0, 0] for column in jax.device_get(row)))
        if since[-1].real:
            steps = Steps._make(np.array(column) for column in zip(*since, strict=True))
            found.append(Acted(jax.tree.map(lambda leaf: np.asarray(leaf[0]), tree), steps))
            since = []
            _check_length(frame, lanes)
    return found


class _Queue(NamedTuple):
    """Episodes to be played, traced."""

    ids: Array  # [E] int32
    price: Array  # [] float32

    def supply(self) -> Supply:
        def take(place: Array) -> tuple[Array, Array]:
            place = jnp.minimum(place, self.ids.shape[0] - 1)
            return self.ids[place], jnp.full(place.shape, self.price)

        return Supply(take, jnp.int32(self.ids.shape[0]))


def _begin(
    planner: Planner,
    player: ThinkerPlayer,
    params: PyTree,
    key: Array,
    ids: np.ndarray,
    price: float,
) -> tuple[_Frame, Settings, _Queue, Lanes]:
    problem, settings = prepare(equip(planner, params), player.stage, Costs(price))
    settings = settings._replace(key=key, meta_params=jax.tree.map(jnp.asarray, params))
    frame = _Frame(problem, player.network)
    queue = _Queue(jnp.asarray(ids, jnp.int32), jnp.float32(price))
    return frame, settings, queue, _first(frame, settings, queue)


@functools.partial(jax.jit, static_argnums=0)
def _first(frame: _Frame, settings: Settings, queue: _Queue) -> Lanes:
    return start_lanes(frame.problem, settings, queue.supply(), queue.ids.shape[0])


@functools.partial(jax.jit, static_argnums=(0, 1))
def _walk(
    frame: _Frame, length: int, settings: Settings, queue: _Queue, lanes: Lanes
) -> tuple[Lanes, Steps]:
    problem, network = frame

    def body(before: Lanes, _) -> tuple[Lanes, Steps]:
        answer = decide(problem, network, settings, before, likeliest=True).answer
        after, outcome = advance(problem, settings, queue.supply(), before, answer)
        action = decode(answer, problem.num_actions)[0]
        thought = before.active & ~outcome.real
        parent = origin(before)
        children = trees.read(before.tree, parent).children
        known = jnp.take_along_axis(children, action[:, None], axis=1)[:, 0] != NOWHERE
        slot = jnp.take_along_axis(after.path, after.depth[:, None], axis=1)[:, 0]
        node = trees.read(after.tree, slot)

        def of_thought(values: Array) -> Array:
            return jnp.where(thought, values, jnp.zeros_like(values))

        return after, Steps(
            valid=before.active,
            real=outcome.real & before.active,
            action=action,
            reward=jnp.where(outcome.real, outcome.reward, node.reward),
            new=of_thought(~known),
            slot=of_thought(slot),
            parent=of_thought(jnp.where(outcome.real, ROOT, parent)),
            depth=of_thought(after.depth),
            restarts=of_thought(after.restarts),
            result=of_thought(after.gained + after.weight * node.value),
        )

    return jax.lax.scan(body, lanes, None, length=length)


def _check_length(frame: _Frame, lanes: Lanes) -> None:
    longest = int(jnp.argmax(jnp.where(lanes.active, lanes.sums.length, -1)))
    if int(lanes.sums.length[longest]) >= MOST_STEPS:
        environment = frame.problem.model.environment
        raise no_end(environment, int(lanes.ids[longest]), MOST_STEPS)
