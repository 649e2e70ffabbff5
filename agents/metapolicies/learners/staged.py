"""Imitation of the best answer in hindsight, and PPO from there on."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

from agents.metapolicies.learned.train import make_meta_train
from agents.metapolicies.learners.fitting import make_fit
from agents.metapolicies.learners.making import Task
from agents.training.protocol import Metrics, State, Training
from rrplan.errors import InputError
from rrplan.types import Array, PyTree


@struct.dataclass
class StagedState:
    """Everything a training of two stages needs to go on."""

    params: PyTree  # of the stage that is under way
    first: State  # agents.ppo.train.Learner
    second: State  # agents.metapolicies.learned.train.MetaTrainState
    chunk: Array  # [] int32, chunks done of both


def imitation(task: Task) -> Training:
    """Return the training that imitates for some chunks, and then learns by PPO.

    Its states are :class:`StagedState`; its metrics those of the stage.

    Raises:
        InputError: as :func:`agents.metapolicies.learners.fitting.regression`; the imitation leaves
            PPO no chunk in which it learns more than values.
    """
    fitted, total = task.settings.imitation_chunks, task.ppo.num_chunks
    if fitted + task.ppo.value_chunks >= total:
        raise InputError(
            f"imitation_chunks is {fitted}: expected less than {total - task.ppo.value_chunks}, as "
            f"num_chunks is {total} and PPO learns only values for {task.ppo.value_chunks} of them"
        )
    first = make_fit(task, "labels", num_chunks=fitted)
    # PPO's own first chunk only measures inputs, which the imitation has done: it is passed over.
    config = dataclasses.replace(task.ppo, num_chunks=total - fitted + 1)
    second = make_meta_train(task.planner, task.network, config, task.start, task.costs)

    def init(key: Array, params: PyTree) -> StagedState:
        begun = first.init(jax.random.fold_in(key, 0), params)
        later = second.init(jax.random.fold_in(key, 1), params)
        return StagedState(begun.params, begun, later, jnp.int32(0))

    def advance(state: Any) -> tuple[StagedState, Metrics]:
        begun, later, chunk = state.first, state.second, int(state.chunk)
        if chunk < fitted:
            begun, metrics = first.advance(begun)
            return StagedState(begun.params, begun, later, state.chunk + 1), metrics
        if chunk == fitted:
            # Copies, as PPO writes where its state is.
            learned = jax.tree.map(jnp.copy, begun.params)
            later = dataclasses.replace(later, params=learned, chunk=jnp.int32(1))
        later, metrics = second.advance(later)
        return StagedState(later.params, begun, later, state.chunk + 1), metrics

    own = {"learner": task.settings.kind, "fit": dataclasses.asdict(first.config)}
    return Training(
        init=init,
        advance=advance,
        evaluate=second.evaluate,
        config=task.ppo,
        network=task.network,
        identity={**second.identity, **own},
    )
