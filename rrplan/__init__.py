"""The engine: search, lanes, costs, statistics. Knows no particular environment or agent."""

from rrplan import search
from rrplan.costs import Costs, Counts, charge, timed_return
from rrplan.engine.evaluation import evaluate
from rrplan.engine.rollouts import rollout
from rrplan.errors import InputError
from rrplan.planner import Planner, Search
from rrplan.search.policies import gumbel_muzero_policy, muzero_policy
from rrplan.types import (
    Control,
    Environment,
    Episodes,
    Evaluation,
    LearnedModel,
    MetaObservation,
    MetaPolicy,
    Network,
    Trace,
    Transition,
    Work,
)

__all__ = (
    "Control",
    "Costs",
    "Counts",
    "Environment",
    "Episodes",
    "Evaluation",
    "InputError",
    "LearnedModel",
    "MetaObservation",
    "MetaPolicy",
    "Network",
    "Planner",
    "Search",
    "Trace",
    "Transition",
    "Work",
    "charge",
    "evaluate",
    "gumbel_muzero_policy",
    "muzero_policy",
    "rollout",
    "search",
    "timed_return",
)
