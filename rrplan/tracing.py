"""Somebody else's function, traced: what it would return, or one line that says why it cannot."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from rrplan.errors import InputError
from rrplan.imports import one_line
from rrplan.types import PyTree

# What an exception means that a function raises because its arguments are traced.
_UNTRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


def explain(function: str, error: Exception) -> str:
    """Return one line about ``error``, which ``function`` raised."""
    if isinstance(error, NotImplementedError):
        return f"{function} is not implemented"
    if isinstance(error, _UNTRACEABLE):
        return (
            f"{function} cannot be compiled by jit: it turns a traced array into a Python value "
            f"({type(error).__name__}), expected jnp.where or lax.cond instead of a branch"
        )
    return f"{function} raises {one_line(error)}"


def shapes_of(name: str, function: Callable[..., Any], *arguments: PyTree) -> Any:
    """Return the shapes of what a function returns; nothing is computed.

    Args:
        name: what messages call it.
        function: of arrays; traced once for all arguments of equal shapes.
        *arguments: arrays or ``jax.ShapeDtypeStruct`` leaves.

    Raises:
        InputError: it raises something, or returns what is no array.
    """
    try:
        return jax.eval_shape(function, *arguments)
    except InputError:
        raise
    except Exception as error:
        raise InputError(explain(name, error)) from error


def is_kind(leaf: Any, kinds: str) -> bool:
    """Return whether a leaf is an array of one of numpy's kinds; bfloat16 counts as float."""
    dtype = getattr(leaf, "dtype", None)
    if dtype is None:
        return False
    return dtype.kind in kinds or ("f" in kinds and jnp.issubdtype(dtype, jnp.floating))


def told(leaf: Any) -> str:
    """Return an array's type in a few characters, ``float32[2,3]``; of anything else its type."""
    if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
        return f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]"
    return "None" if leaf is None else f"a {type(leaf).__name__}"


def told_all(tree: PyTree) -> str:
    """Return the types of all leaves of a pytree by path, ``position int32[], time int32[]``."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    named = (f"{jax.tree_util.keystr(path).lstrip('.')} {told(leaf)}" for path, leaf in leaves)
    return ", ".join(text.strip() for text in named) or "nothing"
