"""A user's own network, named ``package.module:NAME``: built, and checked where it comes in."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from rrplan.capabilities import (
    Initializable,
    NetworkKind,
    ReturnScale,
    offers,
    return_scale_of,
)
from rrplan.errors import InputError
from rrplan.imports import load_object, one_line
from rrplan.types import Array, Environment, Evaluation, Network, PyTree


@dataclasses.dataclass(frozen=True, eq=False)
class OwnNetwork:
    """A user's network under the name that it was given by; equal where the user's are equal.

    The fields say which training it is part of, so they are JSON's own types, and the network
    itself is none of them.

    Attributes:
        path: ``"package.module:NAME"``.
        return_scale: typical size of a return, in which errors of values are measured.
        parameters: of each array its place, its shape and its type.
    """

    path: str
    return_scale: float
    parameters: tuple[tuple[str, tuple[int, ...], str], ...]
    network: dataclasses.InitVar[Network]
    _network: ClassVar[Any]  # of each object, but no field

    def __post_init__(self, network: Network):
        object.__setattr__(self, "_network", network)

    def __call__(self, params: PyTree, observation: PyTree) -> Evaluation:
        """Evaluate a batch of observations ``[B, ...]``."""
        return self._network(params, observation)

    def init(self, key: Array) -> PyTree:
        """Return fresh parameters, as the user's network makes them."""
        return self._network.init(key)

    def describe(self) -> dict[str, int | str]:
        """Return one row for a table of networks: kind and number of parameters."""
        sizes = (int(np.prod(shape)) for _, shape, _ in self.parameters)
        return {"kind": self.path, "parameters": sum(sizes)}

    @property
    def kind(self) -> str:
        """What the user's network says of itself (``"items"``: rows are actions), or its name."""
        return self._network.kind if offers(self._network, NetworkKind) else self.path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnNetwork) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple:
        return self.path, self.return_scale, self.parameters, self._network


def build_own(
    path: str, config: Any, environment: Environment, env_params: PyTree, key: Array
) -> tuple[OwnNetwork, PyTree]:
    """Return the network that a user's builder makes for an environment, and fresh parameters.

    Args:
        path: ``"package.module:NAME"`` of a class or function ``(environment, env_params, config)
            -> network``. The network is hashable; ``network(params, observation [B, ...])`` is an
            :class:`rrplan.types.Evaluation`, and ``network.init(key)`` a pytree of float arrays.
        config: handed to the builder, an :class:`agents.networks.NetworkConfig`.
        environment: what it is for.
        env_params: its parameters.
        key: of the parameters.

    Raises:
        InputError: it cannot be imported or built, or what it makes is no such network.
    """
    make = load_object(path, "network")
    if not callable(make):
        raise InputError(
            f"network {path!r} is a {type(make).__name__}: expected a class or function "
            "(environment, env_params, config) -> network"
        )
    network = _attempt(path, "cannot be built", make, environment, env_params, config)
    _check_object(path, network)
    params = _attempt(path, "cannot make parameters", network.init, key)
    _check_params(path, params)
    _check_answer(path, network, params, environment, env_params, key)
    return OwnNetwork(path, _scale(network, config), _shapes(params), network), params


def _scale(network: Any, config: Any) -> float:
    """Return the size of returns that the network says, or else the settings."""
    return return_scale_of(network) if offers(network, ReturnScale) else float(config.return_scale)


def _attempt(path: str, failure: str, call: Callable[..., Any], *arguments: Any) -> Any:
    """Call a user's code; what it raises is told in one line."""
    try:
        return call(*arguments)
    except InputError as error:
        raise InputError(f"network {path!r}: {error}") from error
    except Exception as error:
        raise InputError(f"network {path!r} {failure} ({one_line(error)})") from error


def _check_object(path: str, network: Any) -> None:
    made = f"network {path!r} makes a {type(network).__name__}"
    if not callable(network):
        raise InputError(f"{made}: expected a function (params, observation) -> Evaluation")
    if not offers(network, Initializable):
        raise InputError(f"{made} without init: expected init(key) -> parameters")
    try:
        hash(network)
    except TypeError as error:
        raise InputError(
            f"{made} that cannot be hashed ({one_line(error)}): expected a frozen dataclass of "
            "hashable fields, or the like"
        ) from error


def _check_params(path: str, params: PyTree) -> None:
    for place, leaf in jax.tree_util.tree_leaves_with_path(params):
        name = f"network {path!r}: init(key){jax.tree_util.keystr(place)}"
        if not isinstance(leaf, jax.Array) or not jnp.issubdtype(leaf.dtype, jnp.floating):
            found = leaf.dtype if isinstance(leaf, jax.Array) else type(leaf).__name__
            raise InputError(f"{name} is {found}: expected a JAX array of floats")
        if not jnp.isfinite(leaf).all():
            raise InputError(f"{name} holds NaN or infinity: expected finite numbers")


def _check_answer(
    path: str,
    network: Network,
    params: PyTree,
    environment: Environment,
    env_params: PyTree,
    key: Array,
) -> None:
    """Check what a network says of a few first observations."""
    num_actions = environment.num_actions
    batch = num_actions + 1  # another number than that of the actions

    @jax.jit
    def evaluate(params, key):
        keys = jax.random.split(key, batch)
        _, observation = jax.vmap(environment.reset, (0, None))(keys, env_params)
        return network(params, observation)

    answer = _attempt(path, "cannot evaluate observations", evaluate, params, key)
    if not isinstance(answer, Evaluation):
        raise InputError(
            f"network {path!r} answers with a {type(answer).__name__}: expected "
            "rrplan.types.Evaluation(prior_logits, value, features)"
        )
    expected = {
        "prior_logits": (f"[B, {num_actions}]", (batch, num_actions)),
        "value": ("[B]", (batch,)),
        "features": ("[B, F]", (batch, None)),
    }
    for field, (told, shape) in expected.items():
        leaf = getattr(answer, field)
        if not _fits(leaf, shape):
            found = f"{leaf.dtype}{list(leaf.shape)}" if hasattr(leaf, "dtype") else repr(leaf)
            raise InputError(
                f"network {path!r}: {field} is {found} for B = {batch}: expected float32{told}"
            )
        if not jnp.isfinite(leaf).all():
            raise InputError(
                f"network {path!r}: {field} holds NaN or infinity: expected finite numbers"
            )


def _fits(leaf: Any, shape: tuple[int | None, ...]) -> bool:
    if not isinstance(leaf, jax.Array) or leaf.dtype != jnp.float32 or leaf.ndim != len(shape):
        return False
    return all(size in (None, found) for size, found in zip(shape, leaf.shape, strict=True))


def _shapes(params: PyTree) -> tuple[tuple[str, tuple[int, ...], str], ...]:
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return tuple((jax.tree_util.keystr(p), leaf.shape, str(leaf.dtype)) for p, leaf in leaves)
