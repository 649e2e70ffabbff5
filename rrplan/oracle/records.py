"""What a planner's searches find in every state that choices of k can lead to.

The clairvoyant oracle needs the action after each k alone. Rules that see the search need its
statistics too: visits, Q-values and value after each k. Only states that some choices of k lead to
are searched, decision by decision: no rule that chooses k comes to another one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from rrplan.costs import Costs
from rrplan.engine import validation
from rrplan.errors import InputError
from rrplan.oracle import exploring, node_search
from rrplan.oracle.exploring import Explored
from rrplan.oracle.node_search import Found
from rrplan.oracle.noting import Progress
from rrplan.oracle.state_graph import ENDED
from rrplan.planner import Planner
from rrplan.types import Array, LearnedModel, PyTree

_INSTANCES = 256  # explored at a time: a graph has all of their states


class Records(NamedTuple):
    """The searches from ``P`` places of ``I`` instances, after each of ``G`` simulation counts.

    A place is a state in which the episode goes on, and to which some choices of k lead. Those of
    an instance are its own.
    """

    ks: tuple[int, ...]  # G numbers of simulations, rising
    first: np.ndarray  # [I] int32, place of each instance's first state
    following: np.ndarray  # [P, G] int32, the place that acting then leads to, or ENDED
    reward: np.ndarray  # [P, G] float32, that acting then earns
    decision: np.ndarray  # [P] int32, decisions before it, on the shortest way that leads there
    height: np.ndarray  # [P] int32, the most decisions that can come after this one
    factor: np.ndarray  # [P] float32, what multiplies the price of thinking there
    invalid_actions: np.ndarray  # [P, A] bool
    observation: PyTree  # [P, ...]
    prior_logits: np.ndarray  # [P, A] float32, masked
    value: np.ndarray  # [P] float32, the network's
    features: np.ndarray  # [P, F] float32
    found: Found  # [P, G, ...]

    @property
    def legal_actions(self) -> np.ndarray:
        """How many actions are legal, ``[P]`` int32."""
        return (~self.invalid_actions).sum(axis=1, dtype=np.int32)


def record(
    planner: Planner,
    *,
    key: Array,
    episodes: int | Array,
    ks: Sequence[int],
    num_lanes: int = 256,
    progress: Progress | None = None,
) -> Records:
    """Search every state that choices among ``ks`` lead to, and note what is found after each.

    The episodes are those of :func:`rrplan.evaluate` with the same ``key``, and so are the
    searches, as far as :func:`rrplan.oracle.tabulate` says.

    Args:
        planner: as for :func:`rrplan.oracle.tabulate`; its ``max_simulations`` is not looked at.
        key: scalar key.
        episodes: a number ``I``, or int ids ``[I]``.
        ks: numbers of simulations, rising, the first 0.
        num_lanes: states that the network evaluates at a time.
        progress: called with the instances that are done, and with all.

    Raises:
        InputError: for bad ``ks``; for a :class:`rrplan.LearnedModel`; else as
            :func:`rrplan.oracle.tabulate`.
    """
    validation.check_kind("planner", planner, Planner, "rrplan.Planner")
    if isinstance(planner.network, LearnedModel):
        raise InputError("record got a LearnedModel: expected a network, to search the states")
    if not isinstance(ks, Sequence | np.ndarray) or isinstance(ks, str):
        raise InputError(f"ks is {ks!r}: expected 0 and then larger numbers, rising")
    for k in ks:
        validation.check_whole("ks", k, 0)
    ks = tuple(int(k) for k in ks)
    if len(ks) < 2 or ks[0] != 0 or list(ks) != sorted(set(ks)):
        raise InputError(f"ks is {ks}: expected 0 and then larger numbers, rising")
    ids, _ = validation.check_request(key, episodes, Costs(), num_lanes, ks[-1], 0)
    parts, places = [], 0
    for start in range(0, len(ids), _INSTANCES):
        some = ids[start : start + _INSTANCES]
        own = _follow(exploring.evaluate(exploring.list_nodes(planner, key, some), num_lanes), ks)
        following = np.where(own.following >= 0, own.following + np.int32(places), ENDED)
        parts.append(own._replace(first=own.first + np.int32(places), following=following))
        places += len(own.height)
        if progress is not None:
            progress(start + len(some), len(ids))
    joined = jax.tree.map(
        lambda *leaves: np.concatenate(leaves), *[p._replace(ks=()) for p in parts]
    )
    return joined._replace(ks=ks)


def _follow(explored: Explored, ks: tuple[int, ...]) -> Records:
    """Search from the first states, from where that leads to, and so on."""
    graph = explored.graph
    known = node_search.make_known(graph, explored.prior_logits, explored.value)
    place = np.full(len(graph.height) + 1, -1, np.int32)  # one more for ENDED
    layers, number, frontier = [], 0, np.unique(graph.first)
    while frontier.size:
        place[frontier] = number + np.arange(len(frontier), dtype=np.int32)
        number += len(frontier)
        found = node_search.search_from(explored.settings, graph, known, frontier, ks)
        after = graph.following[frontier[:, None], found.action]
        layers.append((frontier, np.full(len(frontier), len(layers), np.int32), found, after))
        onward = np.unique(after[after != ENDED])
        frontier = onward[place[onward] < 0]
    nodes, decision, found, after = jax.tree.map(lambda *leaves: np.concatenate(leaves), *layers)
    return Records(
        ks=ks,
        first=place[graph.first],
        following=place[after],  # the last entry stands for ENDED, and is ENDED
        reward=graph.reward[nodes[:, None], found.action],
        decision=decision,
        height=graph.height[nodes],
        factor=graph.factor[nodes],
        invalid_actions=graph.invalid_actions[nodes],
        observation=jax.tree.map(lambda leaf: leaf[nodes], explored.observation),
        prior_logits=explored.prior_logits[nodes],
        value=explored.value[nodes],
        features=explored.features[nodes],
        found=found,
    )
