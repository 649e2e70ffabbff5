"""The engine: search, lanes, costs, statistics. Knows no particular environment or agent."""

from rrplan.errors import InputError
from rrplan.evaluation import Search, evaluate
from rrplan.policies import muzero_policy
from rrplan.rollouts import rollout
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
    "Search",
    "Transition",
    "evaluate",
    "muzero_policy",
    "rollout",
)
