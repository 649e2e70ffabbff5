"""Networks that evaluate states: a policy and a value."""

from rrplan.imports import hand_on

__all__ = (
    "DEPTHS",
    "KINDS",
    "WIDTHS",
    "NetworkConfig",
    "PlannerNetwork",
    "build",
    "count_parameters",
    "flatten",
)
__getattr__ = hand_on(__name__, dict.fromkeys(__all__, "agents.networks.policy_value"))
