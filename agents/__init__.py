"""Agents: networks, base-planner training, meta-policies and their training.

The face hands on what declares an agent of one's own: :class:`Rule`, :class:`Learned` and what
they are made of.
"""

import importlib
from typing import Any

from rrplan.imports import check_own

check_own("envs")
_NAMES = {
    "Candidate": "agents.metapolicies.tuning",
    "Learned": "agents.declarations",
    "Request": "agents.declarations",
    "Rule": "agents.declarations",
    "Trainable": "agents.declarations",
}
__all__ = tuple(_NAMES)


def __getattr__(name: str) -> Any:
    """Import what the face hands on when it is asked for: figures and help need no JAX."""
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
