"""Steps a second of Sokoban, beside jumanji's on the same levels."""

from rrplan.imports import hand_on

__all__ = ("SokobanOptions", "run_sokoban")
__getattr__ = hand_on(__name__, dict.fromkeys(__all__, "experiments.bench.sokoban.measuring"))
