"""Augmented steps a second, beside the environment and the networks alone."""

from rrplan.imports import hand_on

__all__ = ("ThinkerOptions", "run_thinker")
__getattr__ = hand_on(__name__, dict.fromkeys(__all__, "experiments.bench.thinker.measuring"))
