"""Learned meta-policies, the gate and the stopper."""

import importlib
from typing import Any

_MODULE = "agents.metapolicies.learned.policy"
_NAMES = (
    "Choice",
    "greedy",
    "sampling",
)
__all__ = tuple(_NAMES)


def __getattr__(name: str) -> Any:
    """Import what the face hands on when it is asked for."""
    if name in _NAMES:
        return getattr(importlib.import_module(_MODULE), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
