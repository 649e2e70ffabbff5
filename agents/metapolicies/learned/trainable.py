"""The learned agents of the suite: what trains a gate or a stopper, and how it then acts."""

from agents.declarations import Request, Trainable
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned import policy
from agents.metapolicies.learned.train import make_meta_train
from rrplan.planner import Planner


def make(planner: Planner, request: Request) -> Trainable:
    """Return the training of a gate or a stopper for a planner.

    Args:
        planner: what it is to control.
        request: its menu and inputs, its training, and the fixed k that it starts from.
    """
    network = meta_networks.build(request.meta, planner)
    training = make_meta_train(planner, network, request.ppo, request.start)
    return Trainable(training, policy.greedy(network))
