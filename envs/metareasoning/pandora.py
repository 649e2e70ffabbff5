"""Pandora's boxes: which to open, each at a price, before the best is taken."""

import dataclasses
import functools
from types import ModuleType

import jax.numpy as jnp
import numpy as np
from flax import struct

from envs.metareasoning.distributions import Distributions, distributions, freeze
from envs.metareasoning.mdp import AnyArray, MetalevelEnv, MetalevelState, check_cost
from rrplan.errors import InputError


@struct.dataclass
class PandoraState(MetalevelState):
    """Which of ``n`` boxes are open, and the best that was in them.

    Attributes:
        opened: true for open boxes.
        best: number of the best value so far, among :attr:`Pandora.prizes`.
    """

    opened: AnyArray  # [n] bool
    best: AnyArray  # [] int32


@dataclasses.dataclass(frozen=True)
class Pandora(MetalevelEnv[PandoraState]):
    """Boxes with prizes of known distributions, opened one by one (Weitzman 1979).

    A computation opens a box and shows its prize. Stopping takes the best prize seen, or
    nothing, which is worth 0.

    The observation ``[n, 2]`` float32 has a row per box: open (0 or 1), and the best prize so
    far, which is the same in every row.

    Two objects that differ in ``cost`` alone are equal, so they share compiled programs.

    Attributes:
        values: prizes: numbers that all boxes share, or a row for each.
        probabilities: of the prizes; equal if None.
        costs: of opening each box.
        cost: default of the parameter of that name, by which all ``costs`` are multiplied.

    Raises:
        InputError: for what is no distribution, and negative costs.
    """

    values: tuple = tuple(tenth / 10 for tenth in range(11))
    probabilities: tuple | None = None
    costs: tuple[float, ...] = (0.02, 0.05, 0.1)
    cost: float = dataclasses.field(default=1.0, compare=False)

    def __post_init__(self):
        for name in ("values", "probabilities", "costs"):
            object.__setattr__(self, name, freeze(getattr(self, name)))
        check_cost("cost", self.cost)
        if not isinstance(self.costs, tuple) or not self.costs:
            raise InputError(f"costs is {self.costs!r}: expected a number for each box")
        for cost in self.costs:
            check_cost("a number in costs", cost)
        distributions(len(self.costs), self.values, self.probabilities)

    @property
    def name(self) -> str:
        """Environment name."""
        return "pandora"

    @property
    def num_computations(self) -> int:
        """Number of boxes."""
        return len(self.costs)

    @property
    def most_computations(self) -> int:
        """Every box can be opened once."""
        return len(self.costs)

    @property
    def num_beliefs(self) -> int:
        """Each box is open or not, with any best prize."""
        return 2 ** len(self.costs) * len(self.prizes)

    @property
    def unit_costs(self) -> tuple[float, ...]:
        """The boxes' own costs."""
        return self.costs

    @functools.cached_property
    def boxes(self) -> Distributions:
        """Distributions of the boxes' prizes."""
        return distributions(len(self.costs), self.values, self.probabilities)

    @functools.cached_property
    def prizes(self) -> np.ndarray:
        """Return all that can be the best prize, rising from 0, ``[K]``."""
        return np.unique(np.append(np.maximum(self.boxes.values, 0.0), 0.0))

    @property
    def related(self) -> np.ndarray:
        """A box tells of itself only."""
        return np.eye(len(self.costs), dtype=bool)

    def first_belief(self) -> PandoraState:
        """All boxes closed."""
        closed = np.zeros(len(self.costs), bool)
        return PandoraState(
            time=np.int32(0), stopped=np.bool_(False), opened=closed, best=np.int32(0)
        )

    def beliefs(self) -> PandoraState:
        """Every set of open boxes with every best prize; some cannot be."""
        shape = (2,) * len(self.costs) + (len(self.prizes),)
        *opened, best = np.indices(shape, np.int32).reshape(len(shape), -1)
        opened = np.stack(opened, axis=1).astype(bool)
        time = opened.sum(axis=1, dtype=np.int32)
        return PandoraState(time=time, stopped=np.zeros(time.shape, bool), opened=opened, best=best)

    def index(self, state: PandoraState, xp: ModuleType = jnp) -> AnyArray:
        """Place in :meth:`beliefs`."""
        bits = 2 ** np.arange(len(self.costs))[::-1]
        opened = (state.opened * xp.asarray(bits, dtype=xp.int32)).sum(-1)
        return opened * len(self.prizes) + state.best

    def payoff(self, state: PandoraState, xp: ModuleType = jnp) -> AnyArray:
        """The best prize so far."""
        return xp.asarray(self.prizes)[state.best]

    def possible(self, state: PandoraState, xp: ModuleType = jnp) -> AnyArray:
        """Boxes that are closed."""
        return ~state.opened

    def news(self, state: PandoraState, computation: AnyArray, xp: ModuleType = jnp) -> AnyArray:
        """Probabilities ``[..., O]`` of the box's prizes."""
        chances = xp.asarray(self.boxes.probabilities)[computation]
        return xp.broadcast_to(chances, (*state.best.shape, *chances.shape))

    def learn(
        self, state: PandoraState, computation: AnyArray, outcome: AnyArray, xp: ModuleType = jnp
    ) -> PandoraState:
        """Open the box: it holds its prize number ``outcome``."""
        found = xp.asarray(self._places)[computation, outcome]
        return dataclasses.replace(
            state,
            time=state.time + 1,
            opened=state.opened | (xp.arange(len(self.costs)) == computation),
            best=xp.maximum(state.best, found),
        )

    def show(self, state: PandoraState, xp: ModuleType = jnp) -> AnyArray:
        """Return a row for each box."""
        best = xp.broadcast_to(self.payoff(state, xp)[..., None], state.opened.shape)
        return xp.stack([state.opened.astype(best.dtype), best], axis=-1)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Open or not, and any prize."""
        high = np.stack([np.ones(len(self.costs)), np.full(len(self.costs), self.prizes[-1])], 1)
        return np.zeros_like(high), high

    @functools.cached_property
    def _places(self) -> np.ndarray:
        """Place of each box's values among the prizes, ``[n, O]`` int32; 0 for the worthless."""
        values = np.maximum(self.boxes.values, 0.0)
        return np.searchsorted(self.prizes, values).astype(np.int32)


def reservation_values(env: Pandora, cost: float | None = None) -> np.ndarray:
    """Return each box's index ``z`` ``[n]``: where E[(X - z)+] is what opening it costs.

    A prize that is known to be worth ``z`` is just as good as the closed box. Boxes are best
    opened in falling order of ``z``, until the best prize is worth at least every ``z`` left
    (Weitzman 1979).

    Args:
        env: the boxes.
        cost: the parameter of that name; the environment's default if None.
    """
    cost = env.cost if cost is None else cost
    return np.array(
        [
            _reservation_value(values, chances, cost * unit)
            for values, chances, unit in zip(
                env.boxes.values, env.boxes.probabilities, env.unit_costs, strict=True
            )
        ]
    )


def weitzman_value(env: Pandora, cost: float | None = None) -> float:
    """Return the value of Weitzman's rule, which is optimal, in closed form.

    It is E[max(0, max_i min(X_i, z_i))], with z of :func:`reservation_values`.
    """
    capped = np.minimum(env.boxes.values, reservation_values(env, cost)[:, None])
    capped = np.maximum(capped, 0.0)
    support = np.unique(np.append(capped, 0.0))
    # Of each capped prize alone, and then of the largest: the chance to be at most x.
    at_most = ((capped[:, :, None] <= support) * env.boxes.probabilities[:, :, None]).sum(axis=1)
    return float((support * np.diff(at_most.prod(axis=0), prepend=0.0)).sum())


def _reservation_value(values: np.ndarray, chances: np.ndarray, cost: float) -> float:
    """Solve a falling, piecewise linear equation: from the largest value down, a piece each."""
    order = np.argsort(-values)
    values, chances = values[order], chances[order]
    values, chances = values[chances > 0], chances[chances > 0]
    index = (np.cumsum(chances * values) - cost) / np.cumsum(chances)
    # On the right piece the index is at least the next value: those below do not count.
    holds = index >= np.append(values[1:], -np.inf)
    return float(index[np.argmax(holds)])
