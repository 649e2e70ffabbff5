"""What every use of the oracle begins with: the graph of some episodes, and the network's word."""

from typing import NamedTuple

import numpy as np

from rrplan.costs import Costs
from rrplan.engine import parts
from rrplan.models import Model, Settings, make_model
from rrplan.oracle import node_search, state_graph
from rrplan.oracle.state_graph import Graph
from rrplan.planner import Planner
from rrplan.types import Array, PyTree


class Listed(NamedTuple):
    """All nodes of some episodes, ``N`` of them; nothing is evaluated."""

    model: Model  # the engine's, static
    settings: Settings
    embedding: PyTree  # shapes of what the model holds of one node
    graph: Graph
    states: PyTree  # [N, ...] numpy
    observations: PyTree  # [N, ...] numpy


class Explored(NamedTuple):
    """All nodes of some episodes, ``N`` of them, and what the planner's network says of each."""

    settings: Settings
    graph: Graph
    observation: PyTree  # [N, ...] numpy
    prior_logits: np.ndarray  # [N, A] float32, masked
    value: np.ndarray  # [N] float32
    features: np.ndarray  # [N, F] float32


def list_nodes(planner: Planner, key: Array, ids: np.ndarray) -> Listed:
    """Find all nodes of the episodes that :func:`rrplan.evaluate` draws for ``key`` and ``ids``.

    Args:
        planner: whose episodes these are.
        key: scalar key.
        ids: ``[I]`` int32.

    Raises:
        InputError: as :func:`rrplan.oracle.state_graph.explore`; for a planner with a wrong
            part; for a network or a learned model whose output has wrong shapes; where the rule of
            acting is not chosen yet.
    """
    env_params = parts.check_planner(planner)
    environment = planner.environment
    settings = Settings(
        env_params=env_params,
        model_params=planner.params,
        meta_params=(),
        key=key,
        costs=Costs(),
        **planner.traced_search(),
    )
    model = make_model(environment, settings.env_params, planner.network)
    embedding = parts.check_model(model, settings)
    found = state_graph.explore(environment, settings.env_params, key, ids)
    return Listed(model, settings, embedding, *found)


def evaluate(listed: Listed, num_lanes: int) -> Explored:
    """Let the planner's network evaluate all nodes.

    Args:
        listed: of a planner with a network.
        num_lanes: states that the network evaluates at a time.

    Raises:
        InputError: its output is not finite.
    """
    model, settings, _, graph, states, observations = listed
    told = node_search.evaluate_nodes(model, settings, graph, states, observations, num_lanes)
    return Explored(settings, graph, observations, *told)
