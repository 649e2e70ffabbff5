"""Search that can be stopped and resumed at any simulation, and its rules."""

from rrplan.search.anytime import (
    Rules,
    State,
    Summary,
    advance,
    init,
    puct_rules,
    roots,
    step,
    summary,
)

__all__ = (
    "Rules",
    "State",
    "Summary",
    "advance",
    "init",
    "puct_rules",
    "roots",
    "step",
    "summary",
)
