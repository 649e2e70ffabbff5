"""Studies: presets, run directories, figures, the command line.

``experiments.load(DIR)`` returns a finished run's planner and its trained meta-policies.
"""

from rrplan.imports import check_own, hand_on

check_own("envs", "agents")
_NAMES = {"load": "experiments.loading", "Loaded": "experiments.loading"}
__all__ = tuple(_NAMES)
__getattr__ = hand_on(__name__, _NAMES)
