"""Options of environments: what a text means, and whether a value can stand where it is put."""

import ast
import dataclasses
import inspect
import numbers
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

from rrplan.errors import InputError, unknown
from rrplan.types import PyTree

_LEAST = {"max_steps_in_episode": 1}  # of fields that mean the same in every environment


def parse_value(text: str) -> Any:
    """Return what an argument of the command line means: a Python literal, or the text itself.

    ``true``, ``false`` and ``none`` are understood in any case.
    """
    words = {"true": True, "false": False, "none": None}
    if text.strip().lower() in words:
        return words[text.strip().lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def signature_defaults(factory: Any) -> dict[str, Any]:
    """Return the default of each argument that ``factory`` takes by name.

    An argument without a default has ``inspect.Parameter.empty``.
    """
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return {}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name: p.default for name, p in parameters.items() if p.kind in named}


def check_switches(name: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Check that what is on or off by default is given True or False.

    Other arguments are left to the constructor's own judgement; a text is always true, so a
    constructor would take ``"no"`` for yes.

    Raises:
        InputError: if an argument is something else.
    """
    for key, value in given.items():
        if isinstance(defaults[key], bool):
            _fit(name, key, value, defaults[key])


def check_whole(
    name: str, value: object, least: int, most: int | None = None, told: str = ""
) -> None:
    """Check that an argument is a whole number in a range, which the message names.

    Args:
        name: of the argument.
        value: what was given for it.
        least: the least that may be.
        most: the largest that may be; None where there is none.
        told: what the message says after the range, such as why it is this.

    Raises:
        InputError: if it is something else.
    """
    if not _is_whole(value) or value < least or (most is not None and value > most):
        end = "on" if most is None else f"to {most}"
        raise InputError(f"{name} is {value!r}: expected a whole number from {least} {end}{told}")


def check_integer(name: str, value: object, least: int, most: int | None = None) -> None:
    """Check that an argument is a whole number in a range; the message names what it breaks.

    Raises:
        InputError: if it is something else.
    """
    if not _is_whole(value):
        raise InputError(f"{name} is {value!r}: expected a whole number from {least} on")
    if value < least:
        raise InputError(f"{name} is {value}: expected at least {least}")
    if most is not None and value > most:
        raise InputError(f"{name} is {value}: expected at most {most}")


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def replace_fields(
    name: str, params: PyTree, changes: Mapping[str, Any], others: Iterable[str]
) -> PyTree:
    """Return ``params`` with some fields changed.

    Args:
        name: of the environment, for messages.
        params: the parameters, a dataclass.
        changes: new values by field.
        others: what else could have been meant: names of the constructor's arguments.

    Raises:
        InputError: if there is no such field, or the value is of another kind than its default, or
            below the least that it may be.
    """
    if not changes:
        return params
    fields = {field.name: field for field in _fields(params)}
    for key in changes:
        if key not in fields:
            raise unknown(f"option of {name}", key, {*fields, *others})
    fitted = {key: _fit(name, key, value, getattr(params, key)) for key, value in changes.items()}
    for key, value in fitted.items():
        _check_range(name, fields[key], value)
    return dataclasses.replace(params, **fitted)


def _fields(params: PyTree) -> tuple[dataclasses.Field, ...]:
    return dataclasses.fields(params) if dataclasses.is_dataclass(params) else ()


def _check_range(name: str, field: dataclasses.Field, value: Any) -> None:
    """Refuse a fraction where a field is an int, and what is below the least that it may be."""
    whole = field.type in (int, "int")
    least = field.metadata.get("least", _LEAST.get(field.name))
    if not isinstance(value, numbers.Real):
        return
    fits = isinstance(value, numbers.Integral) or not whole
    if not fits or (least is not None and not value >= least):
        expected = "a whole number" if whole else "a number"
        start = "" if least is None else f" from {least} on"
        raise InputError(
            f"environment {name!r}: {field.name} is {value!r}, expected {expected}{start}"
        )


def _fit(name: str, key: str, value: Any, default: Any) -> Any:
    """Return ``value``, made to stand where ``default`` stood."""
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
        expected = "True or False"
    elif isinstance(default, numbers.Real):
        if isinstance(value, numbers.Real) and not isinstance(value, bool):
            return float(value) if isinstance(default, float) else value
        expected = f"a number, such as {default!r}"
    elif isinstance(default, jax.Array | np.ndarray):
        array = _as_array(value, default)
        if array is not None:
            return array
        expected = f"an array of shape {default.shape}"
    else:
        return value
    raise InputError(f"environment {name!r}: {key} is {value!r}, expected {expected}")


def _as_array(value: Any, default: jax.Array | np.ndarray) -> jax.Array | None:
    try:
        array = jnp.asarray(value, default.dtype)
    except (TypeError, ValueError):
        return None
    return array if array.shape == default.shape else None
