"""The self-aware planner as an agent of the roster: what trains it, and how it then acts."""

import functools

import jax

from agents.declarations import Request, Trainable
from agents.metapolicies.selfaware import train
from agents.metapolicies.selfaware.policy import self_aware
from rrplan.costs import Costs
from rrplan.planner import Planner

PROBED = 8192
"""Decisions on which its predictions are held against what is found."""


def make(planner: Planner, request: Request) -> Trainable:
    """Return the training of a planner's third head.

    Args:
        planner: whose features the head reads.
        request: its menu, its training, and what is charged.
    """
    head = train.build(planner, request.meta.menu, request.gains)
    meta_policy = self_aware(head)
    rates = request.rates(meta_policy, jax.eval_shape(head.init, jax.random.key(0)))
    prices = (request.ppo.lowest_price, request.ppo.highest_price)
    costs = Costs(rates=rates)
    training = train.make_gains_train(planner, head, request.gains, costs, prices)
    probe = functools.partial(train.probe, planner, head, request.gains, prices, decisions=PROBED)
    return Trainable(training, meta_policy, probe)
