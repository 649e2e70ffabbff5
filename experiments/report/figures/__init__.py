"""Figures of finished studies."""

import importlib
from typing import Any

_MODULE = "experiments.report.figures.drawing"
_NAMES = (
    "Draw",
    "FIGURES",
    "METAREASONING",
    "draw",
)
__all__ = tuple(_NAMES)


def __getattr__(name: str) -> Any:
    """Import what the face hands on when it is asked for."""
    if name in _NAMES:
        return getattr(importlib.import_module(_MODULE), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
