"""Mouselab: which values of a tree to look at before choosing a path through it."""

import dataclasses
import functools
import math
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import struct

from envs.metareasoning.distributions import Distributions, distributions, freeze
from envs.metareasoning.mdp import AnyArray, MetalevelEnv, MetalevelState, check_cost
from rrplan.errors import InputError


@struct.dataclass
class MouselabState(MetalevelState):
    """What has been seen of ``n`` nodes.

    Attributes:
        shown: number of each node's value, -1 where it is hidden.
    """

    shown: AnyArray  # [n] int32


@dataclasses.dataclass(frozen=True)
class Mouselab(MetalevelEnv[MouselabState]):
    """Clicks on the hidden nodes of a tree before a path is chosen.

    Below a root that is worth nothing hang ``n`` nodes of hidden, independent values. A
    computation shows one of them. Stopping takes the path from the root to a leaf whose sum of
    values is expected to be largest. Source: Callaway et al. 2018, arXiv 1711.06892.

    The observation ``[n, 4]`` float32 has a row per node: shown (0 or 1), its value (its mean
    while it is hidden), the expected sum of the best path through it, and by how much that is
    below the best of all.

    Two objects that differ in ``cost`` alone are equal, so they share compiled programs.

    Attributes:
        branching: children of every node of each depth, the root's first; not used where
            ``parents`` is given. (2, 2) is a binary tree of 2 + 4 nodes.
        parents: of each node, the number of the node above, which is smaller than its own; -1 for
            children of the root.
        values: what a node may be worth: numbers that all nodes share, or a row for each.
        probabilities: of the values; equal if None.
        cost: default of the parameter of that name, of one click.

    Raises:
        InputError: for what is no tree, or no distribution.
    """

    branching: tuple[int, ...] = (2, 2)
    parents: tuple[int, ...] | None = None
    values: tuple = (-1.0, 1.0)
    probabilities: tuple | None = None
    cost: float = dataclasses.field(default=0.1, compare=False)

    def __post_init__(self):
        for name in ("branching", "parents", "values", "probabilities"):
            object.__setattr__(self, name, freeze(getattr(self, name)))
        check_cost("cost", self.cost)
        if self.parents is None:
            object.__setattr__(self, "parents", _grow(self.branching))
        # One tree has one name: what was only a way to write it down makes no other object.
        object.__setattr__(self, "branching", ())
        _check_tree(self.parents)
        distributions(len(self._tree), self.values, self.probabilities)

    @property
    def name(self) -> str:
        """Environment name."""
        return "mouselab"

    @property
    def num_computations(self) -> int:
        """Number of nodes."""
        return len(self._tree)

    @property
    def most_computations(self) -> int:
        """Every node can be clicked once."""
        return len(self._tree)

    @property
    def num_beliefs(self) -> int:
        """Each node is hidden or shows one of its values."""
        return math.prod(int(size) + 1 for size in self.nodes.sizes)

    @functools.cached_property
    def nodes(self) -> Distributions:
        """Distributions of the nodes' values."""
        return distributions(len(self._tree), self.values, self.probabilities)

    @functools.cached_property
    def paths(self) -> np.ndarray:
        """Nodes of each path from the root to a leaf, ``[P, n]`` bool."""
        leaves = sorted(set(range(len(self._tree))) - set(self._tree))
        paths = np.zeros((len(leaves), len(self._tree)), bool)
        for path, node in zip(paths, leaves, strict=True):
            while node >= 0:
                path[node] = True
                node = self._tree[node]
        return paths

    @property
    def related(self) -> np.ndarray:
        """Nodes that lie on a path together."""
        return np.any(self.paths[:, :, None] & self.paths[:, None, :], axis=0)

    def first_belief(self) -> MouselabState:
        """All nodes hidden."""
        shown = np.full(len(self._tree), -1, np.int32)
        return MouselabState(time=np.int32(0), stopped=np.bool_(False), shown=shown)

    def beliefs(self) -> MouselabState:
        """Every combination of hidden and shown values; the first node's changes slowest."""
        shape = tuple(int(size) + 1 for size in self.nodes.sizes)
        shown = np.indices(shape, np.int32).reshape(len(shape), -1).T - 1
        time = (shown >= 0).sum(axis=1, dtype=np.int32)
        return MouselabState(time=time, stopped=np.zeros(time.shape, bool), shown=shown)

    def index(self, state: MouselabState, xp: ModuleType = jnp) -> AnyArray:
        """Place in :meth:`beliefs`."""
        places = [
            math.prod(int(s) + 1 for s in self.nodes.sizes[i + 1 :]) for i in range(len(self._tree))
        ]
        return ((state.shown + 1) * xp.asarray(places, dtype=xp.int32)).sum(-1)

    def payoff(self, state: MouselabState, xp: ModuleType = jnp) -> AnyArray:
        """Largest expected sum of a path."""
        return self._path_sums(state, xp).max(-1)

    def possible(self, state: MouselabState, xp: ModuleType = jnp) -> AnyArray:
        """Nodes that are hidden."""
        return state.shown < 0

    def news(self, state: MouselabState, computation: AnyArray, xp: ModuleType = jnp) -> AnyArray:
        """Probabilities ``[..., O]`` of the node's values."""
        chances = xp.asarray(self.nodes.probabilities)[computation]
        return xp.broadcast_to(chances, (*state.shown.shape[:-1], *chances.shape))

    def learn(
        self, state: MouselabState, computation: AnyArray, outcome: AnyArray, xp: ModuleType = jnp
    ) -> MouselabState:
        """Show the node: it has its value number ``outcome``."""
        clicked = xp.arange(len(self._tree)) == computation
        shown = xp.where(clicked, outcome, state.shown).astype(np.int32)
        return dataclasses.replace(state, time=state.time + 1, shown=shown)

    def show(self, state: MouselabState, xp: ModuleType = jnp) -> AnyArray:
        """Return a row for each node."""
        sums = self._path_sums(state, xp)[..., None]
        through = xp.where(self.paths, sums, -np.inf).max(-2)
        below = sums.max((-2, -1), keepdims=True)[..., 0] - through
        columns = (state.shown >= 0, self._expected(state, xp), through, below)
        return xp.stack([xp.asarray(column, dtype=xp.float32) for column in columns], axis=-1)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums of the least and of the largest values."""
        low, high = self.nodes.values.min(axis=1), self.nodes.values.max(axis=1)
        longest = np.maximum(np.abs(low), np.abs(high)).sum() + 1e-3
        ones = np.ones(len(low))
        least = np.stack([0 * ones, low, -longest * ones, 0 * ones], axis=1)
        return least, np.stack([ones, high, longest * ones, 2 * longest * ones], axis=1)

    def _expected(self, state: MouselabState, xp: ModuleType) -> AnyArray:
        values = xp.asarray(self.nodes.values)[
            np.arange(len(self._tree)), xp.maximum(state.shown, 0)
        ]
        return xp.where(state.shown < 0, xp.asarray(self.nodes.means), values)

    def _path_sums(self, state: MouselabState, xp: ModuleType) -> AnyArray:
        return (self._expected(state, xp)[..., None, :] * self.paths).sum(-1)

    @property
    def _tree(self) -> tuple[int, ...]:
        assert self.parents is not None  # grown at the latest when this object was made
        return self.parents


def _grow(branching: Any) -> tuple[int, ...]:
    """Return the parents of a tree all of whose nodes of one depth have as many children."""
    whole = isinstance(branching, tuple) and branching
    if not whole or any(isinstance(b, bool) or not isinstance(b, int) or b < 1 for b in branching):
        raise InputError(f"branching is {branching!r}: expected whole numbers from 1 on, as (2, 2)")
    parents, above = [], [-1]
    for children in branching:
        first = len(parents)
        parents += [node for node in above for _ in range(children)]
        above = list(range(first, len(parents)))
    return tuple(parents)


def _check_tree(parents: Any) -> None:
    if not isinstance(parents, tuple) or not parents:
        raise InputError(f"parents is {parents!r}: expected a node's number for each, or -1")
    for node, parent in enumerate(parents):
        if isinstance(parent, bool) or not isinstance(parent, int) or not -1 <= parent < node:
            raise InputError(
                f"parents is no tree: node {node} is below {parent!r}, expected a node with a "
                "smaller number, or -1 for the root"
            )
