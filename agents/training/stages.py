"""A training of two stages, one after the other, as one training."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

from agents.training.protocol import Config, Metrics, State, Training
from rrplan.types import Array, PyTree


@struct.dataclass
class StagedState:
    """Everything a training of two stages needs to go on."""

    params: PyTree  # of the network that is trained, as far as it is known
    first: State
    second: State
    chunk: Array  # [] int32, chunks done of both


def in_stages(
    first: Training,
    second: Training,
    chunks: int,
    config: Config,
    begin: Callable[[PyTree], PyTree],
    shown: Callable[[State, State], PyTree],
    hand_over: Callable[[State, State], State],
    named: dict[str, Any],
) -> Training:
    """Return the training that learns as the first for some chunks, and then as the second.

    Its states are :class:`StagedState`; its metrics are those of the stage. It is evaluated as the
    second one.

    Args:
        first: what comes first.
        second: what comes then.
        chunks: of the first.
        config: of the whole.
        begin: ``(parameters of the second) -> those of the first``.
        shown: ``(state of the first, state of the second) -> parameters``, while the first learns.
        hand_over: ``(the same) -> state of the second``, when the first is done.
        named: what makes it another training than the second alone, as JSON.
    """

    def init(key: Array, params: PyTree) -> StagedState:
        begun = first.init(jax.random.fold_in(key, 0), begin(params))
        later = second.init(jax.random.fold_in(key, 1), params)
        return StagedState(shown(begun, later), begun, later, jnp.int32(0))

    def advance(state: Any) -> tuple[StagedState, Metrics]:
        begun, later, chunk = state.first, state.second, int(state.chunk)
        if chunk < chunks:
            begun, metrics = first.advance(begun)
            return StagedState(shown(begun, later), begun, later, state.chunk + 1), metrics
        if chunk == chunks:
            later = hand_over(begun, later)
        later, metrics = second.advance(later)
        return StagedState(later.params, begun, later, state.chunk + 1), metrics

    return Training(
        init=init,
        advance=advance,
        evaluate=second.evaluate,
        config=config,
        network=second.network,
        identity={**second.identity, **named},
    )


def with_params(state: State, params: PyTree, **changes: Any) -> Any:
    """Return a state, a dataclass or a NamedTuple, with other parameters: copies of those given."""
    # Copies, as a training may write where its state is.
    changes["params"] = jax.tree.map(jnp.copy, params)
    if isinstance(state, tuple):
        return state._replace(**changes)  # pyright: ignore[reportAttributeAccessIssue]
    return dataclasses.replace(state, **changes)  # pyright: ignore[reportArgumentType]
