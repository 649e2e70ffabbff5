"""Figures of finished studies."""

from rrplan.imports import hand_on

__all__ = (
    "FIGURES",
    "METAREASONING",
    "Draw",
    "draw",
)
__getattr__ = hand_on(__name__, dict.fromkeys(__all__, "experiments.report.figures.drawing"))
