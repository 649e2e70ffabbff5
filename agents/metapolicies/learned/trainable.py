"""The learned agents of the suite: what trains a gate or a stopper, and how it then acts."""

import jax

from agents.declarations import Request, Trainable
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned import policy
from agents.metapolicies.learned.network import MetaNetwork
from agents.metapolicies.learners.config import LearnerConfig
from agents.metapolicies.learners.making import Task, make_training
from rrplan.costs import Costs
from rrplan.planner import Planner


def make(planner: Planner, request: Request) -> Trainable:
    """Return the training of a gate or a stopper for a planner.

    Args:
        planner: what it is to control.
        request: its menu and inputs, its training, the fixed k that it starts from, and what is
            charged.
    """
    return train(planner, request, meta_networks.build(request.meta, planner), request.start)


def train(planner: Planner, request: Request, network: MetaNetwork, start: int) -> Trainable:
    """Return the training of a network for a planner.

    Args:
        planner: what it is to control.
        request: its training, and what is charged.
        network: what answers.
        start: the fixed k that it starts from.

    Raises:
        InputError: the learner that is asked for cannot train it.
    """
    meta_policy = policy.greedy(network)
    rates = request.rates(meta_policy, jax.eval_shape(network.init, jax.random.key(0)))
    settings = request.learner or LearnerConfig()
    task = Task(planner, network, request.ppo, start, Costs(rates=rates), settings)
    return Trainable(make_training(task), meta_policy)
