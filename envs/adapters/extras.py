"""Packages that only some environments need: imported when one of those is asked for."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

import jax
import jax.numpy as jnp

from rrplan.errors import InputError
from rrplan.imports import one_line
from rrplan.types import Array

REQUIREMENTS = {"jumanji": "jumanji>=1.1,<2", "pgx": "pgx>=2.6,<3"}
"""What to install of each, as the extra of the same name in ``pyproject.toml`` has it."""
NO_LIMIT = 100_000
"""Default of ``max_steps_in_episode`` where an environment of theirs has no limit of its own."""


def is_installed(package: str) -> bool:
    """Return whether a package is installed. Nothing is imported."""
    try:
        return bool(version(package))
    except PackageNotFoundError:
        return False


def import_extra(package: str) -> ModuleType:
    """Return a package of :data:`REQUIREMENTS`.

    Raises:
        InputError: it is not installed, or cannot be imported; one line says what to do.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name == package:
            raise InputError(
                f"it needs the package {package}, which is not installed: "
                f"pip install '{REQUIREMENTS[package]}'"
            ) from None
        raise InputError(
            f"{package} cannot be imported, because {error.name} is not installed"
        ) from error
    except Exception as error:
        raise InputError(f"{package} cannot be imported ({one_line(error)})") from error


def raw_key(key: Array) -> Array:
    """Return a key as these libraries keep it in their states: its data."""
    return jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
