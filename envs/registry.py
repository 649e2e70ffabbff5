"""Environments by name: the suite's own, gymnax's, other libraries', anybody's by import path."""

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import gymnax
from gymnax.environments import spaces

from envs.adapters import libraries
from envs.adapters.gymnax_adapter import require_gymnax
from envs.checker.quick import check_quickly
from envs.metareasoning.bernoulli import BernoulliSelection
from envs.metareasoning.mdp import MetalevelEnv
from envs.metareasoning.mouselab import Mouselab
from envs.metareasoning.pandora import Pandora
from envs.options import check_switches, replace_fields, signature_defaults
from envs.puzzles.imagine import Imagine
from envs.puzzles.knapsack import Knapsack
from envs.puzzles.sliding_tiles import SlidingTiles
from envs.puzzles.sokoban import Sokoban
from envs.puzzles.tardiness import Tardiness
from envs.puzzles.traps import Traps
from rrplan.capabilities import Greedy, Masked, offers
from rrplan.errors import InputError, unknown
from rrplan.imports import load_object, one_line
from rrplan.tracing import explain
from rrplan.types import PyTree

Factory = Callable[..., Any]

# Building these fetches data; listing environments must not.
_DOWNLOADS = {"MNISTBandit-bsuite": (10, (28, 28), "downloads its images when it is built")}

_REGISTRY: dict[str, Factory] = {}


class EnvironmentRow(NamedTuple):
    """One line of the table of environments."""

    name: str
    actions: int
    observation: str  # shape, or the number of values of a discrete observation
    notes: str


def register(name: str, factory: Factory) -> None:
    """Add an environment to those that ``make`` knows.

    Args:
        name: the new name.
        factory: a class or function that returns a gymnax environment.

    Raises:
        InputError: if the name is empty, holds a colon, or is taken.
    """
    if not isinstance(name, str) or not name or ":" in name:
        raise InputError(f"cannot register {name!r}: expected a non-empty name without a colon")
    if not callable(factory):
        raise InputError(f"cannot register {name!r}: expected a class or function to build it")
    if name in _REGISTRY or name in gymnax.registered_envs:
        raise InputError(f"cannot register {name!r}: the name is taken")
    _REGISTRY[name] = factory


def make(name: str, /, **kwargs: Any) -> tuple[Any, PyTree]:
    """Build an environment with discrete actions.

    Args:
        name: one of ``names()``; ``"jumanji:NAME"`` or ``"pgx:NAME"``, where these libraries are
            installed; or ``"package.module:Class"``, imported now; the current directory counts as
            a place to import from.
        **kwargs: arguments of the environment's constructor, or fields of its parameters;
            where a name is both, the constructor gets it.

    Returns:
        ``(env, params)``: the environment, static, and its parameters, traced.

    Raises:
        InputError: one line, for anything that cannot be built from this input.
    """
    factory, defaults = _find(name)
    given = {key: value for key, value in kwargs.items() if key in defaults}
    changes = {key: value for key, value in kwargs.items() if key not in defaults}
    check_switches(name, given, defaults)
    env, params = _build(name, factory, given)
    require_discrete(env, params, name)
    return env, replace_fields(name, params, changes, defaults)


def make_checked(name: str, /, **kwargs: Any) -> tuple[Any, PyTree]:
    """Build an environment as :func:`make` does, and refuse one that cannot be planned in.

    It is traced; a user's own is also played for a moment. What is doubtful is warned of.

    Args:
        name: as for :func:`make`.
        **kwargs: as for :func:`make`.

    Returns:
        ``(env, params)``.

    Raises:
        InputError: one line: as :func:`make`, or the first thing that is broken.
    """
    env, params = make(name, **kwargs)
    known = name in _OWN or name in gymnax.registered_envs or name in libraries.CHECKED
    report = check_quickly(env, params, play=not known)
    if report.problems:
        first, *others = report.problems
        more = f" (and {len(others)} more, see: rrplan check {name})" if others else ""
        raise InputError(f"environment {name!r}: {first}{more}")
    for note in report.notes:
        warnings.warn(f"environment {name!r}: {note}", stacklevel=2)
    return env, params


def is_metareasoning(name: str) -> bool:
    """Return whether ``make`` would build a metareasoning problem. Nothing is built for it.

    Raises:
        InputError: an import path that leads nowhere.
    """
    if libraries.prefix_of(name):
        return False
    factory = _REGISTRY.get(name) or (_import(name) if ":" in name else None)
    return isinstance(factory, type) and issubclass(factory, MetalevelEnv)


def names() -> list[str]:
    """Return every name that ``make`` knows: the suite's own, then gymnax's with discrete actions.

    Of other libraries that are installed those follow that ``envs.check`` was run over. Nothing is
    downloaded for it.
    """
    discrete = (name for name in gymnax.registered_envs if _gymnax_is_discrete(name))
    return [*_REGISTRY, *discrete, *libraries.installed()]


def describe() -> list[EnvironmentRow]:
    """Return one row for each of ``names()``. Nothing is downloaded for it."""
    return [_describe(name) for name in names()]


def require_discrete(env: Any, params: PyTree, name: str) -> None:
    """Check that the actions of ``env`` are discrete.

    Raises:
        InputError: if they are not.
    """
    try:
        space = env.action_space(params)
    except Exception as error:
        raise InputError(f"environment {name!r}: {explain('action_space', error)}") from error
    if isinstance(space, spaces.Discrete):
        return
    if isinstance(space, spaces.Box):
        found = f"the actions of {name} are continuous (shape {tuple(space.shape)})"
    else:
        found = f"the actions of {name} are a {type(space).__name__}"
    raise InputError(f"{found}: expected discrete actions")


def _find(name: str) -> tuple[Factory, dict[str, Any]]:
    """Return what builds ``name``, and the defaults of the arguments it takes."""
    if not isinstance(name, str):
        raise InputError(f"an environment's name is a text, got {name!r}")
    if name in gymnax.registered_envs:
        # gymnax does not show its factories, so ask what this one builds.
        factory = functools.partial(_make_gymnax, name)
        return factory, signature_defaults(type(_build(name, factory, {})[0]))
    if libraries.prefix_of(name):
        factory = libraries.factory(name)
        return factory, libraries.arguments(_build(name, factory, {})[0])
    if name in _REGISTRY:
        factory = _REGISTRY[name]
    elif ":" in name:
        factory = _import(name)
    else:
        raise unknown("environment", name, names())
    return factory, signature_defaults(factory)


def _make_gymnax(name: str, **kwargs: Any) -> Any:
    return gymnax.make(name, **kwargs)[0]


def _import(path: str) -> Factory:
    factory = load_object(path, "environment")
    if not callable(factory):
        raise InputError(
            f"environment {path!r}: expected a class or function, got a {type(factory).__name__}"
        )
    return factory


def _build(name: str, factory: Factory, kwargs: Mapping[str, Any]) -> tuple[Any, PyTree]:
    """Return the environment and its default parameters."""
    given = ", ".join(f"{key}={value!r}" for key, value in kwargs.items())
    try:
        env = require_gymnax(factory(**kwargs))
        return env, env.default_params
    except InputError as error:
        raise InputError(f"environment {name!r}: {error}") from error
    except OSError as error:
        raise InputError(
            f"environment {name!r} needs data it could not read or download ({one_line(error)})"
        ) from error
    except Exception as error:
        with_given = f" with {given}" if given else ""
        raise InputError(
            f"environment {name!r} cannot be built{with_given} ({one_line(error)})"
        ) from error


@functools.cache
def _gymnax_is_discrete(name: str) -> bool:
    if name in _DOWNLOADS:
        return True
    try:
        env, params = gymnax.make(name)
        return isinstance(env.action_space(params), spaces.Discrete)
    except Exception:
        # Somebody registered what cannot be built without arguments: it is not listed.
        return False


def _describe(name: str) -> EnvironmentRow:
    if name in _DOWNLOADS:
        actions, shape, note = _DOWNLOADS[name]
        return EnvironmentRow(name, actions, _shape(spaces.Box(0, 1, shape)), note)
    if name in libraries.CHECKED:
        actions, shape, masked = libraries.CHECKED[name]
        note = "legal-action mask" if masked else ""
        return EnvironmentRow(name, actions, _shape(spaces.Box(0, 1, shape)), note)
    env, params = make(name)
    notes = (
        ("legal-action mask", offers(env, Masked)),
        ("greedy rule", offers(env, Greedy)),
    )
    return EnvironmentRow(
        name,
        int(env.num_actions),
        _shape(env.observation_space(params)),
        ", ".join(note for note, holds in notes if holds),
    )


def _shape(space: Any) -> str:
    """Return a space in a few characters."""
    if isinstance(space, spaces.Discrete):
        return f"one of {space.n}"
    if isinstance(space, spaces.Dict):
        return ", ".join(f"{name}: {_shape(part)}" for name, part in space.spaces.items())
    if isinstance(space, spaces.Tuple):
        return ", ".join(map(_shape, space.spaces))
    return " x ".join(map(str, space.shape)) or "a number"


register("knapsack", Knapsack)
register("tardiness", Tardiness)
register("sliding_tiles", SlidingTiles)
register("traps", Traps)
register("sokoban", Sokoban)
register("imagine", Imagine)
register("bernoulli", BernoulliSelection)
register("mouselab", Mouselab)
register("pandora", Pandora)

_OWN = frozenset(_REGISTRY)
