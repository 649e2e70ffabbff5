"""Metareasoning problems as choices whose outcomes were drawn beforehand, to fit a fair rule to.

An instance draws, for every belief and computation, what news that would bring. Under any policy
the news of an instance has the law of the problem, as no belief is come to twice.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from agents.metapolicies.fair.choices import ENDED, Choices
from agents.metapolicies.fair.regressing import Shown
from agents.networks import functional
from envs.metareasoning.exact import BeliefTable
from envs.metareasoning.mdp import MetalevelEnv
from rrplan.types import Array, PyTree


def sample(table: BeliefTable, cost: float, instances: int, seed: int) -> Choices:
    """Return ``I`` instances of a problem. Row ``i S + b`` is belief ``b`` of instance ``i``.

    Choice 0 stops, and is paid what that pays in expectation; choice ``j`` of 1..N does computation
    ``j - 1``.

    Args:
        table: of :func:`envs.metareasoning.exact.tabulate`, of ``S`` beliefs.
        cost: of a computation, in multiples of its own.
        instances: ``I``.
        seed: of what is drawn.
    """
    beliefs, count, _ = table.successors.shape
    rng = np.random.default_rng(seed)
    edges = np.cumsum(table.probabilities, axis=2)
    # Stratified: over the instances, each belief's news comes as often as it should. The news of
    # one instance is as likely as before, and independent from belief to belief.
    strata = np.broadcast_to(np.arange(instances)[:, None, None], (instances, beliefs, count))
    uniform = (rng.permuted(strata, axis=0) + rng.random(strata.shape)) / instances
    drawn = uniform[..., None] * edges[..., -1:]
    outcome = np.minimum((edges <= drawn).sum(axis=3), edges.shape[2] - 1)
    each = np.arange(beliefs)[:, None], np.arange(count)[None]
    possible = np.broadcast_to(edges[..., -1] > 0, outcome.shape)
    start = np.arange(instances)[:, None, None] * beliefs
    onward = np.where(possible, start + table.successors[*each, outcome], ENDED)
    rows = instances * beliefs
    gain = np.empty((instances, beliefs, count + 1))
    gain[..., 0], gain[..., 1:] = table.payoffs, -cost * table.unit_costs
    allowed = np.concatenate([np.ones((instances, beliefs, 1), bool), possible], axis=2)
    following = np.concatenate([np.full((instances, beliefs, 1), ENDED), onward], axis=2)
    return Choices(
        first=np.arange(instances) * beliefs + table.first,
        following=following.reshape(rows, -1).astype(np.int32),
        gain=gain.reshape(rows, -1),
        allowed=allowed.reshape(rows, -1),
        stage=np.tile(table.beliefs.time, instances),
    )


def observe(env: MetalevelEnv, table: BeliefTable) -> Shown:
    """Return what is shown at the rows of :func:`sample`: the observation of the belief, flat."""
    seen = np.asarray(env.show(table.beliefs, np), np.float32)
    return Shown(_show, jnp.asarray(seen.reshape(len(seen), -1)))


def rule_of(regressor: "FlatRegressor", params: PyTree, shown: Shown, table: BeliefTable):
    """Return a fitted rule as a policy ``[S]``, see :mod:`envs.metareasoning.exact`.

    Args:
        regressor: of the rule.
        params: of the rule.
        shown: of :func:`observe`.
        table: of the problem.
    """
    gains = np.asarray(regressor(params, shown.data))
    gains = np.where(table.probabilities.sum(axis=2) > 0, gains, -np.inf)
    count = table.num_computations
    return np.where(gains.max(axis=1) > 0.0, gains.argmax(axis=1), count)


def _show(data: Array, rows: Array) -> Array:
    return data[rows % data.shape[0]]


@dataclass(frozen=True)
class FlatRegressor:
    """Tells gains from numbers ``[B, F]``; an :mod:`agents.metapolicies.fair.regressing.Regressor`.

    Attributes:
        inputs: ``F``.
        ways: to go on, ``M - 1``.
        width: of its two hidden layers.
    """

    inputs: int
    ways: int
    width: int = 32

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters."""
        return {"weights": functional.init(_Layers, self, key), "unit": jnp.float32(1.0)}

    def prepare(self, params: PyTree, inputs: Array, deviation: Array) -> PyTree:
        """Return parameters that tell gains of this size; the inputs are taken as they are."""
        del inputs
        return {**params, "unit": deviation}

    def __call__(self, params: PyTree, inputs: Array) -> Array:
        """Return gains ``[B, M - 1]``."""
        return params["unit"] * functional.apply(_Layers, self, params["weights"], inputs)


class _Layers(nnx.Module):
    def __init__(self, spec: FlatRegressor, rngs: nnx.Rngs):
        self.first = nnx.Linear(spec.inputs, spec.width, rngs=rngs)
        self.second = nnx.Linear(spec.width, spec.width, rngs=rngs)
        self.last = nnx.Linear(spec.width, spec.ways, kernel_init=nnx.initializers.zeros, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.last(jax.nn.relu(self.second(jax.nn.relu(self.first(x)))))
