"""The clairvoyant oracle: what choosing k with hindsight would earn, an upper bound, exactly.

PUCT is anytime and, in an environment without chance, a function of the state it starts from. So
one search of K simulations from every state that can be reached tells which action the planner
takes there after each k = 0..K, and backward induction over the graph of states finds the best
stopping rule for this very planner:

    V(s) = max over k of  r(s, a_k) - cost of k + V(s'),    a_k: the action after k simulations.

Where agents may limit the depth of their searches, the maximum is over pairs of depth and k.

It knows where each choice would lead, which no agent can know beforehand: a bound, not a target. It
pays for simulations, levels and decisions, and never for a look. No meta-policy earns more in any
episode, to rounding, with the same planner, rule of acting, cap and prices, where it chooses among
the same depths and holds one through a decision, there is no budget, and no tree is used again.
Agents that take other actions than this planner's search are not bounded by it.

Source: this project's own, in the frame of resource-rational analysis (Lieder and Griffiths
2020): of all that this planner can do, the best for its price.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from rrplan.costs import Costs, Counts, timed_return, weigh
from rrplan.engine import validation
from rrplan.engine.consult import NO_DEPTH_LIMIT
from rrplan.errors import InputError
from rrplan.models import Learned
from rrplan.oracle import exploring, imagined_search, node_search
from rrplan.oracle.noting import Progress
from rrplan.oracle.state_graph import ENDED, Graph
from rrplan.planner import Planner
from rrplan.types import Array, PyTree

_ROUNDING = 1e-12  # relative: sums of float64 that differ by less are equal


class DecisionTable(NamedTuple):
    """What the planner does in every state of ``I`` instances, after every k = 0..K.

    ``N`` counts the nodes of all instances; see :class:`rrplan.oracle.state_graph.Graph`.
    """

    graph: Graph
    depths: tuple[int, ...]  # limits of depth, ``D`` of them
    action: np.ndarray  # [N, D, K + 1] int16, taken after k simulations
    levels: np.ndarray  # [N, D, K + 1] int32, that these simulations went down in all

    @property
    def max_simulations(self) -> int:
        """The largest k, ``K``."""
        return self.action.shape[2] - 1


class Decisions(NamedTuple):
    """The decisions of each episode; ``T`` is the length of the longest. 0 where not valid."""

    valid: np.ndarray  # [I, T] bool, the episode has this decision
    node: np.ndarray  # [I, T] int32
    simulations: np.ndarray  # [I, T] int32
    levels: np.ndarray  # [I, T] int32
    legal_actions: np.ndarray  # [I, T] int32, how many there are


class Played(NamedTuple):
    """Every instance played once, as :func:`rrplan.evaluate` would have played it."""

    untimed_return: np.ndarray  # [I] float32
    simulations: np.ndarray  # [I] int32
    length: np.ndarray  # [I] int32, decisions
    levels: np.ndarray  # [I] int32
    weighted: Counts  # [I] float64 each: the counts times the factor of the price
    decisions: Decisions


class Solution(NamedTuple):
    """The best stopping rule at one price, and what it does."""

    costs: Costs
    timed_return: np.ndarray  # [I] float32
    untimed_return: np.ndarray  # [I] float32
    simulations: np.ndarray  # [I] int32
    length: np.ndarray  # [I] int32, decisions
    levels: np.ndarray  # [I] int32
    weighted: Counts  # [I] float64 each: the counts times the factor of the price
    value: np.ndarray  # [N] float64, timed return from each node on
    k: np.ndarray  # [N] int32, its choice; of equally good ones the cheapest, then the least
    depth: np.ndarray  # [N] int32, which of the table's depths it chooses; of equals the first
    decisions: Decisions  # on its way


def tabulate(
    planner: Planner,
    *,
    key: Array,
    episodes: int | Array,
    num_lanes: int = 256,
    depths: Sequence[int] = (NO_DEPTH_LIMIT,),
    progress: Progress | None = None,
) -> DecisionTable:
    """Search every state that can be reached in these episodes, and note the action after each k.

    The episodes are those of :func:`rrplan.evaluate` with the same ``key``; what the table says
    is what would happen there, bit for bit where the network's evaluation is exact. A network
    may evaluate the same state differently in the last digits in another program or batch, so
    that a near-tie falls the other way: in few states, and the table is then that of a planner
    equal to these digits.

    Args:
        planner: with an environment without chance that has ``enumerate_states``, see
            :func:`rrplan.oracle.state_graph.explore`. ``K`` is its ``max_simulations``. Where it
            has a learned model, each state is searched in that model, and actions lead where the
            environment says.
        key: scalar key.
        episodes: a number ``I``, or int ids ``[I]``.
        num_lanes: states that the network evaluates at a time: the lanes of a device in the
            evaluation to compare with, which :func:`rrplan.evaluate` cuts to its episodes.
        depths: limits of depth that may be chosen at a decision, each at least 1; no limit if not
            given.
        progress: called from time to time.

    Raises:
        InputError: for bad depths, counts or ids; for a network or a learned model whose output
            has wrong shapes or is not finite; for a learned model that draws; for an environment
            that lists no states, lists too few, steps by chance or can return to a state; where
            the rule of acting is not chosen yet; where trees do not fit.
    """
    validation.check_kind("planner", planner, Planner, "rrplan.Planner")
    most = planner.max_simulations
    if not isinstance(depths, Sequence) or not depths:
        raise InputError(f"depths is {depths!r}: expected one limit or more, each at least 1")
    for depth in depths:
        validation.check_whole("depths", depth, 1, NO_DEPTH_LIMIT)
    ids, _ = validation.check_request(key, episodes, Costs(), num_lanes, most, 0)
    listed = exploring.list_nodes(planner, key, ids)
    if isinstance(listed.model, Learned):
        found = imagined_search.search_imagined(
            listed.model,
            listed.settings,
            listed.graph,
            listed.states,
            listed.observations,
            listed.embedding,
            most,
            depths,
            num_lanes,
            progress,
        )
    else:
        explored = exploring.evaluate(listed, num_lanes)
        word = explored.prior_logits, explored.value
        found = node_search.search_nodes(
            explored.settings, explored.graph, *word, most, depths, progress
        )
    return DecisionTable(listed.graph, tuple(depths), *found)


def solve(table: DecisionTable, costs: Costs | float) -> Solution:
    """Return the best stopping rule under a bill, or where a simulation costs ``costs``.

    Args:
        table: of :func:`tabulate`.
        costs: price, rates and fees of simulations, levels and decisions; those of looks are not
            charged. A number is the price of a simulation.

    Raises:
        InputError: for a price that is no number, or a cost that is negative or not finite.
    """
    costs = costs if isinstance(costs, Costs) else Costs(costs)
    if np.ndim(costs.price):
        raise InputError(f"price is {costs.price}: expected a finite number >= 0")
    validation.check_costs(costs)
    graph, most = table.graph, table.max_simulations
    # Two more at the end, where ENDED and UNKNOWN point to: nothing follows.
    value = np.zeros(len(graph.height) + 2)
    k, depth = (np.zeros(len(graph.height), np.int32) for _ in range(2))
    simulations = np.arange(most + 1)
    for nodes in _by_height(graph.height):
        counts = Counts(simulations, decisions=1, levels=table.levels[nodes])
        action = table.action[nodes]
        rows = nodes[:, None, None]
        earned = graph.reward[rows, action] + value[graph.following[rows, action]]
        weighted = weigh(counts, graph.factor[rows].astype(float))
        worth = timed_return(earned, costs, counts, weighted).reshape(len(nodes), -1)
        # Of equals the first, by k and then by depth: sums that differ in rounding are equal.
        best = worth.max(axis=1, keepdims=True)
        by_k = worth.reshape(action.shape).swapaxes(1, 2).reshape(len(nodes), -1)
        choice = np.argmax(by_k >= best - _ROUNDING * (1 + np.abs(best)), axis=1)
        value[nodes] = best[:, 0]
        k[nodes], depth[nodes] = choice // len(table.depths), choice % len(table.depths)
    played = replay(table, k, depth)
    counts = Counts(played.simulations, decisions=played.length, levels=played.levels)
    timed = timed_return(
        played.untimed_return, _rounded(costs), _rounded(counts), _rounded(played.weighted)
    )
    return Solution(costs, timed, *played[:-1], value[:-2], k, depth, played.decisions)


def replay(table: DecisionTable, k: int | np.ndarray, depth: int | np.ndarray = 0) -> Played:
    """Play every instance with ``k`` simulations a decision, one number or one a node ``[N]``.

    Where one action is legal there are none, as in the engine.

    Args:
        table: of :func:`tabulate`.
        k: simulations, 0..K.
        depth: which of the table's depths, an index or one a node ``[N]``.

    Raises:
        InputError: for a ``k`` or ``depth`` of another shape, no integer or out of range.
    """
    graph = table.graph
    nodes = np.arange(len(graph.height))
    k = _check_choice("k", k, nodes, table.max_simulations)
    k = np.where(graph.legal_actions > 1, k, 0)
    depth = _check_choice("depth", depth, nodes, len(table.depths) - 1)
    action, levels = table.action[nodes, depth, k], table.levels[nodes, depth, k]
    reward, following = graph.reward[nodes, action], graph.following[nodes, action]
    total = np.zeros(len(graph.ids), np.float32)
    way, node = [], graph.first
    while (node != ENDED).any():
        way.append(node)
        total = total + np.where(node != ENDED, reward[node], np.float32(0.0))
        node = np.where(node != ENDED, following[node], ENDED)
    nodes = np.stack(way, axis=1)
    valid = nodes != ENDED
    told = (nodes, k[nodes], levels[nodes], graph.legal_actions[nodes])
    decisions = Decisions(valid, *(np.where(valid, part, 0).astype(np.int32) for part in told))
    simulations, levels = (
        count.sum(axis=1, dtype=np.int32) for count in (decisions.simulations, decisions.levels)
    )
    thought = Counts(decisions.simulations, decisions=valid, levels=decisions.levels)
    factor = np.where(valid, graph.factor[nodes], 0.0)
    weighted = Counts(*((factor * count).sum(axis=1) for count in thought))
    length = valid.sum(axis=1, dtype=np.int32)
    return Played(total, simulations, length, levels, weighted, decisions)


def _check_choice(name: str, choice: int | np.ndarray, nodes: np.ndarray, most: int) -> np.ndarray:
    choice = np.asarray(choice)
    if choice.dtype.kind not in "iu" or choice.shape not in ((), nodes.shape):
        raise InputError(
            f"{name} is {choice.dtype}{[*choice.shape]}: expected an int or int{[len(nodes)]}"
        )
    if choice.min() < 0 or choice.max() > most:
        raise InputError(f"{name} is {choice.min()} to {choice.max()}: expected 0 to {most}")
    return np.broadcast_to(choice, nodes.shape)


def _rounded(numbers: PyTree) -> PyTree:
    """Return costs or counts in the precision that the engine charges them in."""
    return jax.tree.map(np.float32, numbers)


def _by_height(height: np.ndarray) -> list[np.ndarray]:
    """Return the nodes of each height, the lowest first."""
    order = np.argsort(height, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(height[order])) + 1)
