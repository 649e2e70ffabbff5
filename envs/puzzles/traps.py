"""Trap trees: what looks best may be a trap, and only a search of some depth sees it."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from gymnax.environments import environment, spaces

from envs.options import check_whole
from envs.puzzles import texts, trap_nodes, tree_nodes
from envs.puzzles.trap_nodes import Node
from rrplan.errors import InputError
from rrplan.types import Array

MAX_NODES = 2**31 - 1  # nodes of a tree: their numbers are int32
MAX_LISTED = 2**17  # nodes of a tree of which all are listed
MAX_BRANCHING = 1024  # actions, which are compared with each other


@struct.dataclass
class TrapsState(environment.EnvState):
    """A tree and a node of it. Nothing else is stored: the rest is drawn again when needed.

    Attributes:
        time: decisions so far: the level of the node.
        instance: key of the tree.
        node: number of the node, level by level from the root, which is 0.
    """

    instance: Array  # [2] uint32
    node: Array  # [] int32


@struct.dataclass
class TrapsParams(environment.EnvParams):
    """What can be swept without compiling again.

    Attributes:
        max_steps_in_episode: time limit; the default, one more than the depth, is never
            reached.
        share: share of nodes that hide a trap, among those with ``look_ahead`` decisions left.
        noise: of what is observed, in mean regrets of a wrong action.
        regret_spread: how far the regrets of wrong actions spread about their mean, in [0, 1].
        reward_spread: how far rewards on the way spread, in mean regrets of a wrong action.
    """

    max_steps_in_episode: int = 7
    share: float = 0.3
    noise: float = 0.5
    regret_spread: float = 0.5
    reward_spread: float = 1.0


@dataclasses.dataclass(frozen=True)
class Traps(environment.Environment[TrapsState, TrapsParams]):
    """A tree in which some actions that look best are traps that show only some levels later.

    Every node has ``b`` children, one an action, and every episode makes ``D`` decisions. The
    **regret** of an action is what is lost for good by it: the value of its node (the largest
    return from there on) less what the action can still bring. One action of each node has regret
    0. That of another is ``u`` times a number uniform on [1 - s, 1 + s]. The optimal return is 1 in
    every tree. The unit ``u = b / ((b - 1) D)`` makes the mean return of uniformly random play 0,
    over all trees.

    At most nodes an action looks like what it is. With probability ``q`` a node with at least ``m``
    decisions left is a **trap**: the action that looks best is in truth the worst, whatever
    follows, and this shows ``m`` edges later. An exhaustive search of fewer than ``m`` levels errs
    there, and one of ``m`` or more does not. :mod:`envs.puzzles.trap_nodes` has a picture and the
    reason. Looks do not tell a trap from another node: a network can learn how likely traps are,
    and no more.

    An edge from ``n`` to ``c`` pays ``1 / D`` - the regret that the action seems to have + ``p(n)``
    - ``p(c)`` + what is due from the trap that was entered ``m`` edges before, if there was one.
    The potential ``p`` of a node is uniform on [-w u, w u], and 0 at the root and the leaves. So
    rewards on the way say little: what one pays more, a later one pays less.

    The observation ``[b, 3]`` float32 has a row per action: the value that the action seems to
    have, this value less the largest of the node in units of ``u``, and the share of decisions
    left. The value has a noise uniform on [-e u, e u], which belongs to the node: who looks twice
    sees the same. What is due later is not shown. No decision can change it, and it would show to
    a search of one level what should take ``m``.

    Every action is legal. An episode ends after ``D`` decisions.

    Two objects with equal arguments are equal, so they share compiled programs.

    Attributes:
        branching: number of actions ``b``, from 2 to 1,024.
        depth: decisions of an episode ``D``, at least 1.
        look_ahead: levels ``m`` that a search must see to tell a trap, from 1 to ``depth``.
        share: default of the parameter of that name, ``q``, in [0, 1].
        noise: default of the parameter of that name, ``e``, in [0, 4].
        regret_spread: default of the parameter of that name, ``s``, in [0, 1].
        reward_spread: default of the parameter of that name, ``w``, in [0, 4].

    Raises:
        InputError: for an argument out of range, or a tree of 2**31 nodes or more.

    Source: Ramanujan, Sabharwal and Selman (2010), "On adversarial search spaces and sampling-based
    planning", for the notion of a trap: a move after which the opponent can force a win soon. This
    is a version for one player, in which the loss comes by itself. The law of the trees is this
    project's own; potentials are those of Ng, Harada and Russell (1999).
    """

    branching: int = 3
    depth: int = 6
    look_ahead: int = 3
    share: float = 0.3
    noise: float = 0.5
    regret_spread: float = 0.5
    reward_spread: float = 1.0

    # Tells `auto` networks that rows are items and action i is item i. No annotation: it is
    # not an option.
    observation_kind = "items"

    def __post_init__(self):
        check_whole("branching", self.branching, 2, MAX_BRANCHING)
        check_whole("depth", self.depth, 1)
        check_whole("look_ahead", self.look_ahead, 1, self.depth)
        for name, most in (("share", 1), ("noise", 4), ("regret_spread", 1), ("reward_spread", 4)):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value <= most:
                raise InputError(f"{name} is {value!r}: expected a number from 0 to {most}")
        limit = "fewer than 2**31 nodes"
        tree_nodes.check_depth(self.branching, self.depth, MAX_NODES, limit)

    @property
    def name(self) -> str:
        """Environment name."""
        return "traps"

    @property
    def num_actions(self) -> int:
        """Number of actions, ``b``."""
        return self.branching

    @property
    def unit(self) -> float:
        """Mean regret of a wrong action, ``u``, in units of return."""
        return self.branching / ((self.branching - 1) * self.depth)

    @property
    def default_params(self) -> TrapsParams:
        """Parameters with this object's numbers and a limit that never strikes."""
        return TrapsParams(
            max_steps_in_episode=self.depth + 1,
            share=float(self.share),
            noise=float(self.noise),
            regret_spread=float(self.regret_spread),
            reward_spread=float(self.reward_spread),
        )

    def reset_env(self, key: Array, params: TrapsParams) -> tuple[Array, TrapsState]:
        """Draw a tree; return the ``(observation, state)`` of its root."""
        instance = jax.random.bits(key, (2,), jnp.uint32)
        state = TrapsState(time=jnp.int32(0), instance=instance, node=jnp.int32(0))
        return self.observe(key, state, None, params), state

    def step_env(
        self, key: Array, state: TrapsState, action: Array | int | float, params: TrapsParams
    ) -> tuple[Array, TrapsState, Array, Array, dict[str, Any]]:
        """Go to child ``action``; return ``(observation, state, reward, terminated, info)``.

        A step from a leaf changes nothing and pays 0.
        """
        over = self.is_terminated(state, params)
        below = tree_nodes.child(state.node, action, self.branching)
        after = dataclasses.replace(
            state, time=state.time + ~over, node=jnp.where(over, state.node, below)
        )
        here, there = self._draw(state, params), self._draw(after, params)
        pays = (
            self._seeming(here, state, params)
            - here.looks[action]
            - self._seeming(there, after, params)
            + self._hidden(after, self.look_ahead, params)
        )
        reward = jnp.where(over, 0.0, self.unit * pays).astype(jnp.float32)
        observation = self._see(there, after, params)
        return observation, after, reward, self.is_terminated(after, params), {}

    def observe(
        self, key: Array, state: TrapsState, action: Array | int | float | None, params: TrapsParams
    ) -> Array:
        """Return the observation ``[b, 3]`` float32 of a state. Nothing is drawn with ``key``."""
        return self._see(self._draw(state, params), state, params)

    def greedy_action(self, state: TrapsState, params: TrapsParams) -> Array:
        """Return the action ``[]`` int32 whose observed value is largest, ties by index."""
        seen = self._see(self._draw(state, params), state, params)
        return jnp.argmax(seen[:, 0]).astype(jnp.int32)

    def optimal_value(self, state: TrapsState, params: TrapsParams) -> Array:
        """Return the largest return from a state on, ``[]`` float32: 1 at the root.

        It takes no search: it is what the node seems to be worth and what is still due.
        """
        due = [self._hidden(state, edges, params) for edges in range(1, self.look_ahead)]
        node = self._draw(state, params)
        return self.unit * (self._seeming(node, state, params) + sum(due))

    def optimal_action_values(self, state: TrapsState, params: TrapsParams) -> Array:
        """Return the largest return from a state on by first action, ``[b]``; 0 at a leaf."""
        regrets = self.unit * self._draw(state, params).regrets
        values = self.optimal_value(state, params) - regrets
        return jnp.where(self.is_terminated(state, params), 0.0, values)

    def enumerate_states(self, first_state: TrapsState, params: TrapsParams) -> TrapsState:
        """Return a state for each node of the tree, ``[S, ...]``, in the order of their numbers.

        Raises:
            InputError: if there are more than ``MAX_LISTED`` nodes.
        """
        size = tree_nodes.count_nodes(self.branching, self.depth)
        if size > MAX_LISTED:
            raise InputError(
                f"the tree has {size} nodes (branching {self.branching}, depth {self.depth}): "
                f"expected at most {MAX_LISTED} to list all"
            )
        return dataclasses.replace(
            first_state,
            time=jnp.asarray(tree_nodes.levels(self.branching, self.depth), jnp.int32),
            instance=jnp.broadcast_to(first_state.instance, (size, 2)),
            node=jnp.arange(size, dtype=jnp.int32),
        )

    def render_text(self, state: TrapsState) -> str:
        """Return as text which node it is."""
        return texts.of_node(state, self.branching)

    def is_terminated(self, state: TrapsState, params: TrapsParams) -> Array:
        """Return whether the node is a leaf, ``[]`` bool."""
        return jnp.asarray(state.time) >= self.depth

    def action_space(self, params: TrapsParams | None = None) -> spaces.Discrete:
        """Space of the actions: the index of a child."""
        return spaces.Discrete(self.branching)

    def observation_space(self, params: TrapsParams) -> spaces.Box:
        """Space of the observations, with bounds that hold for all parameters in their ranges."""
        # Looks are at most 2, and noise and potential at most 4, in units of the mean regret.
        low = np.array([-10 * self.unit, -10, 0], np.float32)
        high = np.array([1 + 8 * self.unit, 0, 1], np.float32)
        low, high = (np.broadcast_to(bound, (self.branching, 3)) for bound in (low, high))
        # gymnax takes NumPy's arrays too, whatever it declares.
        return spaces.Box(low, high, high.shape, jnp.float32)  # pyright: ignore[reportArgumentType]

    def _draw(self, state: TrapsState, params: TrapsParams) -> Node:
        return trap_nodes.draw(
            state.instance,
            state.node,
            self.depth - state.time >= self.look_ahead,
            branching=self.branching,
            share=params.share,
            spread=params.regret_spread,
        )

    def _seeming(self, node: Node, state: TrapsState, params: TrapsParams) -> Array:
        """Return the value that a node seems to have, in units of the mean regret, ``[]``."""
        left = self.depth - state.time
        inside = (state.time > 0) & (left > 0)
        potential = jnp.where(inside, params.reward_spread * node.potential, 0.0)
        return left * (self.branching - 1) / self.branching + potential

    def _hidden(self, state: TrapsState, edges: int, params: TrapsParams) -> Array:
        """Return what was hidden by the edge that lies so many edges back, ``[]``.

        The edge that led to the state is 1 edge back. In units of the mean regret; 0 where the
        way to the state has fewer edges.
        """
        below = tree_nodes.ancestor(state.node, edges - 1, self.branching)
        # Where there is no such edge, any node will do.
        parent, action = tree_nodes.last_edge(jnp.maximum(below, 1), self.branching)
        before = dataclasses.replace(state, time=state.time - edges, node=parent)
        hidden = self._draw(before, params).hidden[action]
        return jnp.where(before.time >= 0, hidden, 0.0)

    def _see(self, node: Node, state: TrapsState, params: TrapsParams) -> Array:
        going = ~self.is_terminated(state, params)
        values = self._seeming(node, state, params) - node.looks + params.noise * node.noise
        left = jnp.broadcast_to((self.depth - state.time) / self.depth, values.shape)
        columns = (self.unit * values, values - values.max(), left)
        return jnp.where(going, jnp.stack(columns, axis=1), 0.0).astype(jnp.float32)
