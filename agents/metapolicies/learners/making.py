"""What a learner is asked for, and the training that it makes of that."""

from typing import NamedTuple

from agents.metapolicies.learned.config import PPOConfig
from agents.metapolicies.learned.network import MetaNetwork
from agents.metapolicies.learned.train import make_meta_train
from agents.metapolicies.learners import registry
from agents.metapolicies.learners.config import LearnerConfig
from agents.training.protocol import Training
from rrplan.costs import Costs
from rrplan.imports import import_name
from rrplan.planner import Planner


class Task(NamedTuple):
    """What is to be trained, and how."""

    planner: Planner
    network: MetaNetwork
    ppo: PPOConfig  # what all learners share: lanes, chunks, gradient steps, prices
    start: int  # the fixed k that the policy starts from
    costs: Costs  # rates and fees; its price is not used
    settings: LearnerConfig


def make_training(task: Task) -> Training:
    """Return the training by the learner that the settings name.

    Whoever learns, the parameters are those of the network, for
    :func:`agents.metapolicies.learned.greedy`.

    Raises:
        InputError: as :func:`agents.metapolicies.learned.train.make_meta_train`, or the learner
            cannot train this network on this planner.
    """
    return import_name(registry.find(task.settings.kind).make)(task)


def ppo(task: Task) -> Training:
    """Return the training by PPO."""
    return make_meta_train(task.planner, task.network, task.ppo, task.start, task.costs)
