"""Thinker and Dynamic Thinker as they play, on the episodes that every other agent meets.

First states and real steps are drawn as in :func:`rrplan.evaluate`. Real actions are the likeliest
ones; what is imagined, and when to act, is drawn from the policy, by the episode's own keys: the
likeliest imaginary actions would go the same way again and again.
"""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp

from agents.thinker import evaluating
from agents.thinker.collecting import decide
from agents.thinker.config import StageConfig
from agents.thinker.evaluating import Running
from agents.thinker.lanes import Lanes, Problem
from agents.thinker.network import ThinkerNetwork
from rrplan import operations
from rrplan.capabilities import name_of
from rrplan.costs import Costs, traced
from rrplan.engine import parts, validation
from rrplan.engine.evaluation import bill
from rrplan.errors import InputError
from rrplan.models import Settings, make_model
from rrplan.planner import Planner
from rrplan.types import Array, Episodes, PyTree, Work

MODEL = "model"
"""Where parameters of an agent hold those of a model that was trained beside it."""


@dataclass(frozen=True)
class ThinkerPlayer:
    """Plays episodes by itself, without the engine's search; an :class:`agents.Player`.

    Attributes:
        network: static; its parameters are handed to the methods.
        stage: how long it imagines.
    """

    network: ThinkerNetwork
    stage: StageConfig

    looks: Literal["every"] = "every"

    def evaluate(
        self,
        planner: Planner,
        params: PyTree,
        *,
        key: Array,
        episodes: int | Array,
        costs: Costs = Costs(),  # noqa: B008 - an immutable record of numbers
        num_lanes: int = 256,
        trace: int = 0,
        progress: Callable[[int, int, int], None] | None = None,
        on_work: Callable[[Work], None] | None = None,
    ) -> Episodes:
        """Run every episode to its end.

        Args:
            planner: what it imagines with.
            params: of the network.
            key: scalar key.
            episodes: a number ``E``, or int ids ``[E]``.
            costs: prices, rates and fees; cap and budget are not looked at.
            num_lanes: episodes side by side; more than there are is cut.
            trace: static; how many decisions of each episode to record, ``N``.
            progress: called from time to time with episodes done, episodes in all, simulations.
            on_work: called at the end with what the evaluation took.

        Returns:
            :class:`Episodes`, arrays ``[E]``. Simulations are model calls, looks are steps that the
            network answered, levels are imaginary steps.

        Raises:
            InputError: for bad keys, ids, costs or numbers of lanes; for an environment that is
                broken, or that has not ended an episode after many steps; for what is not finite.
        """
        ids, prices = validation.check_request(key, episodes, costs, num_lanes, 0, trace)
        validation.check_callbacks(progress=progress, on_work=on_work)
        problem, settings = prepare(equip(planner, params), self.stage, costs)
        settings = settings._replace(key=key, meta_params=jax.tree.map(jnp.asarray, params))
        running = Running(problem, self.network, min(num_lanes, len(ids)), trace)
        began = time.perf_counter()
        done = evaluating.run(running, settings, ids, prices, progress)
        if on_work is not None:
            on_work(done.work(running.num_lanes, time.perf_counter() - began))
        return bill(done.results, done.trace, costs, prices)

    def operations_of_look(self, planner: Planner, params: PyTree) -> float:
        """Return the operations of one answer: what is shown of the tree, and the network."""
        problem, settings = prepare(planner, self.stage, Costs())
        running = Running(problem, self.network, operations.ROWS, 0)
        ids = jax.ShapeDtypeStruct((operations.ROWS,), jnp.int32)
        prices = jax.ShapeDtypeStruct((operations.ROWS,), jnp.float32)
        lanes = jax.eval_shape(functools.partial(evaluating.first, running), settings, ids, prices)

        def look(params: PyTree, settings: Settings, lanes: Lanes) -> Array:
            settings = settings._replace(meta_params=params)
            return decide(problem, self.network, settings, lanes, likeliest=True).answer

        counted = operations.count(look, params, settings, lanes)
        return counted / operations.ROWS


def equip(planner: Planner, params: PyTree) -> Planner:
    """Return the planner with the model that was trained beside the agent, where one was.

    Args:
        planner: what the agent has begun to learn with.
        params: of the agent, as its training left them.

    Returns:
        What it imagines with: for :func:`rrplan.evaluate` and all else as well.
    """
    return planner._replace(params=params[MODEL]) if MODEL in params else planner


def prepare(planner: Planner, stage: StageConfig, costs: Costs) -> tuple[Problem, Settings]:
    """Return the augmented problem of a planner, and its settings without an agent's parameters.

    Raises:
        InputError: the planner is broken, its discount is 0, there is nothing to choose, or more
            is to be imagined than the planner has simulations.
    """
    env_params = parts.check_planner(planner)
    if planner.environment.num_actions < 2:
        raise InputError(
            f"{name_of(planner.environment)} has one action: expected two or more to choose from"
        )
    if not planner.search.discount > 0.0:
        raise InputError(
            f"discount is {planner.search.discount}: expected a number above 0, because nothing is"
            " imagined past an end"
        )
    if stage.most > planner.max_simulations:
        raise InputError(
            f"{stage.most} imaginary steps of a decision: expected at most"
            f" {planner.max_simulations}, the planner's max_simulations"
        )
    settings = Settings(
        env_params=env_params,
        model_params=planner.params,
        meta_params=(),
        key=jax.random.key(0),
        costs=traced(costs),
        **planner.traced_search(),
    )
    model = make_model(planner.environment, env_params, planner.network)
    parts.check_model(model, settings)
    return Problem(model, stage), settings
