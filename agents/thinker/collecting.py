"""Experience of the augmented environment, as PPO learns from it: two rewards beside each other."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from agents.model_learning.playing import Step
from agents.ppo.learner import Channels
from agents.thinker.augmented import Outcome, advance
from agents.thinker.inputs import Seen, show
from agents.thinker.lanes import Lanes, Problem, decode
from agents.thinker.network import Heads, ThinkerNetwork, draw
from agents.thinker.supply import Supply
from agents.thinker.tree import ROOT
from rrplan import keys
from rrplan.engine.meta_steps import Looks, of_steps, open_row
from rrplan.models import Settings
from rrplan.types import Array


class Decision(NamedTuple):
    """What is recorded of a step; fields as :class:`agents.metapolicies.learned.Choice`."""

    inputs: Seen  # [B, ...]
    answer: Array  # [B] int32, of 3 A
    log_prob: Array  # [B] float32
    value: Array  # [B, C] float32, expected return to go of each channel


class Harvest(NamedTuple):
    """What a chunk brought: all that was done, and of each step what ended with it."""

    looks: Looks  # [T + 1, B], the last row open
    channels: Channels  # [T + 1, B, C]
    outcomes: Outcome  # [T, B]
    steps: Step | None  # [T, B], for a model to learn from; where one was imagined, of no meaning


def collect(
    problem: Problem,
    network: ThinkerNetwork,
    settings: Settings,
    supply: Supply,
    lanes: Lanes,
    steps: int,
    charged: Array | float = 1.0,
    *,
    telling: bool = False,
) -> tuple[Lanes, Harvest]:
    """Answer ``steps`` times in every lane; where an episode ends, the next one begins.

    A time limit ends an episode as anything else does: nothing is expected of what follows. The
    open row at the end tells what is expected of where a lane came to. It is asked about again in
    the next chunk, and then acted on.

    Args:
        problem: static.
        network: static; its parameters are the settings' ``meta_params``.
        settings: traced; the key is that of all episodes, the same in every chunk.
        supply: episodes to come.
        lanes: of :func:`agents.thinker.lanes.start`, or as the chunk before left them.
        steps: ``T``.
        charged: share of its cost that is taken from what a step earns.
        telling: static; whether a model learns from the steps.
    """

    def body(before: Lanes, _):
        seen, heads = _look(problem, network, settings, before)
        decision = _answer(settings, before, seen, heads)
        lanes, outcome = advance(problem, settings, supply, before, decision.answer)
        told = _tell(problem, before, heads, decision, outcome) if telling else None
        return lanes, (decision, outcome, told)

    lanes, (decisions, outcomes, told) = jax.lax.scan(body, lanes, None, length=steps)
    last = decide(problem, network, settings, lanes)
    earned = outcomes.reward - charged * outcomes.cost
    looks = of_steps(decisions, last, earned, outcomes.real.astype(jnp.int32), outcomes.ended)
    channels = Channels(
        reward=open_row(jnp.stack([earned, outcomes.planning], axis=-1)),
        discount=open_row(jnp.stack([outcomes.discount, outcomes.planning_discount], axis=-1)),
        learned=open_row(jnp.stack([jnp.ones_like(outcomes.real), ~outcomes.real], axis=-1)),
    )
    return lanes, Harvest(looks, channels, outcomes, told)


def decide(
    problem: Problem,
    network: ThinkerNetwork,
    settings: Settings,
    lanes: Lanes,
    *,
    likeliest: bool = False,
) -> Decision:
    """Draw an answer in every lane; ``likeliest`` real actions, where that is asked for."""
    return _answer(settings, lanes, *_look(problem, network, settings, lanes), likeliest=likeliest)


def _look(
    problem: Problem, network: ThinkerNetwork, settings: Settings, lanes: Lanes
) -> tuple[Seen, Heads]:
    seen = show(problem, settings, lanes, network.kind == "items")
    return seen, network.heads(settings.meta_params, seen)


def _answer(
    settings: Settings, lanes: Lanes, seen: Seen, heads: Heads, *, likeliest: bool = False
) -> Decision:
    draws = keys.draw(settings.key, lanes.ids, keys.Domain.META, lanes.steps)
    answer = draw(draws, heads, likeliest=likeliest)
    log_prob = jnp.take_along_axis(heads.joint, answer[:, None], axis=-1)[:, 0]
    return Decision(seen, answer, log_prob, heads.value)


def _tell(
    problem: Problem, before: Lanes, heads: Heads, decision: Decision, outcome: Outcome
) -> Step:
    """Return what a model learns of real steps ``[B]``: what was decided on, and what came of it.

    The policy is the agent's own, and the value is the mean return of what it had imagined.
    """
    root = jax.tree.map(lambda leaf: leaf[:, ROOT], before.tree)
    return Step(
        observation=before.observation,
        invalid_actions=root.invalid_actions,
        action=decode(decision.answer, problem.num_actions)[0],
        drawn=jnp.zeros_like(outcome.real),
        policy_target=jnp.exp(heads.real),
        search_value=root.returns.mean,
        reward=outcome.reward,
        ended=outcome.ended,
    )
