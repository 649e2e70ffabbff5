"""Networks that evaluate states: a policy and a value."""

import importlib
from typing import Any

_MODULE = "agents.networks.policy_value"
_NAMES = (
    "DEPTHS",
    "KINDS",
    "NetworkConfig",
    "PlannerNetwork",
    "WIDTHS",
    "build",
    "count_parameters",
    "flatten",
)
__all__ = tuple(_NAMES)


def __getattr__(name: str) -> Any:
    """Import what the face hands on when it is asked for."""
    if name in _NAMES:
        return getattr(importlib.import_module(_MODULE), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
