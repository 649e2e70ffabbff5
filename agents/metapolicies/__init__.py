"""Meta-policies: how many simulations to spend on a decision."""

from rrplan.imports import hand_on

__all__ = (
    "NO_DEPTH_LIMIT",
    "fixed",
    "no_carry",
    "order",
    "random_k",
)
__getattr__ = hand_on(__name__, dict.fromkeys(__all__, "agents.metapolicies.rules.constant"))
