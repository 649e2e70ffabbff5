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
from rrplan.oracle.records import Records, record

__all__ = (
    "DecisionTable",
    "Decisions",
    "Played",
    "Records",
    "Solution",
    "record",
    "replay",
    "solve",
    "tabulate",
)
