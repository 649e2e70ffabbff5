"""The engine: search, lanes, costs, statistics. Knows no particular environment or agent.

Names are imported when they are first asked for, so that help and figures need not load JAX.
"""

import importlib
from typing import Any

_NAMES = {
    "Control": "rrplan.types",
    "Costs": "rrplan.costs",
    "Counts": "rrplan.costs",
    "Environment": "rrplan.types",
    "Episodes": "rrplan.types",
    "Evaluation": "rrplan.types",
    "InputError": "rrplan.errors",
    "LearnedModel": "rrplan.types",
    "MetaObservation": "rrplan.types",
    "MetaPolicy": "rrplan.types",
    "Network": "rrplan.types",
    "Planner": "rrplan.planner",
    "Search": "rrplan.planner",
    "Trace": "rrplan.types",
    "Transition": "rrplan.types",
    "Work": "rrplan.types",
    "charge": "rrplan.costs",
    "evaluate": "rrplan.engine.evaluation",
    "gumbel_muzero_policy": "rrplan.search.policies",
    "muzero_policy": "rrplan.search.policies",
    "rollout": "rrplan.engine.rollouts",
    "timed_return": "rrplan.costs",
}
_ROOMS = ("oracle", "search")
__all__ = (*_NAMES, *_ROOMS)


def __getattr__(name: str) -> Any:
    """Import what the face hands on when it is asked for."""
    if name in _ROOMS:
        return importlib.import_module(f"rrplan.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
