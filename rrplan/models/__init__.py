"""What a search steps: the environment itself, or a learned model of it."""

from rrplan.models.interface import (
    Answer,
    Before,
    Learned,
    Model,
    Moved,
    Perfect,
    Position,
    Settings,
    call_by_lane,
    finite,
    make_model,
    where,
)

__all__ = (
    "Answer",
    "Before",
    "Learned",
    "Model",
    "Moved",
    "Perfect",
    "Position",
    "Settings",
    "call_by_lane",
    "finite",
    "make_model",
    "where",
)
