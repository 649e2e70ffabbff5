"""A tree of hidden rewards: nothing is seen of it, so an agent knows only what it imagines."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment, spaces

from envs.options import check_whole
from envs.puzzles import texts, tree_nodes
from rrplan.types import Array

MAX_BRANCHING = 64
MAX_NODES = 2**12
"""Nodes of a tree at most: its rewards are part of the state."""


@struct.dataclass
class ImagineState(environment.EnvState):
    """A tree and a node of it.

    Attributes:
        time: decisions so far: the level of the node.
        rewards: of the edge into each node but the root, in the order of their numbers.
        node: number of the node, level by level from the root, which is 0.
    """

    rewards: Array  # [n] float32, 1 or -1
    node: Array  # [] int32


@struct.dataclass
class ImagineParams(environment.EnvParams):
    """Nothing but a limit of ``max_steps_in_episode``, which is never reached."""

    max_steps_in_episode: int = 3


@dataclasses.dataclass(frozen=True)
class Imagine(environment.Environment[ImagineState, ImagineParams]):
    """A tree whose rewards, 1 or -1, are drawn for each episode, and are never seen.

    Every node has ``b`` children, one an action, and every episode makes ``D`` decisions. The edge
    to each child pays 1 or -1, both equally likely and independent of all else.

    The observation ``[b, 1]`` float32 has a row per action, all with the same number: the share of
    decisions left. So it tells nothing of the rewards, and without imagining no agent earns more
    than 0. A planner's model does step the true state. What the model pays is all that there is to
    know, and each edge must be asked for. :mod:`agents.thinker.inspect.optimum` works out exactly
    how much is to be asked, and what, at a price for each question.

    Every action is legal. An episode ends after ``D`` decisions.

    Two objects with equal arguments are equal, so they share compiled programs.

    Attributes:
        branching: number of actions ``b``, from 2 to 64.
        depth: decisions of an episode ``D``, at least 1.

    Raises:
        InputError: for an argument out of range, or a tree of more than 4,096 nodes.

    Source: this project's own. It is a Mouselab tree (Callaway et al. 2018, arXiv 1711.06892) whose
    nodes are shown by walking to them in the imagination, not by clicks.
    """

    branching: int = 2
    depth: int = 2

    # Tells `auto` networks that rows are items and action i is item i. No annotation: it is
    # not an option.
    observation_kind = "items"

    def __post_init__(self):
        check_whole("branching", self.branching, 2, MAX_BRANCHING)
        check_whole("depth", self.depth, 1)
        limit = f"no more than {MAX_NODES:,} nodes"
        tree_nodes.check_depth(self.branching, self.depth, MAX_NODES, limit)

    @property
    def name(self) -> str:
        """Environment name."""
        return "imagine"

    @property
    def num_actions(self) -> int:
        """Number of actions, ``b``."""
        return self.branching

    @property
    def num_nodes(self) -> int:
        """Nodes of a tree, the root among them."""
        return tree_nodes.count_nodes(self.branching, self.depth)

    @property
    def default_params(self) -> ImagineParams:
        """Parameters with a limit that never strikes."""
        return ImagineParams(max_steps_in_episode=self.depth + 1)

    def reset_env(self, key: Array, params: ImagineParams) -> tuple[Array, ImagineState]:
        """Draw a tree; return the ``(observation, state)`` of its root."""
        rewards = jax.random.rademacher(key, (self.num_nodes - 1,), jnp.float32)
        state = ImagineState(time=jnp.int32(0), rewards=rewards, node=jnp.int32(0))
        return self._see(state), state

    def step_env(
        self, key: Array, state: ImagineState, action: Array | int | float, params: ImagineParams
    ) -> tuple[Array, ImagineState, Array, Array, dict[str, Any]]:
        """Go to child ``action``; return ``(observation, state, reward, terminated, info)``.

        A step from a leaf changes nothing and pays 0.
        """
        over = self.is_terminated(state, params)
        below = tree_nodes.child(state.node, action, self.branching)
        node = jnp.where(over, state.node, below).astype(jnp.int32)
        after = dataclasses.replace(state, time=state.time + ~over, node=node)
        reward = jnp.where(over, 0.0, state.rewards[jnp.maximum(node, 1) - 1])
        return self._see(after), after, reward, self.is_terminated(after, params), {}

    def observe(
        self,
        key: Array,
        state: ImagineState,
        action: Array | int | float | None,
        params: ImagineParams,
    ) -> Array:
        """Return the observation ``[b, 1]`` float32 of a state. Nothing is drawn with ``key``."""
        return self._see(state)

    def enumerate_states(self, first_state: ImagineState, params: ImagineParams) -> ImagineState:
        """Return a state for each node of the tree, ``[S, ...]``, in the order of their numbers."""
        rewards = jnp.broadcast_to(first_state.rewards, (self.num_nodes, self.num_nodes - 1))
        return dataclasses.replace(
            first_state,
            time=jnp.asarray(tree_nodes.levels(self.branching, self.depth), jnp.int32),
            rewards=rewards,
            node=jnp.arange(self.num_nodes, dtype=jnp.int32),
        )

    def render_text(self, state: ImagineState) -> str:
        """Return as text which node it is."""
        return texts.of_node(state, self.branching)

    def is_terminated(self, state: ImagineState, params: ImagineParams) -> Array:
        """Return whether the node is a leaf, ``[]`` bool."""
        return jnp.asarray(state.time) >= self.depth

    def action_space(self, params: ImagineParams | None = None) -> spaces.Discrete:
        """Space of the actions: the index of a child."""
        return spaces.Discrete(self.branching)

    def observation_space(self, params: ImagineParams) -> spaces.Box:
        """Space of the observations: shares of decisions left."""
        return spaces.Box(0.0, 1.0, (self.branching, 1), jnp.float32)

    def _see(self, state: ImagineState) -> Array:
        left = (self.depth - state.time) / self.depth
        return jnp.full((self.branching, 1), left, jnp.float32)
