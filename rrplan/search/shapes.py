"""What functions of mctx's kind return, checked before anything runs."""

import jax

from rrplan.errors import InputError
from rrplan.types import PyTree


def check_fields(function: str, output: PyTree, num_lanes: int, num_actions: int) -> None:
    """Refuse an output for a batch of ``num_lanes`` whose known fields have wrong shapes."""
    expected = {"prior_logits": (num_lanes, num_actions)}
    expected |= dict.fromkeys(("value", "reward", "discount"), (num_lanes,))
    for name, shape in expected.items():
        field = getattr(output, name, None)
        if field is not None and field.shape != shape:
            raise InputError(
                f"{function} returned {name} of shape {field.shape} for a batch of {num_lanes}:"
                f" expected {shape}"
            )


def check_embedding(embedding: PyTree, given: PyTree, num_lanes: int) -> None:
    """Refuse an embedding that a ``recurrent_fn`` returns otherwise than it was given one."""
    told, expected = (
        str(jax.tree.map(lambda leaf: f"{leaf.dtype}{list(leaf.shape)}", tree))
        for tree in (embedding, given)
    )
    if told != expected:
        raise InputError(
            f"recurrent_fn returned an embedding {told} for a batch of {num_lanes}:"
            f" expected {expected}, as it was given"
        )
