"""What environments and networks may offer beyond what the engine asks of every one.

Each optional capability is a Protocol with one member. :func:`offers` is the one way to ask for it;
:func:`require` asks, and refuses in one line. ``docs/environments.md`` lists who uses which.
"""

from collections.abc import Mapping
from typing import Any, Protocol, TypeGuard, TypeVar, runtime_checkable

from rrplan.errors import InputError
from rrplan.types import Array, PyTree

C = TypeVar("C")


@runtime_checkable
class Named(Protocol):
    """An environment with a name of its own."""

    @property
    def name(self) -> str:
        """What messages and tables call it."""
        ...


@runtime_checkable
class Masked(Protocol):
    """An environment in which some actions are illegal in some states."""

    def invalid_actions(self, state: PyTree, params: PyTree) -> Array:
        """Return a mask ``[A]``, true where an action is illegal."""
        ...


@runtime_checkable
class Greedy(Protocol):
    """An environment with a simple rule, which studies show as a baseline."""

    def greedy_action(self, state: PyTree, params: PyTree) -> Array:
        """Return the rule's action, ``[]`` int32."""
        ...


@runtime_checkable
class Enumerable(Protocol):
    """An environment that lists its states, which the oracle needs."""

    def enumerate_states(self, first_state: PyTree, params: PyTree) -> PyTree:
        """Return all states ``[S, ...]`` that can be reached from a first state.

        The first and those that end an episode are among them; there may be others.
        """
        ...


@runtime_checkable
class Priced(Protocol):
    """An environment in which thinking is dearer in some situations than in others."""

    def price_factor(self, state: PyTree, params: PyTree) -> Array:
        """Return what multiplies the price in a state, ``[]`` float32, at least 0."""
        ...


@runtime_checkable
class CurrentPlayer(Protocol):
    """A game of several players, who move in turns: for one of them, others' gains are losses.

    Nothing here plays such a game yet. The engine refuses it, rather than to add up the rewards of
    all players. :func:`rrplan.muzero_policy` searches one with a discount of -1.
    """

    def current_player(self, state: PyTree, params: PyTree) -> Array:
        """Return whose move it is in a state, ``[]`` int32."""
        ...


@runtime_checkable
class Observable(Protocol):
    """An environment that tells what is seen of any state, however it was reached."""

    def observe_state(self, key: Array, state: PyTree, params: PyTree) -> PyTree:
        """Return the observation ``[...]`` of a state; ``key`` is for those that are drawn."""
        ...


@runtime_checkable
class Rendered(Protocol):
    """An environment that shows a state as text, which a report tells episodes with."""

    def render_text(self, state: PyTree) -> str:
        """Return a state as text, in lines of at most about 60 characters."""
        ...


@runtime_checkable
class ObservationKind(Protocol):
    """An environment that says what the rows of its observations are."""

    @property
    def observation_kind(self) -> str | None:
        """``"items"``: one row per item, and action i is item i. None says nothing."""
        ...


@runtime_checkable
class FromFiles(Protocol):
    """An environment that is made of files, which may change under the same names."""

    @property
    def files_digest(self) -> str:
        """A hash of what was read; empty where nothing was."""
        ...


@runtime_checkable
class Described(Protocol):
    """An environment or a network that tells itself from others of its type."""

    def describe(self) -> Mapping[str, Any]:
        """Return what tells it from others, as plain values."""
        ...


@runtime_checkable
class Initializable(Protocol):
    """A network that makes its own first parameters."""

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters."""
        ...


@runtime_checkable
class NetworkKind(Protocol):
    """A network that says how it is built."""

    @property
    def kind(self) -> str:
        """Its architecture; ``"items"``: rows of the observation are actions."""
        ...


@runtime_checkable
class ReturnScale(Protocol):
    """A network that says how large returns are."""

    @property
    def return_scale(self) -> float:
        """Typical size of an episode's return."""
        ...


@runtime_checkable
class Wrapping(Protocol):
    """Has methods for more than it offers: what it can do depends on what it wraps."""

    def offers(self, capability: type) -> bool:
        """Return whether it offers a capability."""
        ...


CAPABILITIES: Mapping[type, tuple[str, str]] = {
    Named: ("name", "what messages call it"),
    Masked: ("invalid_actions", "which actions are illegal"),
    Greedy: ("greedy_action", "a simple rule as a baseline"),
    Enumerable: ("enumerate_states", "which lists its states"),
    Priced: ("price_factor", "what multiplies the price of thinking"),
    CurrentPlayer: ("current_player", "whose move it is"),
    Observable: ("observe_state", "what is seen of any state"),
    Rendered: ("render_text", "which shows a state as text"),
    ObservationKind: ("observation_kind", "what the rows of an observation are"),
    FromFiles: ("files_digest", "a hash of the files it is made of"),
    Described: ("describe", "what tells it from others"),
    Initializable: ("init", "which returns fresh parameters"),
    NetworkKind: ("kind", "its architecture"),
    ReturnScale: ("return_scale", "the typical size of a return"),
}
"""Of each capability its member, and what that is."""

SEVERAL_PLAYERS = (
    "it has a current_player: expected a game of one player, those of several are not played yet"
)
"""Why a game that offers :class:`CurrentPlayer` is refused."""


def offers(thing: object, capability: type[C]) -> TypeGuard[C]:
    """Return whether an environment or a network offers a capability.

    Args:
        thing: the environment (the engine's, or a gymnax one) or the network.
        capability: one of :data:`CAPABILITIES`.
    """
    if isinstance(thing, Wrapping) and not thing.offers(capability):
        return False
    return isinstance(thing, capability)


def require(thing: object, capability: type[C]) -> C:
    """Return an environment or a network, which must offer a capability.

    Raises:
        InputError: it does not; the line names it, what it lacks and what that would be.
    """
    if offers(thing, capability):
        return thing
    member, meaning = CAPABILITIES[capability]
    raise InputError(f"{name_of(thing)} has no {member}: expected one, {meaning}")


def name_of(thing: object) -> str:
    """Return what messages call an environment or a network: its name, or that of its type."""
    return thing.name if offers(thing, Named) else type(thing).__name__


def return_scale_of(network: object) -> float:
    """Return the typical size of a return: 1 where a network does not say it."""
    return float(network.return_scale) if offers(network, ReturnScale) else 1.0
