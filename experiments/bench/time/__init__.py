"""Thinking by the clock: a finished run's agents, timed in turns."""

from rrplan.imports import hand_on

__all__ = ("TimeOptions", "run_time")
__getattr__ = hand_on(__name__, dict.fromkeys(__all__, "experiments.bench.time.measuring"))
