"""Agents: networks, base-planner training, meta-policies and their training.

The face hands on what declares an agent of one's own: :class:`Rule`, :class:`Learned` and what
they are made of.
"""

from rrplan.imports import check_own, hand_on

check_own("envs")
_NAMES = {
    "Candidate": "agents.metapolicies.tuning",
    "Learned": "agents.declarations",
    "Player": "agents.declarations",
    "Request": "agents.declarations",
    "Rule": "agents.declarations",
    "Trainable": "agents.declarations",
}
__all__ = tuple(_NAMES)
__getattr__ = hand_on(__name__, _NAMES)
