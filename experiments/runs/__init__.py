"""Run directories, and what is told while a study runs."""

import importlib
from typing import Any

_MODULE = "experiments.runs.directory"
_NAMES = (
    "Config",
    "Run",
    "append_json_line",
    "load_arrays",
    "load_results",
    "load_run",
    "open_run",
    "read_json",
    "save_arrays",
    "versions",
    "write_atomically",
    "write_config",
    "write_json",
)
__all__ = tuple(_NAMES)


def __getattr__(name: str) -> Any:
    """Import what the face hands on when it is asked for."""
    if name in _NAMES:
        return getattr(importlib.import_module(_MODULE), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
