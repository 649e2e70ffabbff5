"""The learned agents of the suite: what trains a gate or a stopper, and how it then acts."""

import dataclasses
from typing import TypeVar

import jax

from agents.declarations import Request, Trainable
from agents.metapolicies.learned import network as meta_networks
from agents.metapolicies.learned import policy
from agents.metapolicies.learned.aware import AwareNetwork
from agents.metapolicies.learned.network import MetaNetwork
from agents.metapolicies.learners.config import LearnerConfig
from agents.metapolicies.learners.making import Task, make_training
from agents.metapolicies.selfaware import train as gains_train
from agents.metapolicies.selfaware.config import GainsConfig
from agents.training.protocol import Training
from agents.training.stages import in_stages, with_params
from rrplan.costs import Costs
from rrplan.planner import Planner

Kind = TypeVar("Kind", bound=MetaNetwork)


def make(planner: Planner, request: Request) -> Trainable:
    """Return the training of a gate or a stopper for a planner.

    Args:
        planner: what it is to control.
        request: its menu and inputs, its training, the fixed k that it starts from, and what is
            charged.
    """
    return train(planner, request, build(planner, request), request.start)


def aware(planner: Planner, request: Request) -> Trainable:
    """Return the training of a gate that is a head on the planner's network.

    Args:
        planner: what it is to control.
        request: as for a gate.
    """
    return train(planner, request, build(planner, request, AwareNetwork), request.start)


def build(planner: Planner, request: Request, kind: type[Kind] = MetaNetwork) -> Kind:
    """Return the network that a request asks for, with a head if it is to see predicted gains.

    Args:
        planner: what it is to control.
        request: its menu and inputs, and how gains are learned.
        kind: class of the network.

    Raises:
        InputError: gains cannot be predicted for this planner.
    """
    meta, head = request.meta, None
    if "gains" in meta.inputs:
        head = gains_train.build(planner, meta.menu, request.gains)
    return meta_networks.build(meta, planner, kind, head)


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
    return Trainable(make_whole(task, request.gains), meta_policy)


def make_whole(task: Task, gains: GainsConfig) -> Training:
    """Return a training by the learner that a task names, and before it that of predicted gains.

    There is none before it where the network sees no gains. Else the head is trained first, as that
    of the self-aware planner, and stays as it then is. Chunks are those of both.

    Args:
        task: what is to be trained.
        gains: how gains are learned.

    Raises:
        InputError: the learner cannot train the network.
    """
    second, head = make_training(task), task.network.head
    if head is None:
        return second
    prices = task.ppo.lowest_price, task.ppo.highest_price
    first = gains_train.make_gains_train(task.planner, head, gains, task.costs, prices)
    return in_stages(
        first,
        second,
        gains.num_chunks,
        dataclasses.replace(task.ppo, num_chunks=gains.num_chunks + task.ppo.num_chunks),
        begin=lambda params: params["head"],
        shown=lambda begun, later: {**later.params, "head": begun.params},
        hand_over=lambda begun, later: with_params(later, {**later.params, "head": begun.params}),
        named={"gains": dataclasses.asdict(gains)},
    )
