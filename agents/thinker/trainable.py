"""Thinker and Dynamic Thinker as agents of the roster."""

import jax

from agents.declarations import Request, Trainable
from agents.model_learning.config import ModelConfig
from agents.thinker import network as thinker_networks
from agents.thinker.config import ThinkerConfig
from agents.thinker.player import ThinkerPlayer, prepare
from agents.thinker.train import make_thinker_train
from rrplan.costs import Costs
from rrplan.planner import Planner


def thinker(planner: Planner, request: Request) -> Trainable:
    """Return the training of Thinker: a fixed number of steps before each action.

    It is charged nothing while it learns, as it cannot choose how long to think.

    Args:
        planner: what it imagines with.
        request: how it is trained.
    """
    return make(planner, request.thinker, chosen=False, learned=request.learned)


def dynamic(planner: Planner, request: Request) -> Trainable:
    """Return the training of Dynamic Thinker: it chooses when to act, and pays for its thinking.

    Args:
        planner: what it imagines with.
        request: how it is trained, and what is charged at which prices.
    """
    return make(planner, request.thinker, chosen=True, request=request, learned=request.learned)


def make(
    planner: Planner,
    config: ThinkerConfig,
    *,
    chosen: bool,
    request: Request | None = None,
    learned: ModelConfig | None = None,
) -> Trainable:
    """Return a training for a planner.

    Args:
        planner: what it imagines with.
        config: how it is built and trained.
        chosen: whether it chooses when to act.
        request: says what is charged at which prices; nothing is, if None.
        learned: how a model learns beside it, see :func:`make_thinker_train`.
    """
    stage = config.stage(chosen=chosen)
    problem, settings = prepare(planner, stage, Costs())
    network = thinker_networks.build(config, stage, problem, settings)
    player = ThinkerPlayer(network, stage)
    if request is None:
        training = make_thinker_train(planner, network, stage, config, learned=learned)
        return Trainable(training, player)
    rates = request.rates(player, jax.eval_shape(network.init, jax.random.key(0)))
    prices = request.ppo.lowest_price, request.ppo.highest_price
    costs = Costs(rates=rates)
    training = make_thinker_train(planner, network, stage, config, prices, costs, learned)
    return Trainable(training, player)
