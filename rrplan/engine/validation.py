"""What an evaluation is asked to do, checked before anything is compiled."""

import operator
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rrplan.costs import Costs, Rates
from rrplan.errors import InputError
from rrplan.tracing import told
from rrplan.types import Array, Device, PyTree

_MOST = np.iinfo(np.int32).max - 1  # of an episode's id and of their number, which are int32


def check_request(
    key: Array,
    episodes: int | Array,
    costs: Costs,
    num_lanes: int,
    max_simulations: int,
    trace: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return episode ids and prices, ``[E]`` each; refuse what makes no sense."""
    check_key(key)
    ids = _check_episodes(episodes)
    check_whole("num_lanes", num_lanes, 1)
    check_whole("max_simulations", max_simulations, 0)
    check_whole("trace", trace, 0)
    check_costs(costs, ids.shape)
    prices = np.broadcast_to(np.asarray(costs.price, np.float32), ids.shape)
    return ids.astype(np.int32), prices


def check_key(key: Any) -> None:
    """Refuse what is no scalar random key."""
    if not isinstance(key, jax.Array) or key.shape or not _is_key(key):
        raise InputError(
            f"key is {_shown(key)}: expected one random key, such as jax.random.key(0)"
        )


def check_whole(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Refuse what is no whole number, less than ``least``, or more than ``most``."""
    number = _whole(value)
    if number is None or number < least or (most is not None and number > most):
        end = "or more" if most is None else f"to {most}"
        raise InputError(f"{name} is {_shown(value)}: expected a whole number, {least} {end}")


def check_kind(name: str, value: Any, kind: type, called: str) -> None:
    """Refuse what is not of a type, which messages call ``called``."""
    if not isinstance(value, kind):
        found = "None" if value is None else f"a {type(value).__name__}"
        raise InputError(f"{name} is {found}: expected a {called}")


def check_arrays(name: str, tree: PyTree, *, nan: bool = True) -> None:
    """Refuse a pytree with leaves that are no arrays.

    Args:
        name: of the tree.
        tree: to check.
        nan: whether NaN may be in it.
    """
    for leaf in jax.tree.leaves(tree):
        try:
            dtype = jnp.result_type(leaf)
        except TypeError:
            raise InputError(f"{name} holds a {type(leaf).__name__}: expected arrays") from None
        if not nan and jnp.issubdtype(dtype, jnp.floating) and np.isnan(leaf).any():
            raise InputError(f"{name} holds NaN: expected numbers")


def check_callbacks(**callbacks: Any) -> None:
    """Refuse what cannot be called, and is not None."""
    for name, value in callbacks.items():
        if value is not None and not callable(value):
            raise InputError(f"{name} is a {type(value).__name__}: expected a function or None")


def check_costs(costs: Costs, episodes: tuple[int, ...] = ()) -> None:
    """Refuse costs that are negative, not finite in float32, or of wrong shapes.

    Cap and budget are whole numbers that an int32 holds.

    Args:
        costs: of an evaluation or a training.
        episodes: the shape that prices may have beside ``[]``.
    """
    check_kind("costs", costs, Costs, "rrplan.Costs")
    check_kind("rates", costs.rates, Rates, "rrplan.Rates")
    rates = {f"rates.{name}": rate for name, rate in costs.rates._asdict().items()}
    fields = {name: value for name, value in costs._asdict().items() if name != "rates"}
    for name in ("cap", "budget"):
        check_whole(name, fields.pop(name), 0, np.iinfo(np.int32).max)
    for name, given in {**fields, **rates}.items():
        value = _numbers(given)
        if value is None:
            raise InputError(f"{name} is {_shown(given)}: expected a finite number >= 0")
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(value.astype(np.float32)) | ~(value >= 0)
        if bad.any():
            raise InputError(
                f"{name} is {value[bad][0]}: expected a finite number >= 0, as a float32"
            )
        if value.ndim and not (name == "price" and value.shape == episodes):
            raise InputError(
                f"{name} has shape {value.shape}: expected a number"
                + (f" or shape {episodes}, one for each episode" if name == "price" else "")
            )


def check_devices(devices: Sequence[Device] | None) -> list[Device]:
    """Return the devices to run on; refuse none, and those of another process."""
    mine = jax.local_devices()
    if devices is None:
        return mine
    listed = list(devices) if isinstance(devices, Sequence) else []
    if not listed or not all(isinstance(device, jax.Device) for device in listed):
        raise InputError(f"devices is {devices!r}: expected one or more, each once, of {mine}")
    if len(set(listed)) < len(listed):
        raise InputError(f"devices is {listed}: expected one or more, each once")
    for device in listed:
        if device.process_index != jax.process_index():
            raise InputError(f"{device} belongs to another process: expected some of {mine}")
    return listed


def _check_episodes(episodes: Any) -> np.ndarray:
    wrong = InputError(f"episodes is {_shown(episodes)}: expected a number >= 1 or ids >= 0")
    number = _whole(episodes)
    if number is not None:
        if not 1 <= number <= _MOST:
            raise wrong
        return np.arange(number)
    ids = _numbers(episodes)
    if ids is None or ids.ndim != 1 or ids.size == 0 or ids.dtype.kind not in "iu":
        raise wrong
    if ids.min() < 0 or ids.max() > _MOST:
        raise wrong
    return ids


def _whole(value: Any) -> int | None:
    """Return a whole number as Python's own; None of anything else."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def _numbers(value: Any) -> np.ndarray | None:
    """Return numbers as an array; None of anything else."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return None
    return array if array.dtype.kind in "iuf" else None


def _is_key(key: jax.Array) -> bool:
    return jnp.issubdtype(key.dtype, jax.dtypes.prng_key)


def _shown(value: Any) -> str:
    """Return a value in one short line."""
    if isinstance(value, jax.Array | np.ndarray) and value.ndim:
        return told(value)
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
