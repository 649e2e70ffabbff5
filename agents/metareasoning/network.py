"""Networks of metareasoning policies: those of planners, with stopping as one more item."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from agents import networks
from agents.networks import NetworkConfig, PlannerNetwork
from agents.training.protocol import TrainableEvaluator
from rrplan.errors import InputError
from rrplan.types import Array, Environment, Evaluation, PyTree


@dataclass(frozen=True)
class StopRow:
    """A network of items for observations ``[N, F]`` whose rows are computations alone.

    It is shown ``[N + 1, F + 1]``: a last row that stands for stopping, and a column that says
    so. Computations are told apart by their rows only, so it suits problems in which they are
    exchangeable.

    Attributes:
        items: the network of the rows.
    """

    items: PlannerNetwork

    @property
    def return_scale(self) -> float:
        """Typical size of a return."""
        return self.items.return_scale

    def __call__(self, params: PyTree, observation: Array) -> Evaluation:
        """Evaluate a batch of observations ``[B, N, F]``."""
        rows = jnp.pad(observation, ((0, 0), (0, 1), (0, 1)))
        return self.items(params, rows.at[:, -1, -1].set(1.0))

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters: nested dicts of float32 arrays."""
        return self.items.init(key)


def build(
    config: NetworkConfig, environment: Environment, env_params: PyTree, key: Array
) -> tuple[TrainableEvaluator, PyTree]:
    """Return a metareasoning policy's network and fresh parameters.

    As :func:`agents.networks.build`, but that ``items`` stands for the rows of computations, with
    one more for stopping (:class:`StopRow`).

    Raises:
        InputError: where the network asked for cannot take the observation.
    """
    if config.kind != "items":
        return networks.build(config, environment, env_params, key)
    _, observation = jax.eval_shape(environment.reset, key, env_params)
    shapes = [leaf.shape for leaf in jax.tree.leaves(observation)]
    count = environment.num_actions - 1
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][0] != count:
        told = " and ".join(str(list(shape)) for shape in shapes)
        raise InputError(
            f"an items network needs one row per computation, [{count}, F], got {told}"
        )
    network = StopRow(
        PlannerNetwork(
            kind="items",
            width=config.units,
            depth=config.layers,
            num_actions=count + 1,
            input_shape=(count + 1, shapes[0][1] + 1),
            return_scale=float(config.return_scale),
        )
    )
    return network, network.init(key)
