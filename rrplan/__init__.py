"""The engine: search, lanes, costs, statistics. Knows no particular environment or agent."""

from rrplan.errors import InputError
from rrplan.types import (
    Control,
    Costs,
    Environment,
    Episodes,
    Evaluation,
    MetaObservation,
    MetaPolicy,
    Network,
    Transition,
)

__all__ = (
    "Control",
    "Costs",
    "Environment",
    "Episodes",
    "Evaluation",
    "InputError",
    "MetaObservation",
    "MetaPolicy",
    "Network",
    "Transition",
)
