"""The engine: search, lanes, costs, statistics. Knows no particular environment or agent.

Names are imported when they are first asked for, so that help and figures need not load JAX.
"""

from rrplan.imports import hand_on

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
    "Rates": "rrplan.costs",
    "Search": "rrplan.planner",
    "Trace": "rrplan.types",
    "Transition": "rrplan.types",
    "Work": "rrplan.types",
    "charge": "rrplan.costs",
    "evaluate": "rrplan.engine.evaluation",
    "gumbel_muzero_policy": "rrplan.search.policies",
    "muzero_policy": "rrplan.search.policies",
    "rollout": "rrplan.engine.rollouts",
    "rollout_searching": "rrplan.engine.rollouts",
    "Thought": "rrplan.engine.rollouts",
    "timed_return": "rrplan.costs",
}
_ROOMS = ("oracle", "search")
__all__ = (*_NAMES, *_ROOMS)
__getattr__ = hand_on(__name__, _NAMES, _ROOMS)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
