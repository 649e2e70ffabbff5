"""Controls that are trained as a meta-policy is, as agents of the roster."""

import dataclasses

from agents.declarations import Request, Trainable
from agents.metapolicies.controls.acting import DirectNetwork, RanksNetwork
from agents.metapolicies.learned import trainable
from rrplan.planner import Planner


def ranks(planner: Planner, request: Request) -> Trainable:
    """Return the training of a gate that takes the prior's action of the rank that it answers.

    It starts from the prior's best action, k = 0.

    Args:
        planner: whose prior it chooses from.
        request: as for a gate.
    """
    network = trainable.build(planner, request, RanksNetwork)
    return trainable.train(planner, request, network, start=0)


def direct(planner: Planner, request: Request) -> Trainable:
    """Return the training of a network that adds to the prior's logits, and never searches.

    Args:
        planner: whose prior it adds to.
        request: as for a gate; its menu is not used.
    """
    network = trainable.build(planner, request, DirectNetwork)
    network = dataclasses.replace(network, num_actions=planner.environment.num_actions)
    return trainable.train(planner, request, network, start=0)
