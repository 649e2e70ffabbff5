"""What a training is to the loop that runs it: :mod:`agents.training.fit` knows nothing else."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol

from rrplan.types import Array, Network, PyTree


class Config(Protocol):
    """How a training runs: a frozen dataclass of JSON's own types. It names the training.

    It may say in ``rows_per_chunk`` how many steps a chunk takes; they are counted then.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def num_chunks(self) -> int:
        """Rounds of the whole training."""
        ...

    @property
    def evaluate_every(self) -> int:
        """Chunks between evaluations; the last chunk is always evaluated."""
        ...

    @property
    def checkpoint_every(self) -> int:
        """Chunks between checkpoints; the last chunk is always saved."""
        ...


class TrainableNetwork(Protocol):
    """The network that is trained: a frozen dataclass of JSON's own types."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters."""
        ...


class TrainableEvaluator(Network, TrainableNetwork, Protocol):
    """A network that evaluates positions and can be trained."""


class State(Protocol):
    """Everything a training needs to go on: a pytree of arrays and typed PRNG keys."""

    @property
    def params(self) -> PyTree:
        """Parameters of the network, as they are saved for use."""
        ...

    @property
    def chunk(self) -> Array:
        """Chunks done, ``[]`` int32."""
        ...


class Metrics(Protocol):
    """What one chunk says of itself: a NamedTuple of numbers, ``[]`` each, which are logged."""

    @property
    def loss(self) -> Array:
        """What gradients were taken of. Training stops where it is NaN or infinite."""
        ...

    @property
    def finite_input(self) -> Array:
        """1 where all that came in was finite, else 0. Training stops at 0; it is not logged."""
        ...

    @property
    def mean_return(self) -> Array:
        """What progress shows between evaluations; no field. NaN where no episode ended."""
        ...

    def _asdict(self) -> dict[str, Array]: ...


class Training(NamedTuple):
    """A training as pure functions; the programs behind them are shared by equal settings.

    ``init(key, params) -> State``; ``advance(state) -> (State, Metrics)`` plays and learns one
    chunk; ``evaluate(params) -> Array`` gives the returns ``[E]`` of held-out episodes.
    """

    init: Callable[[Array, PyTree], State]
    advance: Callable[[State], tuple[State, Metrics]]
    evaluate: Callable[[PyTree], Array]
    config: Config
    network: TrainableNetwork
    identity: dict[str, Any]  # what else makes it this training, as JSON; {} if nothing does
