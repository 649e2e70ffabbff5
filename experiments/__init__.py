"""Studies: presets, run directories, figures, the command line.

``experiments.load(DIR)`` returns a finished run's planner and its trained meta-policies.
"""

import importlib
from typing import Any

from rrplan.imports import check_own

check_own("envs", "agents")
_NAMES = {"load": "experiments.loading", "Loaded": "experiments.loading"}
__all__ = tuple(_NAMES)


def __getattr__(name: str) -> Any:
    """Import what the face hands on when it is asked for: figures and help need no JAX."""
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
