"""Arguments of the drop-in policies, checked before anything runs."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import mctx
import numpy as np

from rrplan.errors import InputError
from rrplan.types import Array, PyTree


class Request(NamedTuple):
    """Checked arguments that both policies share."""

    budget: Array  # [B] int32
    max_simulations: int
    invalid_actions: Array  # [B, A] bool
    max_depth: Array  # [B] int32


def check(
    root: mctx.RootFnOutput,
    num_simulations: int | Array,
    max_simulations: int | None,
    invalid_actions: Array | None,
    max_depth: int | Array | None,
) -> Request:
    """Check shapes always, and values where they are concrete."""
    shape = root.prior_logits.shape
    if len(shape) != 2 or shape[0] < 1:
        raise InputError(f"root.prior_logits has shape {shape}: expected [B, A] with B >= 1")
    budget = _per_lane("num_simulations", num_simulations, shape[0])
    traced = isinstance(num_simulations, jax.core.Tracer)
    if traced and max_simulations is None:
        raise InputError("num_simulations is traced: expected max_simulations, a static bound")
    if not traced:
        least, largest = int(np.min(num_simulations)), int(np.max(num_simulations))
        max_simulations = largest if max_simulations is None else max_simulations
        if least < 0:
            raise InputError(f"num_simulations is {least}: expected 0 or more")
        if largest > max_simulations:
            raise InputError(
                f"num_simulations is {largest}: expected at most max_simulations ="
                f" {max_simulations}"
            )
    invalid = jnp.zeros(shape, bool) if invalid_actions is None else invalid_actions
    if jnp.shape(invalid) != shape:
        raise InputError(f"invalid_actions has shape {jnp.shape(invalid)}: expected {shape}")
    # No path is longer than the simulations that built it.
    depth = max_simulations + 1 if max_depth is None else max_depth
    return Request(
        budget=budget,
        max_simulations=max_simulations,
        invalid_actions=jnp.asarray(invalid, bool),
        max_depth=_per_lane("max_depth", depth, shape[0]),
    )


def _per_lane(name: str, value: int | Array, num_lanes: int) -> Array:
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.integer) or array.shape not in ((), (num_lanes,)):
        raise InputError(
            f"{name} is {array.dtype}{list(array.shape)}: expected an int or int32[{num_lanes}]"
        )
    return jnp.broadcast_to(array.astype(jnp.int32), num_lanes)


def check_recurrent_fn(
    recurrent_fn: mctx.RecurrentFn, params: PyTree, key: Array, root: mctx.RootFnOutput
) -> None:
    """Refuse a ``recurrent_fn`` whose outputs do not fit the root, before anything runs."""
    action = jnp.zeros(root.value.shape, jnp.int32)
    output, embedding = jax.eval_shape(recurrent_fn, params, key, action, root.embedding)
    expected = dict.fromkeys(("reward", "discount", "value"), root.value.shape)
    expected["prior_logits"] = root.prior_logits.shape
    for name, shape in expected.items():
        if getattr(output, name).shape != shape:
            raise InputError(
                f"recurrent_fn returns {name} of shape {getattr(output, name).shape}:"
                f" expected {shape}"
            )
    shapes = [jax.tree.map(jnp.shape, tree) for tree in (embedding, root.embedding)]
    if shapes[0] != shapes[1]:
        raise InputError(f"recurrent_fn returns an embedding {shapes[0]}: expected {shapes[1]}")
