"""Modules of flax as pure functions of their parameters: a class, a spec, nested dicts of arrays.

A module is made by ``make(spec, rngs)``; ``make`` and ``spec`` are static, and equal ones share
what is compiled.
"""

import functools
from collections.abc import Callable, Hashable
from typing import Any

import jax
from flax import nnx

from rrplan.types import Array, PyTree

Make = Callable[[Any, nnx.Rngs], nnx.Module]


@functools.partial(jax.jit, static_argnums=(0, 1))
def init(make: Make, spec: Hashable, key: Array) -> PyTree:
    """Return fresh parameters of a module: nested dicts of float32 arrays."""
    return nnx.to_pure_dict(nnx.state(make(spec, nnx.Rngs(key)), nnx.Param))


def apply(make: Make, spec: Hashable, params: PyTree, *inputs: Array) -> Any:
    """Return what a module makes of its inputs."""
    return nnx.merge(_graphdef(make, spec), params)(*inputs)


@functools.lru_cache(maxsize=256)
def _graphdef(make: Make, spec: Hashable) -> nnx.GraphDef:
    abstract = nnx.eval_shape(lambda: make(spec, nnx.Rngs(jax.random.key(0))))
    return nnx.split(abstract, nnx.Param, ...)[0]
