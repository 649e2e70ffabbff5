"""The report of finished runs: one page that opens from disk, with all that it needs in it."""

from rrplan.imports import hand_on

__all__ = (
    "INSTALL",
    "find_missing",
    "write_report",
)
__getattr__ = hand_on(__name__, dict.fromkeys(__all__, "experiments.html.document"))
