"""The words of the suite as types: environments, evaluations, meta-policies, costs.

Axis letters used in every shape comment of the project:

====== =====================================================
letter meaning
====== =====================================================
``A``  actions
``B``  lanes: environments that run side by side
``E``  episodes
``F``  features of a network's last hidden layer
``L``  episodes in the queue of one device
``M``  slots of a lane's search tree
``N``  decisions of an episode that a trace records
``D``  edges on the path of one simulation (its depth)
====== =====================================================

A trailing ``...`` stands for the shape of one observation, state or carry.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import jax
import mctx

from rrplan.costs import Costs as Costs  # one of the words, though its bill stands elsewhere
from rrplan.costs import Counts

PyTree = Any
Array = jax.Array
# Where jaxlib ships no types, pyright takes these two for variables.
Device: TypeAlias = jax.Device  # pyright: ignore[reportInvalidTypeForm]
PyTreeDef: TypeAlias = jax.tree_util.PyTreeDef  # pyright: ignore[reportInvalidTypeForm]


class Transition(NamedTuple):
    """What one environment step returns. Unbatched: callers ``vmap``."""

    state: PyTree  # [...]
    observation: PyTree  # [...] what the network sees
    reward: Array  # [] float32
    terminated: Array  # [] bool, the task is over
    truncated: Array  # [] bool, a time limit cut it


class Environment(Protocol):
    """What the engine asks of an environment. ``envs.adapt`` makes it from a gymnax one.

    Objects are static (hashable, closed over by compiled programs); ``params`` is traced.
    All methods are unbatched and pure. What an environment may offer beyond this, such as a
    greedy rule, is in :mod:`rrplan.capabilities`.
    """

    @property
    def num_actions(self) -> int:
        """Number of discrete actions, ``A``."""
        ...

    def reset(self, key: Array, params: PyTree) -> tuple[PyTree, PyTree]:
        """Return the first ``(state, observation)`` of an episode."""
        ...

    def step(self, key: Array, state: PyTree, action: Array, params: PyTree) -> Transition:
        """Step once, without automatic reset."""
        ...

    def invalid_actions(self, state: PyTree, params: PyTree) -> Array:
        """Return a boolean mask ``[A]``, true where an action is illegal."""
        ...


class Evaluation(NamedTuple):
    """A network's answer for a batch of observations."""

    prior_logits: Array  # [B, A] float32, not yet masked by legality
    value: Array  # [B] float32, expected undiscounted return to go
    features: Array  # [B, F] float32, last hidden layer


class Network(Protocol):
    """What evaluates positions: any function of this form. Static and hashable.

    Like an environment it may offer more: see :mod:`rrplan.capabilities`.
    """

    def __call__(self, params: PyTree, observation: PyTree, /) -> Evaluation:
        """Evaluate a batch of observations ``[B, ...]``."""
        ...


class LearnedModel(NamedTuple):
    """A learned model in mctx's terms, to plan with in place of the environment. Static.

    ``root_fn(params, key, observation [B, ...]) -> mctx.RootFnOutput`` embeds and evaluates real
    observations; ``recurrent_fn(params, key, action [B], embedding [B, ...]) ->
    (mctx.RecurrentFnOutput, embedding)`` is one imagined step. Discounts lie in [-1, 1]; what
    has discount 0 is an end. The engine calls both under ``vmap`` with a batch of one, so that
    each lane has a key of its own. An imagined action whose prior logit is the lowest float is one
    that the model takes for illegal.

    The rest is what a network may offer as well (:mod:`rrplan.capabilities`): meta-policies then
    see of a learned model what they see of a network.
    """

    root_fn: Callable[[PyTree, Array, PyTree], mctx.RootFnOutput]
    recurrent_fn: mctx.RecurrentFn
    features_fn: Callable[[PyTree], Array] | None = None
    """``embedding [B, ...] -> [B, F]``; the embedding's floating-point numbers if None."""
    kind: str = "learned"
    """Its architecture; ``"items"``: rows of the observation are actions."""
    return_scale: float = 1.0
    """Typical size of an episode's return."""


class MetaObservation(NamedTuple):
    """What a meta-policy sees when it is asked: the root and its search so far."""

    observation: PyTree  # [B, ...] of the root
    features: Array  # [B, F] the planner network's last hidden layer at the root
    prior_logits: Array  # [B, A] masked: the lowest float where illegal
    invalid_actions: Array  # [B, A] bool, true where illegal
    visit_counts: Array  # [B, A] int32
    qvalues: Array  # [B, A] float32, 0 where unvisited
    qvalue_variances: Array  # [B, A] float32 of the returns backed up; 0 unless it is kept
    raw_value: Array  # [B] float32, the network's value of the root
    search_value: Array  # [B] float32, mean over the network's value and the simulations
    simulations: Array  # [B] int32, done for this decision
    simulations_left: Array  # [B] int32, until the cap
    decision: Array  # [B] int32, index of this decision in its episode
    price: Array  # [B] float32, cost of one simulation in this situation
    budget_left: Array  # [B] int32, simulations left to the episode
    max_depth: Array  # [B] int32, depth limit in force; none yet at the first look of a decision


class Control(NamedTuple):
    """A meta-policy's answer."""

    extra_simulations: Array  # [B] int32, 0 = act now
    max_depth: Array  # [B] int32, depth limit from now on
    carry: PyTree  # [B, ...], lives as long as the episode
    aux: PyTree = ()  # [B, ...], recorded with the look


class MetaPolicy(NamedTuple):
    """Decides how many more simulations to run before acting.

    ``init(batch_size)`` returns a fresh carry ``[B, ...]``; ``apply(params, key, carry,
    meta_observation)`` returns a :class:`Control`. ``key`` is ``[B]``, one key a lane, and
    belongs to the lane's episode and look. ``simulations == 0`` marks a new decision.
    Both callables are static; what is swept goes into ``params``.

    ``looks`` says which answers are computed from what is seen, and are counted and charged as
    looks: those to ``"every"`` question, to the first of a decision (``"once"``: what it orders
    then is run, and the lane acts), or ``"never"``. The engine asks only lanes that need an answer,
    some at a time, so ``B`` is no number of lanes; it asks all of them where ``looks`` is
    ``"never"``. Nobody is asked where one action is legal: the lane acts without a simulation.

    ``act(carry, decision [B], action [B]) -> action [B]`` is given by what chooses actions itself:
    what it returns is done in place of the planner's ``action``, and must be legal. It is asked of
    all lanes, also of those that nobody has asked in this decision.
    """

    init: Callable[[int], PyTree]
    apply: Callable[[PyTree, Array, PyTree, MetaObservation], Control]
    looks: Literal["never", "once", "every"] = "every"
    act: Callable[[PyTree, Array, Array], Array] | None = None


class Trace(NamedTuple):
    """One row per episode and decision, the first ``N`` decisions of each."""

    valid: Array  # [E, N] bool, the episode had this decision; all else is 0 where it had not
    action: Array  # [E, N] int32, taken
    prior_action: Array  # [E, N] int32, the likeliest before any search
    reward: Array  # [E, N] float32, that it earned
    simulations: Array  # [E, N] int32
    looks: Array  # [E, N] int32, answers that the meta-policy computed
    levels: Array  # [E, N] int32, edges that its simulations went down, over all of them
    raw_value: Array  # [E, N] float32, the network's value of the root
    search_value: Array  # [E, N] float32, mean over the network's value and the simulations
    legal_actions: Array  # [E, N] int32, how many there were
    prior_entropy: Array  # [E, N] float32, of the legal actions, in nats
    repeated: Array  # [E, N] bool, the same was observed at an earlier decision of the episode


class Episodes(NamedTuple):
    """One row per finished episode."""

    untimed_return: Array  # [E] float32, sum of rewards
    timed_return: Array  # [E] float32, untimed_return - cost
    cost: Array  # [E] float32, prices and fees
    simulations: Array  # [E] int32
    length: Array  # [E] int32, decisions
    looks: Array  # [E] int32, answers that the meta-policy computed
    levels: Array  # [E] int32, edges that its simulations went down, over all of them
    trace: Trace | None = None  # where one was asked for
    weighted: Counts | None = None  # [E] float32 each: the counts times the price's factor, where
    # the environment has one (rrplan.capabilities.Priced)


class Work(NamedTuple):
    """What an evaluation took: all devices of this process together."""

    ticks: int = 0  # of the device that ran most
    lane_ticks: int = 0  # network evaluations computed: lanes x ticks, over devices
    useful: int = 0  # lane-ticks that moved an episode: evaluations that somebody needed
    queued_lane_ticks: int = 0  # lane-ticks of ticks that began with episodes in the queue
    queued_useful: int = 0  # useful ones of those
    simulations: int = 0
    seconds: float = 0.0  # by the clock, from the first tick to the last

    @property
    def useful_share(self) -> float:
        """Share of lane-ticks that were useful while episodes were queued; NaN if none were."""
        if not self.queued_lane_ticks:
            return float("nan")
        return self.queued_useful / self.queued_lane_ticks
