"""The actions of a jumanji environment as one discrete choice, with its mask."""

import math
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np

from rrplan.errors import InputError
from rrplan.types import Array

MOST_ACTIONS = 1024
"""Joint actions of several parts that are taken for one choice, at most."""


class Choice(NamedTuple):
    """How action ``i`` of ``A`` is told to the environment, and what its mask means. Static."""

    num_actions: int  # A
    sizes: tuple[int, ...]  # values of each part of an action; () where an action is a number
    dtype: Any  # that the environment takes
    mask: Literal["none", "whole", "parts"]  # one for each action, or one for each part's values

    def action(self, index: Array) -> Array:
        """Return what the environment takes for action ``index []``: a number, or its parts."""
        if not self.sizes:
            return jnp.asarray(index, self.dtype)
        return jnp.stack(jnp.unravel_index(index, self.sizes)).astype(self.dtype)

    def legal(self, mask: Array) -> Array:
        """Return what the environment's mask says of each action, ``[A]`` bool, true where legal.

        A joint action is legal where each of its parts is.
        """
        if self.mask == "whole":
            return mask.astype(bool).reshape(-1)
        joint = jnp.ones(1, bool)
        for part in mask.astype(bool):
            joint = (joint[:, None] & part).reshape(-1)
        return joint


def read_choice(spec: Any, mask_shape: tuple[int, ...] | None) -> Choice:
    """Return the one choice that actions are.

    Args:
        spec: the environment's ``action_spec``.
        mask_shape: of its ``action_mask``; None where it has none.

    Raises:
        InputError: they are no finite choice, or too large a one, or the mask has no value for
            each; one line says which.
    """
    values = np.asarray(getattr(spec, "num_values", ()))
    if values.size == 0 or values.ndim > 1:
        raise InputError(
            f"its actions are a {type(spec).__name__} of shape {tuple(spec.shape)}: expected a "
            "DiscreteArray, or a MultiDiscreteArray with one dimension"
        )
    sizes = tuple(int(count) for count in values) if values.ndim else ()
    num_actions = math.prod(sizes) if sizes else int(values)
    if num_actions > MOST_ACTIONS:
        parts = f", {' x '.join(map(str, sizes))}" if 1 < len(sizes) < 8 else ""
        raise InputError(
            f"it has {num_actions:,} actions{parts}: expected at most {MOST_ACTIONS:,}, "
            "because a search gives each its place"
        )
    return Choice(num_actions, sizes, spec.dtype, _kind_of_mask(mask_shape, num_actions, sizes))


def _kind_of_mask(
    shape: tuple[int, ...] | None, num_actions: int, sizes: tuple[int, ...]
) -> Literal["none", "whole", "parts"]:
    if shape is None:
        return "none"
    if shape == (sizes or (num_actions,)):
        return "whole"
    if len(shape) == 2 and len(sizes) == shape[0] and set(sizes) == {shape[1]}:
        return "parts"
    raise InputError(
        f"its action_mask has shape {shape}: expected {sizes or (num_actions,)}, a value for each "
        "action"
    )
