"""Environments of other libraries by name: ``jumanji:NAME`` and ``pgx:NAME``.

Both are extras, imported when one of their environments is asked for, and never to list them.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

from envs.adapters import jumanji_adapter, pgx_adapter
from envs.adapters.extras import is_installed
from envs.options import signature_defaults
from rrplan.errors import InputError, unknown

LIBRARIES: Mapping[str, ModuleType] = {"jumanji": jumanji_adapter, "pgx": pgx_adapter}
"""The adapter of each, by its package, which is also its prefix."""


class Checked(NamedTuple):
    """What is told of an environment without building it."""

    actions: int
    observation: tuple[int, ...]
    masked: bool


CHECKED: Mapping[str, Checked] = {
    "jumanji:Game2048-v1": Checked(4, (4, 4, 18), True),
    "jumanji:Maze-v0": Checked(4, (10, 10, 4), True),
    "jumanji:RubiksCube-v0": Checked(18, (325,), False),
    "jumanji:SlidingTilePuzzle-v0": Checked(4, (636,), True),
    "jumanji:Snake-v1": Checked(4, (12, 12, 6), True),
    "pgx:2048": Checked(4, (4, 4, 31), True),
}
"""Environments that ``envs.check`` finds nothing wrong with. Others may work as well."""


def prefix_of(name: str) -> str | None:
    """Return the library that a name is of, such as ``"pgx"``; None of any other name."""
    library, colon, _ = name.partition(":")
    return library if colon and library in LIBRARIES else None


def installed() -> list[str]:
    """Return the names of :data:`CHECKED` whose library is installed. Nothing is imported."""
    found = {library for library in LIBRARIES if is_installed(library)}
    return [name for name in CHECKED if prefix_of(name) in found]


def factory(name: str) -> Callable[..., Any]:
    """Return what builds an environment of a library, from arguments of its constructor.

    Args:
        name: the library, a colon, and what the library calls it.

    Raises:
        InputError: the library is not installed, or has no such environment; one line.
    """
    library = prefix_of(name)
    assert library is not None  # the caller has asked
    adapter = LIBRARIES[library]
    try:
        known = [f"{library}:{found}" for found in adapter.names()]
    except InputError as error:
        raise InputError(f"environment {name!r}: {error}") from error
    if name not in known:
        raise unknown("environment", name, known)
    return adapter.factory(name.removeprefix(f"{library}:"))


def arguments(env: Any) -> dict[str, Any]:
    """Return the arguments that the constructor of an adapted environment takes, with defaults."""
    return signature_defaults(type(env.game))
