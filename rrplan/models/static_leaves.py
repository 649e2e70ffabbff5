"""Leaves of a state that no step changes: what belongs to the episode, not to the moment.

An instance's weights, or a map, need not be stored at every node of a tree: once a lane will do.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rrplan.types import Array, Environment, PyTree, PyTreeDef


class Division(NamedTuple):
    """Which leaves of an environment's state a step may change. Static."""

    structure: PyTreeDef
    moves: tuple[bool, ...]  # per leaf

    def divide(self, state: PyTree) -> tuple[list[Array], list[Array]]:
        """Return the leaves that may change, and those that never do."""
        leaves = list(zip(jax.tree.leaves(state), self.moves, strict=True))
        return [leaf for leaf, moves in leaves if moves], [
            leaf for leaf, moves in leaves if not moves
        ]

    def join(self, moving: list[Array], still: list[Array]) -> PyTree:
        """Return the state that :meth:`divide` took apart."""
        left, kept = iter(moving), iter(still)
        return jax.tree.unflatten(
            self.structure, [next(left) if moves else next(kept) for moves in self.moves]
        )


def find_division(environment: Environment, env_params: PyTree) -> Division:
    """Find the leaves that a step hands on untouched, by tracing one.

    Nothing is computed, and an environment is traced once for all parameters of equal shapes.
    """
    leaves, structure = jax.tree.flatten(env_params)
    arrays = map(jnp.asarray, leaves)
    types = tuple(jax.ShapeDtypeStruct(array.shape, array.dtype) for array in arrays)
    return _find(environment, structure, types)


@functools.lru_cache(maxsize=256)
def _find(environment: Environment, structure, types) -> Division:
    env_params = jax.tree.unflatten(structure, types)
    key = jax.eval_shape(lambda: jax.random.key(0))
    state, _ = jax.eval_shape(environment.reset, key, env_params)
    leaves, state_structure = jax.tree.flatten(state)

    def step(leaves, key, env_params):
        state = jax.tree.unflatten(state_structure, leaves)
        return jax.tree.leaves(environment.step(key, state, jnp.int32(0), env_params).state)

    jaxpr = jax.make_jaxpr(step)(leaves, key, env_params).jaxpr
    pairs = zip(jaxpr.outvars, jaxpr.invars, strict=False)
    return Division(state_structure, tuple(out is not into for out, into in pairs))
