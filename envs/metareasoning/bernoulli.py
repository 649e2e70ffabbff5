"""Bernoulli selection: how often to try each arm before choosing one."""

import dataclasses
import functools
import math
from types import ModuleType

import jax.numpy as jnp
import numpy as np
from flax import struct

from envs.metareasoning.mdp import AnyArray, MetalevelEnv, MetalevelState, check_cost, check_count
from rrplan.errors import InputError


@struct.dataclass
class BernoulliState(MetalevelState):
    """Samples seen of ``n`` arms.

    Attributes:
        counts: of each arm, ones and zeros.
    """

    counts: AnyArray  # [n, 2] int32


@dataclasses.dataclass(frozen=True)
class BernoulliSelection(MetalevelEnv[BernoulliState]):
    """Samples of arms before one is chosen (Hay et al. 2012, arXiv 1207.5879).

    Each of ``n`` arms pays 1 with a probability of its own, uniform on [0, 1] beforehand. A
    computation samples one arm: with h ones and t zeros seen, it gives another one with
    probability (1 + h) / (2 + h + t). Stopping pays the largest such probability, or that of an
    alternative that is known, if it is larger. There are at most ``horizon`` samples in all.

    The observation ``[n, 6]`` float32 has a row per arm: ones and zeros, each as a share of the
    horizon, the posterior mean and standard deviation, by how much that mean is below what
    stopping pays, and the share of the horizon that is left.

    Two objects that differ in ``cost`` alone are equal, so they share compiled programs.

    Attributes:
        arms: ``n``, at least 1.
        horizon: samples in all, at least 1.
        alternative: what can be had without any arm, if anything.
        cost: default of the parameter of that name, of one sample.

    Raises:
        InputError: for an argument out of range.
    """

    arms: int = 2
    horizon: int = 30
    alternative: float | None = None
    cost: float = dataclasses.field(default=0.01, compare=False)

    def __post_init__(self):
        check_count("arms", self.arms, 1)
        check_count("horizon", self.horizon, 1)
        check_cost("cost", self.cost)
        known = self.alternative
        number = isinstance(known, int | float) and not isinstance(known, bool)
        if known is not None and not (number and math.isfinite(known)):
            raise InputError(f"alternative is {known!r}: expected a number, or none")

    @property
    def name(self) -> str:
        """Environment name."""
        return "bernoulli"

    @property
    def num_computations(self) -> int:
        """Number of arms."""
        return self.arms

    @property
    def most_computations(self) -> int:
        """The horizon."""
        return self.horizon

    @property
    def num_beliefs(self) -> int:
        """Ways to see at most ``horizon`` samples."""
        return math.comb(self.horizon + 2 * self.arms, 2 * self.arms)

    @property
    def related(self) -> np.ndarray:
        """A sample tells of its own arm only."""
        return np.eye(self.arms, dtype=bool)

    def first_belief(self) -> BernoulliState:
        """Nothing sampled."""
        counts = np.zeros((self.arms, 2), np.int32)
        return BernoulliState(time=np.int32(0), stopped=np.bool_(False), counts=counts)

    def beliefs(self) -> BernoulliState:
        """All counts whose sum is at most the horizon, those of a smaller sum first."""
        binomials, rest = self._binomials, np.arange(self.num_beliefs)
        sums = np.zeros((self.num_beliefs, 2 * self.arms + 1), np.int32)
        for size in range(2 * self.arms, 0, -1):
            column = binomials[:, size]
            sums[:, size] = np.searchsorted(column, rest, side="right") - 1
            rest -= column[sums[:, size]]
        # Differences of the sums of the first 1, 2, ... counts are the counts.
        counts = np.diff(sums, axis=1).reshape(-1, self.arms, 2)
        time = sums[:, -1].copy()
        return BernoulliState(time=time, stopped=np.zeros(time.shape, bool), counts=counts)

    def index(self, state: BernoulliState, xp: ModuleType = jnp) -> AnyArray:
        """Place in :meth:`beliefs`, by the combinatorial number system."""
        size = 2 * self.arms
        parts = state.counts.reshape(*state.counts.shape[:-2], size)
        binomials = xp.asarray(self._binomials, dtype=xp.int32)
        total, place = 0, 0
        for number in range(size):
            total = total + parts[..., number]
            place = place + binomials[total, number + 1]
        return place

    def payoff(self, state: BernoulliState, xp: ModuleType = jnp) -> AnyArray:
        """Largest posterior mean, or the alternative."""
        best = _means(state.counts).max(-1)
        return best if self.alternative is None else xp.maximum(best, self.alternative)

    def possible(self, state: BernoulliState, xp: ModuleType = jnp) -> AnyArray:
        """Every arm, until the horizon is used up."""
        left = state.counts.sum((-2, -1)) < self.horizon
        return xp.broadcast_to(left[..., None], (*left.shape, self.arms))

    def news(self, state: BernoulliState, computation: AnyArray, xp: ModuleType = jnp) -> AnyArray:
        """Probabilities ``[..., 2]`` of a one and of a zero."""
        one = _means(state.counts)[..., computation]
        return xp.stack([one, 1.0 - one], axis=-1)

    def learn(
        self, state: BernoulliState, computation: AnyArray, outcome: AnyArray, xp: ModuleType = jnp
    ) -> BernoulliState:
        """Count the sample: outcome 0 is a one, 1 a zero."""
        arm = xp.arange(self.arms)[:, None] == computation
        new = arm & (xp.arange(2) == outcome)
        return dataclasses.replace(
            state, time=state.time + 1, counts=state.counts + new.astype(np.int32)
        )

    def show(self, state: BernoulliState, xp: ModuleType = jnp) -> AnyArray:
        """Return a row for each arm."""
        shares, means = state.counts / self.horizon, _means(state.counts)
        deviations = xp.sqrt(means * (1 - means) / (3 + state.counts.sum(-1)))
        below = self.payoff(state, xp)[..., None] - means
        left = xp.broadcast_to(1.0 - shares.sum((-2, -1))[..., None], means.shape)
        columns = (shares[..., 0], shares[..., 1], means, deviations, below, left)
        return xp.stack(columns, axis=-1)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Shares and probabilities, and what an alternative may be above them."""
        # The share that is left is a rounded difference.
        low = np.broadcast_to([0.0, 0.0, 0.0, 0.0, 0.0, -1e-6], (self.arms, 6))
        above = 1.0 if self.alternative is None else max(1.0, self.alternative)
        return low, np.broadcast_to([1.0, 1.0, 1.0, 1.0, above, 1.0], (self.arms, 6))

    @functools.cached_property
    def _binomials(self) -> np.ndarray:
        """``[horizon + 2, 2n + 1]``: in row s, column j, ways to write less than s in j parts."""
        rows = [
            [math.comb(total + size - 1, size) if size else 0 for size in range(2 * self.arms + 1)]
            for total in range(self.horizon + 2)
        ]
        return np.array(rows, np.int64)


def _means(counts: AnyArray) -> AnyArray:
    """Return the posterior mean ``[..., n]`` of each arm."""
    return (1 + counts[..., 0]) / (2 + counts.sum(-1))
