"""Keys for each use of a study's seed."""

import enum
import zlib
from typing import Protocol

import jax

from rrplan.types import Array


class Domain(enum.IntEnum):
    """What the study's seed is folded with, so that no two uses of it share a key."""

    TRAINING = 0
    VALIDATION = 1
    HELD_OUT = 2
    CONTROL = 3
    CALIBRATION = 4


class Seeded(Protocol):
    """The configuration of any study."""

    @property
    def seed(self) -> int:
        """What all that is drawn comes from."""
        ...


def study_key(config: Seeded, domain: Domain, index: int = 0) -> Array:
    """Return the key for one use of the study's seed."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(config.seed), domain), index)


def name_key(key: Array, name: str) -> Array:
    """Return the key for what is called so: it does not depend on what else there is."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))
