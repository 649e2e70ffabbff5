"""What the agent sees: the tree at the root and at the node it has walked to, and the real state.

Returns are shown as differences to the network's value of the same node, so that they tell actions
apart whatever the instance is worth, and 0, of what is unvisited, says "as expected".
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from agents.networks import flatten
from agents.thinker import tree as trees
from agents.thinker.lanes import Lanes, Problem, allowed, legal, origin, price
from agents.thinker.tree import ROOT, Node
from rrplan.models import Settings
from rrplan.types import Array

LOWEST_LOGIT = -10.0  # what is illegal or less likely is cut here
_LEAST_PRICE = 1e-7


class Seen(NamedTuple):
    """Numbers for the network, and what it may answer."""

    actions: Array  # [B, A, f] float32, of each action
    whole: Array  # [B, g] float32, of the lane as a whole
    legal: Array  # [B, A] bool, real actions
    imaginable: Array  # [B, A] bool, imaginary actions
    acts: Array  # [B] bool, it may act
    imagines: Array  # [B] bool, it may imagine
    prior: Array  # [B, A] float32, logits at the root, cut from below
    imagined_prior: Array  # [B, A] float32, likewise where the next imaginary step starts

    @property
    def value(self) -> float:
        """What values start from."""
        return 0.0


def show(problem: Problem, settings: Settings, lanes: Lanes, rows_are_actions: bool) -> Seen:
    """Return what the agent sees of lanes.

    Args:
        problem: static.
        settings: traced.
        lanes: ``B`` of them.
        rows_are_actions: static; the observation is ``[B, A, ...]``, a row an action, and is shown
            action by action.
    """
    num_actions = problem.num_actions
    tree, stage = lanes.tree, problem.stage
    root = trees.read(tree, jnp.full_like(lanes.depth, ROOT))
    slot = jnp.take_along_axis(lanes.path, lanes.depth[:, None], axis=1)[:, 0]
    shown, start = trees.read(tree, slot), trees.read(tree, origin(lanes))
    acts, imagines = allowed(problem, lanes)
    imaginable = legal(start.invalid_actions)
    # The action that led to the node that is shown; at the root the last real one.
    before = jnp.take_along_axis(lanes.actions, jnp.maximum(lanes.depth - 1, 0)[:, None], axis=1)
    into = jnp.where(lanes.depth > 0, before[:, 0], lanes.last_action)
    actions = [
        *_of_actions(tree, root, lanes.last_action, stage.steps),
        legal(root.invalid_actions),
        *_of_actions(tree, shown, into, stage.steps),
        imaginable,
        *jnp.moveaxis(jax.nn.one_hot(lanes.actions, num_actions), 1, 0),
    ]
    rollout = lanes.gained + lanes.weight * shown.value
    whole = [
        *(root.reward, root.ended, root.value),
        *(shown.reward, shown.ended, shown.value),
        *(lanes.gained, rollout - root.value, root.returns.best - root.value),
        *(lanes.restarts, jnp.power(settings.discount, lanes.depth)),
    ]
    if stage.chosen:
        cost = price(lanes) * settings.costs.rates.simulation
        whole += [lanes.imagined / max(1, stage.most), ~imagines]
        whole += [jnp.log(jnp.maximum(cost, _LEAST_PRICE))]
    columns = [jnp.asarray(column, jnp.float32)[..., None] for column in actions]
    rest = [jnp.asarray(column, jnp.float32)[:, None] for column in whole]
    if not stage.chosen:
        rest.append(jax.nn.one_hot(lanes.imagined, stage.steps))
    rest += [root.features.astype(jnp.float32), shown.features.astype(jnp.float32)]
    if rows_are_actions:
        rows = jax.tree.leaves(lanes.observation)[0]
        columns.append(rows.reshape(*imaginable.shape, -1).astype(jnp.float32))
    else:
        rest.append(flatten(lanes.observation))
    return Seen(
        actions=jnp.concatenate(columns, axis=-1),
        whole=jnp.concatenate(rest, axis=-1),
        legal=legal(root.invalid_actions),
        imaginable=imaginable,
        acts=acts,
        imagines=imagines,
        prior=jnp.maximum(root.prior_logits, LOWEST_LOGIT),
        imagined_prior=jnp.maximum(start.prior_logits, LOWEST_LOGIT),
    )


def _of_actions(tree: Node, node: Node, into: Array, steps: int) -> list[Array]:
    """Return columns ``[B, A]`` of a node: the action that led there, and those from there on."""
    children = trees.read_children(tree, node.children)
    visited, value = children.number > 0, node.value[:, None]
    return [
        jax.nn.one_hot(into, node.children.shape[1]),
        jnp.maximum(node.prior_logits, LOWEST_LOGIT),
        jnp.where(visited, children.mean - value, 0.0),
        jnp.where(visited, children.best - value, 0.0),
        children.number / steps,
    ]
