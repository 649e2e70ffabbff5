"""Cheaper looks, choice of depth, length: arms of :mod:`.metapolicy`.

``docs/findings.md`` quotes the tables.
"""

from agents.metapolicies.learned.config import SEARCHED
from experiments.studies.ablations.metapolicy import Arm

_ROOT = ("prior", "progress", "features", "observation")
"""What there is to see before a search."""
_AWARE = ("prior", "progress", "features")
"""The same without what a network of its own is needed for."""


def heads() -> list[Arm]:
    """A network of its own or a head on the planner's, each without and with predicted gains."""
    networks = (
        ("gate", "gate", {"inputs": (*_ROOT, *SEARCHED)}),
        ("gate, nothing of the search", "gate", {"inputs": _ROOT}),
        ("gate, nothing of the search, width 8", "gate", {"inputs": _ROOT, "width": 8}),
        ("stopper", "stopper", {"inputs": (*_ROOT, *SEARCHED)}),
        ("gate-aware", "gate-aware", {"inputs": _AWARE}),
    )
    arms = []
    for label, agent, meta in networks:
        gains = meta | {"inputs": (*meta["inputs"], "gains")}
        arms += [Arm(label, meta, agent=agent), Arm(f"{label}, gains", gains, agent=agent)]
    return arms


def depths() -> list[Arm]:
    """Whether a depth limit is chosen as well."""
    agents = ("gate", "gate-depth", "stopper", "stopper-depth")
    longer = [Arm(f"{agent}, twice as long", agent=agent, longer=2) for agent in agents]
    return [*(Arm(agent, agent=agent) for agent in agents), *longer]


def lengths() -> list[Arm]:
    """How much is learned: rounds of a training, and gradient steps in each."""
    return [
        Arm(
            f"{agent}, {minibatches} minibatches{longer}",
            ppo={"minibatches": minibatches},
            agent=agent,
            longer=times,
        )
        for agent in ("gate", "stopper")
        for times, longer in ((1, ""), (4, ", four times as long"))
        for minibatches in (8, 16)
    ]
