"""What functions of mctx's kind return, checked before anything runs."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import jax
import mctx
import numpy as np

from rrplan.errors import InputError
from rrplan.tracing import is_kind, shapes_of, told
from rrplan.types import Array, PyTree

_REAL = ("reward", "discount")  # stored as floating-point numbers, whatever real ones they are


def check_fields(
    function: str, output: PyTree, names: Iterable[str], num_lanes: int, num_actions: int
) -> None:
    """Refuse an output for a batch of ``num_lanes`` in which a field is no array as expected.

    Args:
        function: what messages call what returned it.
        output: traced shapes; it has these fields.
        names: of the fields: ``prior_logits [B, A]``; ``value``, ``reward``, ``discount [B]``.
        num_lanes: ``B``.
        num_actions: ``A``.

    Raises:
        InputError: one has another shape, or is not of floating-point numbers.
    """
    for name in names:
        field = getattr(output, name)
        shape = (num_lanes, num_actions) if name == "prior_logits" else (num_lanes,)
        if not is_kind(field, "fiub" if name in _REAL else "f"):
            raise InputError(
                f"{function} returned {name} of {told(field)} for a batch of {num_lanes}:"
                f" expected float32[{','.join(map(str, shape))}]"
            )
        if field.shape != shape:
            raise InputError(
                f"{function} returned {name} of shape {field.shape} for a batch of {num_lanes}:"
                f" expected {shape}"
            )


def check_root_fn(root: PyTree, num_lanes: int, num_actions: int) -> None:
    """Refuse what a ``root_fn`` returns, as traced, where it is no output for ``num_lanes``."""
    _check_kind("root_fn", root, mctx.RootFnOutput)
    check_fields("root_fn", root, ("prior_logits", "value"), num_lanes, num_actions)


def check_recurrent_fn(
    function: mctx.RecurrentFn,
    params: PyTree,
    key: Array,
    embedding: PyTree,
    num_lanes: int,
    num_actions: int,
) -> PyTree:
    """Return the shapes of the embedding that a ``recurrent_fn`` returns, by tracing it.

    Args:
        function: ``(params, key, action [B], embedding) -> (mctx.RecurrentFnOutput, embedding)``.
        params: passed on to it.
        key: passed on to it.
        embedding: arrays or shapes ``[B, ...]``.
        num_lanes: ``B``.
        num_actions: ``A``.

    Raises:
        InputError: it raises something, or returns anything else.
    """
    action = jax.ShapeDtypeStruct((num_lanes,), np.int32)
    answer = shapes_of("recurrent_fn", function, params, key, action, embedding)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise InputError(
            f"recurrent_fn returns {told(answer)}: expected a pair, output and embedding"
        )
    output, following = answer
    _check_kind("recurrent_fn", output, mctx.RecurrentFnOutput)
    names = ("reward", "discount", "prior_logits", "value")
    check_fields("recurrent_fn", output, names, num_lanes, num_actions)
    _check_embedding(following, embedding, num_lanes)
    return following


def _check_kind(function: str, output: Any, kind: type) -> None:
    """Refuse an output that lacks one of the fields of a type of mctx's."""
    for name in (field.name for field in dataclasses.fields(kind)):
        if not hasattr(output, name):
            raise InputError(
                f"{function} returns {told(output)} without {name}: expected mctx.{kind.__name__}"
            )


def _check_embedding(embedding: PyTree, given: PyTree, num_lanes: int) -> None:
    """Refuse an embedding that a ``recurrent_fn`` returns otherwise than it was given one."""
    found, expected = (
        str(jax.tree.map(lambda leaf: f"{leaf.dtype}{list(leaf.shape)}", tree))
        for tree in (embedding, given)
    )
    if found != expected:
        raise InputError(
            f"recurrent_fn returned an embedding {found} for a batch of {num_lanes}:"
            f" expected {expected}, as it was given"
        )
