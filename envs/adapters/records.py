"""Named tuples and dataclasses of other libraries: their fields, and copies with one changed."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from rrplan.errors import InputError
from rrplan.types import PyTree


def find_fields(record: PyTree) -> Mapping[str, Any] | None:
    """Return the fields of a named tuple, a dataclass or a mapping; None of anything else."""
    if isinstance(record, Mapping):
        return record
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    as_dict = getattr(record, "_asdict", None)
    return as_dict() if as_dict is not None else None


def fields_of(record: PyTree) -> Mapping[str, Any]:
    """Return the fields of what is known to be a named tuple, a dataclass or a mapping."""
    found = find_fields(record)
    assert found is not None
    return found


def with_fields(record: PyTree, **changes: Any) -> PyTree:
    """Return a copy of a named tuple or dataclass with some fields changed.

    Raises:
        InputError: it is something else.
    """
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return dataclasses.replace(record, **changes)
    replace = getattr(record, "_replace", None)
    if replace is not None:
        return replace(**changes)
    raise InputError(
        f"its state is a {type(record).__name__}: expected a dataclass or a named tuple"
    )
