"""The regressor of a fair rule: the trunk of a learned meta-policy, with a gain for each k."""

from dataclasses import dataclass

import jax.numpy as jnp
from flax import nnx

from agents.metapolicies.learned import network as learned
from agents.metapolicies.learned.config import MetaConfig
from agents.metapolicies.learned.inputs import Inputs
from agents.metapolicies.learned.modules import Columns, Trunk
from agents.metapolicies.learned.network import MetaNetwork, columns
from agents.networks import functional
from rrplan.errors import InputError
from rrplan.planner import Planner
from rrplan.types import Array, LearnedModel, MetaObservation, PyTree


@dataclass(frozen=True)
class GainNetwork:
    """Tells what to search on, until each number of simulations, gains over acting now.

    Static and hashable; a :class:`agents.metapolicies.fair.regressing.Regressor`.

    Attributes:
        seen: says what is seen and how wide the layers are. Its menu holds the numbers of
            simulations, 0 among them.
    """

    seen: MetaNetwork

    @property
    def ks(self) -> tuple[int, ...]:
        """Numbers of simulations, rising from 0; ``G`` of them."""
        return self.seen.config.menu

    def show(self, seen: MetaObservation) -> Inputs:
        """Return what it sees of a meta-observation."""
        return self.seen.show(seen)

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters: ``weights`` are learned."""
        return {
            "weights": functional.init(_Gains, self.seen, key),
            "unit": jnp.float32(1.0),
            **{name: self.seen.init(key)[name] for name in ("mean", "deviation")},
        }

    def prepare(self, params: PyTree, inputs: Inputs, deviation: Array) -> PyTree:
        """Return parameters that normalise inputs like these, and tell gains in this unit."""
        rows = jnp.ones(inputs.value.shape)
        measured = learned.measure(
            {**params, "value_deviation": deviation}, inputs, inputs.value, rows, jnp.float32(1.0)
        )
        told = {name: measured[name] for name in ("mean", "deviation")}
        return {**params, **told, "unit": deviation}

    def __call__(self, params: PyTree, inputs: Inputs) -> Array:
        """Return gains ``[B, G - 1]``, one for each number of simulations above 0."""
        shown = columns(params, inputs)
        return params["unit"] * functional.apply(_Gains, self.seen, params["weights"], *shown).T


def build(config: MetaConfig, planner: Planner) -> GainNetwork:
    """Return the regressor for a planner. Nothing is computed.

    Raises:
        InputError: the planner steps a learned model.
    """
    if isinstance(planner.network, LearnedModel):
        raise InputError("got a LearnedModel: expected a network, whose searches can be recorded")
    return GainNetwork(learned.build(config, planner))


class _Gains(Trunk):
    """A number for each k above 0, from the decision as a whole."""

    def __init__(self, spec: MetaNetwork, rngs: nnx.Rngs):
        super().__init__(spec, rngs)
        ways = len(spec.config.menu) - 1
        zero = nnx.initializers.zeros
        self.gain = Columns(spec.config.width, ways, kernel_init=zero, rngs=rngs)

    def __call__(self, actions: Array, whole: Array, legal: Array, leading: Array) -> Array:
        return self.gain(self.embed(actions, whole, legal, leading)[1])
