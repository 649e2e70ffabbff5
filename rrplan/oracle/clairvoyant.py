"""The clairvoyant oracle: what choosing k with hindsight would earn, an upper bound, exactly.

PUCT is anytime and, in an environment without chance, a function of the state it starts from. So
one search of K simulations from every state that can be reached tells which action the planner
takes there after each k = 0..K, and backward induction over the graph of states finds the best
stopping rule for this very planner:

    V(s) = max over k of  r(s, a_k) - price * k + V(s'),    a_k: the action after k simulations.

It knows where each k would lead, which no agent can know beforehand: a bound, not a target. No
meta-policy earns more in any episode, to rounding, with the same planner, rule of acting and cap,
where there is no depth limit, no fee and no budget beside the price, and no tree is used again.

Source: this project's own, in the frame of resource-rational analysis (Lieder and Griffiths
2020): of all that this planner can do, the best for its price.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rrplan.costs import Costs, Counts, timed_return
from rrplan.engine import validation
from rrplan.errors import InputError
from rrplan.models import Settings, make_model
from rrplan.oracle import node_search, state_graph
from rrplan.oracle.node_search import Progress
from rrplan.oracle.state_graph import ENDED, Graph
from rrplan.planner import Planner
from rrplan.types import Array, LearnedModel


class DecisionTable(NamedTuple):
    """What the planner does in every state of ``I`` instances, after every k = 0..K.

    ``N`` counts the nodes of all instances; see :class:`rrplan.oracle.state_graph.Graph`.
    """

    graph: Graph
    action: np.ndarray  # [N, K + 1] int16, taken after k simulations
    least: np.ndarray  # [N, A] int32, the least k that takes the action; K + 1 if none does

    @property
    def max_simulations(self) -> int:
        """The largest k, ``K``."""
        return self.action.shape[1] - 1


class Decisions(NamedTuple):
    """The decisions of each episode; ``D`` is the length of the longest. 0 where not valid."""

    valid: np.ndarray  # [I, D] bool, the episode has this decision
    node: np.ndarray  # [I, D] int32
    simulations: np.ndarray  # [I, D] int32
    legal_actions: np.ndarray  # [I, D] int32, how many there are


class Played(NamedTuple):
    """Every instance played once, as :func:`rrplan.evaluate` would have played it."""

    untimed_return: np.ndarray  # [I] float32
    simulations: np.ndarray  # [I] int32
    length: np.ndarray  # [I] int32, decisions
    decisions: Decisions


class Solution(NamedTuple):
    """The best stopping rule at one price, and what it does."""

    price: float
    timed_return: np.ndarray  # [I] float32
    untimed_return: np.ndarray  # [I] float32
    simulations: np.ndarray  # [I] int32
    length: np.ndarray  # [I] int32, decisions
    value: np.ndarray  # [N] float64, timed return from each node on
    k: np.ndarray  # [N] int32, its choice; of equally good ones the least
    decisions: Decisions  # on its way


def tabulate(
    planner: Planner,
    *,
    key: Array,
    episodes: int | Array,
    num_lanes: int = 256,
    progress: Progress | None = None,
) -> DecisionTable:
    """Search every state that can be reached in these episodes, and note the action after each k.

    The episodes are those of :func:`rrplan.evaluate` with the same ``key``; what the table says
    is what would happen there, bit for bit where the network's evaluation is exact. A network
    may evaluate the same state differently in the last digits in another program or batch, so
    that a near-tie falls the other way: in few states, and the table is then that of a planner
    equal to these digits.

    Args:
        planner: with a network, no learned model, and an environment without chance that has
            ``enumerate_states``, see :func:`rrplan.oracle.state_graph.explore`. ``K`` is its
            ``max_simulations``.
        key: scalar key.
        episodes: a number ``I``, or int ids ``[I]``.
        num_lanes: states that the network evaluates at a time: the lanes of a device in the
            evaluation to compare with, which :func:`rrplan.evaluate` cuts to its episodes.
        progress: called from time to time.

    Raises:
        InputError: for a :class:`rrplan.LearnedModel`; for bad counts or ids; for a network whose
            output has wrong shapes or is not finite; for an environment that lists no states,
            lists too few, steps by chance or can return to a state; where the rule of acting is
            not chosen yet; where trees do not fit.
    """
    environment, most = planner.environment, planner.max_simulations
    if isinstance(planner.network, LearnedModel):
        raise InputError("the oracle got a LearnedModel: expected a network, to search the states")
    ids, _ = validation.check_request(episodes, Costs(), num_lanes, most, 0)
    settings = _settings(planner, key)
    model = make_model(environment, settings.env_params, planner.network)
    validation.check_model(model, settings)
    graph, states, observations = state_graph.explore(environment, settings.env_params, key, ids)
    logits, value = node_search.evaluate_nodes(
        model, settings, graph, states, observations, num_lanes
    )
    action = node_search.search_nodes(settings, graph, logits, value, most, progress)
    return DecisionTable(graph, action, _find_least(action, environment.num_actions))


def solve(table: DecisionTable, price: float) -> Solution:
    """Return the best stopping rule where a simulation costs ``price``, in units of return.

    Raises:
        InputError: for a price that is not a finite number >= 0.
    """
    if np.ndim(price) or not np.isfinite(price) or price < 0:
        raise InputError(f"price is {price}: expected a finite number >= 0")
    graph, most = table.graph, table.max_simulations
    # Two more at the end, where ENDED and UNKNOWN point to: nothing follows.
    value = np.zeros(len(graph.height) + 2)
    k = np.zeros(len(graph.height), np.int32)
    for nodes in _by_height(graph.height):
        least = table.least[nodes]
        earned = timed_return(graph.reward[nodes], Costs(price), Counts(simulations=least))
        worth = earned + value[graph.following[nodes]]
        worth = np.where(least <= most, worth, -np.inf)
        best = worth.max(axis=1)
        value[nodes] = best
        k[nodes] = np.where(worth == best[:, None], least, most).min(axis=1)
    played = replay(table, k)
    counts = Counts(simulations=played.simulations.astype(np.float32))
    timed = timed_return(played.untimed_return, Costs(np.float32(price)), counts)
    return Solution(float(price), timed, *played[:-1], value[:-2], k, played.decisions)


def replay(table: DecisionTable, k: int | np.ndarray) -> Played:
    """Play every instance with ``k`` simulations a decision, one number or one a node ``[N]``.

    Raises:
        InputError: for a ``k`` of another shape, that is no integer or not in 0..K.
    """
    graph, most = table.graph, table.max_simulations
    nodes = np.arange(len(graph.height))
    k = np.asarray(k)
    if k.dtype.kind not in "iu" or k.shape not in ((), nodes.shape):
        raise InputError(f"k is {k.dtype}{[*k.shape]}: expected an int or int{[len(nodes)]}")
    if k.min() < 0 or k.max() > most:
        raise InputError(f"k is {k.min()} to {k.max()}: expected 0 to {most}")
    k = np.broadcast_to(k, nodes.shape)
    action = table.action[nodes, k]
    reward, following = graph.reward[nodes, action], graph.following[nodes, action]
    total = np.zeros(len(graph.ids), np.float32)
    way, node = [], graph.first
    while (node != ENDED).any():
        way.append(node)
        total = total + np.where(node != ENDED, reward[node], np.float32(0.0))
        node = np.where(node != ENDED, following[node], ENDED)
    nodes = np.stack(way, axis=1)
    valid = nodes != ENDED
    told = (nodes, k[nodes], graph.legal_actions[nodes])
    decisions = Decisions(valid, *(np.where(valid, part, 0).astype(np.int32) for part in told))
    simulations = decisions.simulations.sum(axis=1, dtype=np.int32)
    return Played(total, simulations, valid.sum(axis=1, dtype=np.int32), decisions)


def _settings(planner: Planner, key: Array) -> Settings:
    return Settings(
        env_params=jax.tree.map(jnp.asarray, planner.env_params),
        model_params=planner.params,
        meta_params=(),
        key=key,
        costs=Costs(),
        **planner.search.traced(),
    )


def _find_least(action: np.ndarray, num_actions: int) -> np.ndarray:
    """Return the least k ``[N, A]`` that takes each action; one more than K if none does."""
    total, choices = action.shape
    least = np.full((total, num_actions), choices, np.int32)
    for k in reversed(range(choices)):
        least[np.arange(total), action[:, k]] = k
    return least


def _by_height(height: np.ndarray) -> list[np.ndarray]:
    """Return the nodes of each height, the lowest first."""
    order = np.argsort(height, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(height[order])) + 1)
