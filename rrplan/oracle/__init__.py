"""The clairvoyant oracle: the best that stopping with hindsight could earn."""

from rrplan.oracle.clairvoyant import Decisions, Played, Solution, Table, replay, solve, tabulate

__all__ = (
    "Decisions",
    "Played",
    "Solution",
    "Table",
    "replay",
    "solve",
    "tabulate",
)
