"""The clairvoyant oracle: the best that stopping with hindsight could earn."""

from rrplan.oracle.clairvoyant import (
    Decisions,
    DecisionTable,
    Played,
    Solution,
    replay,
    solve,
    tabulate,
)

__all__ = (
    "DecisionTable",
    "Decisions",
    "Played",
    "Solution",
    "replay",
    "solve",
    "tabulate",
)
