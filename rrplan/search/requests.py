"""Arguments of searches, checked before anything runs: shapes always, values where concrete."""

from typing import Any

import jax
import jax.numpy as jnp
import mctx
import numpy as np
from jax.core import Tracer

from rrplan.errors import InputError
from rrplan.tracing import is_kind, told
from rrplan.types import Array


def check_root(root: mctx.RootFnOutput, invalid_actions: Array | None) -> Array:
    """Return the illegal actions ``[B, A]`` bool; refuse what is no root."""
    if not isinstance(root, mctx.RootFnOutput):
        raise InputError(f"root is {told(root)}: expected mctx.RootFnOutput")
    for name in ("prior_logits", "value"):
        if not is_kind(getattr(root, name), "f"):
            found = told(getattr(root, name))
            raise InputError(f"root.{name} is {found}: expected floating-point numbers")
    shape = root.prior_logits.shape
    if len(shape) != 2 or min(shape) < 1:
        raise InputError(f"root.prior_logits has shape {shape}: expected [B, A] of 1 or more")
    if root.value.shape != shape[:1]:
        raise InputError(f"root.value has shape {root.value.shape}: expected {shape[:1]}")
    for leaf in jax.tree.leaves(root.embedding):
        if jnp.shape(leaf)[:1] != shape[:1]:
            expected = f"[{shape[0]}, ...]"
            raise InputError(f"root.embedding has a leaf {told(leaf)}: expected {expected}")
    invalid = jnp.zeros(shape, bool) if invalid_actions is None else invalid_actions
    if jnp.shape(invalid) != shape:
        raise InputError(f"invalid_actions has shape {jnp.shape(invalid)}: expected {shape}")
    return jnp.asarray(invalid, bool)


def check_room(max_simulations: int) -> None:
    """Refuse a bound that is not a number of simulations."""
    if isinstance(max_simulations, Tracer):
        raise InputError("max_simulations is traced: expected a number that is known beforehand")
    if not isinstance(max_simulations, int | np.integer) or max_simulations < 0:
        raise InputError(f"max_simulations is {max_simulations}: expected 0 or more")


def find_room(num_simulations: int | Array, max_simulations: int | None, num_lanes: int) -> int:
    """Return the simulations to make room for: the bound, or the largest budget if none is given.

    Raises:
        InputError: the budgets are traced and no bound is given, or one exceeds it.
    """
    if max_simulations is not None:
        check_room(max_simulations)
    if isinstance(num_simulations, Tracer):
        if max_simulations is None:
            raise InputError("num_simulations is traced: expected max_simulations, a static bound")
        return max_simulations
    _check_per_lane("num_simulations", num_simulations, num_lanes)
    largest = int(np.max(num_simulations))
    if max_simulations is not None and largest > max_simulations:
        raise InputError(
            f"num_simulations is {largest}: expected at most max_simulations = {max_simulations}"
        )
    return max(0, largest) if max_simulations is None else max_simulations


def check_more(
    num_simulations: int | Array, used: Array, max_simulations: int, num_lanes: int
) -> Array:
    """Return budgets ``[B]`` int32 for which there is room.

    Where they are traced, negative ones count as 0 and what exceeds the room is cut.
    """
    budget = per_lane("num_simulations", num_simulations, num_lanes)
    room = max_simulations - used
    if not isinstance(num_simulations, Tracer):
        least, largest = int(np.min(num_simulations)), int(np.max(num_simulations))
        if least < 0:
            raise InputError(f"num_simulations is {least}: expected 0 or more")
        if not isinstance(room, Tracer) and largest > room:
            raise InputError(
                f"num_simulations is {largest}: expected at most {room}, what is left of"
                f" max_simulations = {max_simulations}"
            )
    return jnp.clip(budget, 0, room)


def check_depth(max_depth: int | Array | None, num_slots: int, num_lanes: int) -> Array:
    """Return depth limits ``[B]`` int32."""
    # No path is longer than the simulations that built it.
    return per_lane("max_depth", num_slots if max_depth is None else max_depth, num_lanes)


def per_lane(name: str, value: int | Array, num_lanes: int) -> Array:
    """Return a number for every lane, ``[B]`` int32."""
    _check_per_lane(name, value, num_lanes)
    return jnp.broadcast_to(jnp.asarray(value).astype(jnp.int32), num_lanes)


def check_considered(max_num_considered_actions: int) -> None:
    """Refuse a number of actions that sequential halving cannot begin with."""
    most = max_num_considered_actions
    if not isinstance(most, int | np.integer) or most < 1:
        raise InputError(f"max_num_considered_actions is {most}: expected 1 or more")


def check_gumbel(root_gumbel: Array, shape: tuple[int, ...]) -> Array:
    """Return noise of the root's actions ``[B, A]``; refuse another shape."""
    if jnp.shape(root_gumbel) != shape:
        raise InputError(f"root_gumbel is {told(root_gumbel)}: expected float32{list(shape)}")
    return root_gumbel


def _check_per_lane(name: str, value: int | Array, num_lanes: int) -> None:
    """Refuse what is neither a whole number nor one for every lane."""
    array = _as_array(value)
    if not is_kind(array, "iu") or array.shape not in ((), (num_lanes,)):
        raise InputError(f"{name} is {told(array)}: expected an int or int32[{num_lanes}]")


def _as_array(value: object) -> Any:
    """Return numbers as an array; what is one, or none, as it is."""
    if isinstance(value, jax.Array | np.ndarray):
        return value
    try:
        array = np.asarray(value)
    except ValueError:  # lists of unequal lengths
        return value
    return array if array.dtype.kind in "iuf" else value
