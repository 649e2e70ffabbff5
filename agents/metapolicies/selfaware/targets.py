"""What thinking gains at a decision: the targets of the self-aware planner's head.

A search is run from each decision. After each k of the menu it is noted which action would be
taken. The gain of k is what that action is worth, less what the prior's action is worth. There are
two ways to find out what an action is worth:

* *rollout*: it is taken in the model, and the episode is played on by the prior alone. By the
  performance difference lemma (Kakade & Langford 2002) these gains, summed over the decisions of
  episodes played with k, are what k gains over no simulations at all. Where a rollout is cut, the
  network's value stands for the rest.
* *search*: its Q-value after a search of N simulations. Two biases are known. The Q-values come
  from the same search as the actions: an action whose value was overestimated early is chosen for
  it, and its final Q-value still holds the error. And a rarely tried action, which the prior's
  often is, has a Q-value full of exploration, and so too low. Both make gains too large.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from agents.alphazero.selfplay import SelfPlayState, step_lanes
from rrplan import search
from rrplan.models import Position
from rrplan.models.true_model import TrueModel
from rrplan.search import final_action, qtransforms
from rrplan.types import Array, PyTree


class Rules(NamedTuple):
    """How the planner searches and acts, traced."""

    acting: final_action.Acting
    c_init: Array
    c_base: Array
    discount: Array


class Effort(NamedTuple):
    """How targets are made, static."""

    menu: tuple[int, ...]  # numbers of simulations, each above 0
    kind: Literal["rollout", "search"]
    num_simulations: int  # of the search, at least the largest of the menu
    rollout_steps: int  # after the action, at most


Choose = Callable[[Array, Array], Array]
"""``(key, features [B, F]) -> [B]``: the place of a k in the menu with 0 before it."""


class Decision(NamedTuple):
    """One decision, and what thinking would have gained there; ``N`` of them."""

    features: Array  # [N, F] of the planner's network
    gains: Array  # [N, K] of each entry of the menu
    weight: Array  # [N] float32, 0 where one action is legal: nobody asks there
    finite: Array  # [N] bool, no NaN or infinity turned up


class Played(NamedTuple):
    """One step of every lane, ``[B]``."""

    decision: Decision
    episode_return: Array  # with this step's reward
    done: Array  # bool


def find_gains(
    model: TrueModel, rules: Rules, params: PyTree, key: Array, lanes: SelfPlayState, effort: Effort
) -> tuple[Decision, Array]:
    """Search in every lane, and find what each k of the menu gains.

    Args:
        model: the true model with the planner's network.
        rules: how it searches and acts.
        params: of the network.
        key: of the search and of the rollouts.
        lanes: ``[B]``, where to search from.
        effort: how targets are made.

    Returns:
        What was found, and the action after each k, ``[K + 1, B]``: the prior's comes first.
    """
    search_key, rollout_key = jax.random.split(key)
    position = Position(lanes.state, jnp.zeros(lanes.episode_length.shape, bool))
    begun = model.begin(params, position, lanes.observation)
    invalid = begun.invalid_actions
    most = effort.num_simulations
    state = search.init(begun.root, max_simulations=most, invalid_actions=invalid)

    def act(state: search.State) -> Array:
        return final_action.choose_action(rules.acting, search.roots(state), invalid)

    def act_and_simulate(state: search.State, _: None) -> tuple[search.State, Array]:
        later = search.step(
            state, begun.params, search_key, model.recurrent_fn, 1,
            pb_c_init=rules.c_init, pb_c_base=rules.c_base,
        )  # fmt: skip
        return later, act(state)

    state, actions = jax.lax.scan(act_and_simulate, state, length=most)
    actions = jnp.append(actions, act(state)[None], axis=0)
    chosen = actions[jnp.asarray((0, *effort.menu))]  # [K + 1, B]
    if effort.kind == "search":
        qvalues = qtransforms.complete(search.roots(state))
        worth = jnp.take_along_axis(qvalues, chosen.T, axis=1).T
    else:
        steps = effort.rollout_steps
        worth = play_out(model, rules.discount, params, rollout_key, position, chosen, steps)
    gains = (worth[1:] - worth[0]).T
    decision = Decision(
        features=begun.features,
        gains=gains,
        weight=((~invalid).sum(-1) > 1).astype(jnp.float32),
        finite=jnp.isfinite(gains).all(-1) & jnp.isfinite(begun.features).all(-1),
    )
    return decision, chosen


def play_out(
    model: TrueModel,
    discount: Array,
    params: PyTree,
    key: Array,
    position: Position,
    actions: Array,
    steps: int,
) -> Array:
    """Return what each action earns with the prior alone playing on, ``[K, B]``.

    All actions of a lane meet the same chance. A rollout that is not over after so many steps ends
    with the network's value.

    Args:
        model: the true model with the planner's network.
        discount: of a real step.
        params: of the network.
        key: of the steps.
        position: ``[B]``, with whole states.
        actions: ``[K, B]``.
        steps: after the action, at most.
    """
    num_actions, num_lanes = actions.shape
    lane = jnp.tile(jnp.arange(num_lanes), num_actions)

    def advance(time: Array, position: Position, action: Array) -> tuple[Position, PyTree, Array]:
        keys = jax.random.split(jax.random.fold_in(key, time), num_lanes)[lane]
        return model.step(keys, action, position)

    start = jax.tree.map(lambda leaf: leaf[lane], position)
    after, observation, earned = advance(jnp.int32(0), start, actions.ravel())

    def unfinished(carry: tuple[Array, Position, PyTree, Array]) -> Array:
        time, position, _, _ = carry
        return (time <= steps) & ~position.done.all()

    def go_on(
        carry: tuple[Array, Position, PyTree, Array],
    ) -> tuple[Array, Position, PyTree, Array]:
        time, position, observation, earned = carry
        root = model.begin(params, position, observation).root
        action = jnp.argmax(root.prior_logits, axis=-1).astype(jnp.int32)
        after, observation, reward = advance(time, position, action)
        return time + 1, after, observation, earned + discount**time * reward

    time, after, observation, earned = jax.lax.while_loop(
        unfinished, go_on, (jnp.int32(1), after, observation, earned)
    )
    rest = model.begin(params, after, observation).root.value  # 0 where the episode is over
    return (earned + discount**time * rest).reshape(num_actions, num_lanes)


def play_step(
    model: TrueModel,
    rules: Rules,
    params: PyTree,
    key: Array,
    lanes: SelfPlayState,
    effort: Effort,
    choose: Choose,
) -> tuple[SelfPlayState, Played]:
    """Find gains in every lane, act as after the k that is chosen, and step; ended lanes reset."""
    search_key, k_key, step_key, reset_key = jax.random.split(key, 4)
    decision, chosen = find_gains(model, rules, params, search_key, lanes, effort)
    action = jnp.take_along_axis(chosen, choose(k_key, decision.features)[None], axis=0)[0]
    following, stepped = step_lanes(model, step_key, reset_key, lanes, action)
    decision = decision._replace(finite=decision.finite & jnp.isfinite(stepped.reward))
    return following, Played(decision, stepped.episode_return, stepped.done)
