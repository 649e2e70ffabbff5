"""What every use of the oracle begins with: the graph of some episodes, and the network's word."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rrplan.costs import Costs
from rrplan.engine import parts
from rrplan.errors import InputError
from rrplan.models import Settings, make_model
from rrplan.oracle import node_search, state_graph
from rrplan.oracle.state_graph import Graph
from rrplan.planner import Planner
from rrplan.types import Array, LearnedModel, PyTree


class Explored(NamedTuple):
    """All nodes of some episodes, ``N`` of them, and what the planner's network says of each."""

    settings: Settings
    graph: Graph
    observation: PyTree  # [N, ...] numpy
    prior_logits: np.ndarray  # [N, A] float32, masked
    value: np.ndarray  # [N] float32
    features: np.ndarray  # [N, F] float32


def check_network(planner: Planner) -> None:
    """Refuse a planner that does not search the real states.

    Raises:
        InputError: it has a :class:`rrplan.LearnedModel`.
    """
    if isinstance(planner.network, LearnedModel):
        raise InputError("the oracle got a LearnedModel: expected a network, to search the states")


def explore(planner: Planner, key: Array, ids: np.ndarray, num_lanes: int) -> Explored:
    """Find all nodes of the episodes that :func:`rrplan.evaluate` draws for ``key`` and ``ids``.

    Args:
        planner: with a network, see :func:`check_network`.
        key: scalar key.
        ids: ``[I]`` int32.
        num_lanes: states that the network evaluates at a time.

    Raises:
        InputError: as :func:`rrplan.oracle.state_graph.explore`; for a network whose output has
            wrong shapes or is not finite; where the rule of acting is not chosen yet.
    """
    environment = planner.environment
    settings = Settings(
        env_params=jax.tree.map(jnp.asarray, planner.env_params),
        model_params=planner.params,
        meta_params=(),
        key=key,
        costs=Costs(),
        **planner.traced_search(),
    )
    model = make_model(environment, settings.env_params, planner.network)
    parts.check_model(model, settings)
    graph, states, observations = state_graph.explore(environment, settings.env_params, key, ids)
    told = node_search.evaluate_nodes(model, settings, graph, states, observations, num_lanes)
    return Explored(settings, graph, observations, *told)
