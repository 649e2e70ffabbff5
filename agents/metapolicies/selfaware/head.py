"""The third head: from the planner's last hidden layer to what each number of simulations gains."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx

from agents.networks import functional
from rrplan.types import Array, PyTree

_UNIT = 0.1  # of the head's output, in typical returns: gains are small beside them


@dataclass(frozen=True)
class GainHead:
    """A head without its parameters: static, hashable, equal to any other of its shape.

    Attributes:
        menu: numbers of simulations whose gain it predicts, above 0.
        features: ``F``, units of the planner's last hidden layer.
        width: units of the head's own hidden layer.
        return_scale: typical size of a return.
    """

    menu: tuple[int, ...]
    features: int
    width: int
    return_scale: float = 1.0

    @property
    def unit(self) -> float:
        """What the head's output is multiplied by, in units of return."""
        return _UNIT * self.return_scale

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters: all predicted gains are 0."""
        return functional.init(_Module, self, key)

    def __call__(self, params: PyTree, features: Array) -> Array:
        """Return predicted gains ``[B, K]`` of features ``[B, F]``, in units of return."""
        return self.unit * functional.apply(_Module, self, params, features)

    def net(self, params: PyTree, features: Array, price: Array) -> Array:
        """Return predicted gains ``[B, K]`` less what each k costs.

        Args:
            params: of the head.
            features: ``[B, F]``.
            price: ``[B]``, of one simulation.
        """
        return self(params, features) - price[:, None] * jnp.asarray(self.menu, jnp.float32)


class _Module(nnx.Module):
    def __init__(self, head: GainHead, rngs: nnx.Rngs):
        self.hidden = nnx.Linear(head.features, head.width, rngs=rngs)
        zero = nnx.initializers.zeros
        self.gains = nnx.Linear(head.width, len(head.menu), kernel_init=zero, rngs=rngs)

    def __call__(self, features: Array) -> Array:
        return self.gains(jax.nn.relu(self.hidden(features)))
