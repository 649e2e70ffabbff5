"""The studies."""

from rrplan.imports import hand_on

__all__ = (
    "ABLATIONS",
    "METAREASONING",
    "PLANNING_DEPTH",
    "STUDIES",
    "Ablation",
    "Study",
    "any_environment",
    "of_config",
    "of_environment",
    "of_results",
)
__getattr__ = hand_on(__name__, dict.fromkeys(__all__, "experiments.studies.registry"))
