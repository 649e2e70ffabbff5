"""Learned meta-policies, the gate and the stopper."""

from rrplan.imports import hand_on

__all__ = (
    "Choice",
    "greedy",
    "sampling",
)
__getattr__ = hand_on(__name__, dict.fromkeys(__all__, "agents.metapolicies.learned.policy"))
