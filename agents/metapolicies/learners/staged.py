"""Imitation of the best answer in hindsight, and PPO from there on."""

import dataclasses

import jax.numpy as jnp

from agents.metapolicies.learned.train import make_meta_train
from agents.metapolicies.learners.fitting import make_fit
from agents.metapolicies.learners.making import Task
from agents.training.protocol import Training
from agents.training.stages import in_stages, with_params
from rrplan.errors import InputError


def imitation(task: Task) -> Training:
    """Return the training that imitates for some chunks, and then learns by PPO.

    Its states are :class:`agents.training.stages.StagedState`; its metrics those of the stage.

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
    return in_stages(
        first,
        second,
        fitted,
        task.ppo,
        begin=lambda params: params,
        shown=lambda begun, later: begun.params,
        hand_over=lambda begun, later: with_params(later, begun.params, chunk=jnp.int32(1)),
        named={"learner": task.settings.kind, "fit": dataclasses.asdict(first.config)},
    )
