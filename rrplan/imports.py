"""Finding modules where a user has folders called as ours: ``envs``, ``agents``, ``experiments``.

What lies beside this package is ours; a module of the same name elsewhere is a stranger's.
"""

import importlib
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from rrplan.errors import InputError, unknown

OWN = ("envs", "agents", "experiments")
"""Our packages beside this one: names that others use too."""
_ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run the command line, with our own packages whatever lies where Python looks first."""
    own_first()
    importlib.import_module("experiments.cli.compiler").without_ynn(os.environ)
    return importlib.import_module("experiments.cli.main").main()


def own_first() -> None:
    """Let ``import envs`` and the like find our packages, whatever comes first in ``sys.path``.

    A module that ours do not have, such as a user's ``envs/lights.py``, is then still found as
    ``envs.lights``. Packages that were imported before stay what they are.
    """
    _protect(OWN)
    _find_users_too()


def check_own(*names: str) -> None:
    """Check that each of our packages ``names`` is what an import finds. Imports nothing.

    Raises:
        ImportError: a stranger's is found instead; one line says which file hides which.
    """
    for name in names:
        found = _where(name)
        if found is not None and not _is_ours(name, found):
            raise ImportError(
                f"{found} hides rrplan's own package {name!r} ({_ROOT / name}): rename it, or "
                "call rrplan.imports.own_first() before anything imports it",
                name=name,
            )


def load_object(path: str, kind: str) -> Any:
    """Import what ``"package.module:NAME"`` names; the current directory counts as a place.

    Where a module is called as one of ours, that of the current directory comes before ours.

    Args:
        path: the module, a colon, the name in it.
        kind: what is looked for, as messages call it, such as "environment".

    Raises:
        InputError: one line: ``path`` has another form, or the module cannot be imported, or it
            has no such name.
    """
    module_name, _, name = path.partition(":") if isinstance(path, str) else ("", "", "")
    if not module_name or not name:
        raise InputError(f"{kind} {path!r}: expected 'package.module:Class'")
    _find_users_too()
    _look_in_current_directory()
    try:
        module = _import(module_name)
    except (Exception, SystemExit) as error:
        raise InputError(f"{kind} {path!r}: cannot import it ({one_line(error)})") from error
    if not hasattr(module, name):
        public = [known for known in vars(module) if not known.startswith("_")]
        raise unknown(f"name in module {module_name}", name, public)
    return getattr(module, name)


def import_name(path: str) -> Any:
    """Return what ``"package.module:name"`` names, of our own packages' or anybody's.

    A user's module that is called as one of ours does not stand in for it, as in
    :func:`load_object`.

    Raises:
        ImportError: there is no such module.
        AttributeError: it has no such name.
        ValueError: no module is named.
    """
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def hand_on(face: str, names: Mapping[str, str], rooms: Sequence[str] = ()) -> Callable:
    """Return the ``__getattr__`` of a package that hands names on when they are asked for.

    So help, tables and figures need not load JAX.

    Args:
        face: the package.
        names: the module that each name comes from.
        rooms: packages inside it that are handed on too.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807 - it becomes the package's own
        if name in rooms:
            return importlib.import_module(f"{face}.{name}")
        if name in names:
            return import_name(f"{names[name]}:{name}")
        raise AttributeError(f"module {face!r} has no attribute {name!r}")

    return __getattr__


def one_line(error: BaseException, width: int = 200) -> str:
    """Return an exception as one line of at most about ``width`` characters."""
    text = " ".join(str(error).split())
    text = text if len(text) <= width else text[:width].rsplit(" ", 1)[0] + " ..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _import(module_name: str) -> ModuleType:
    folder = _users_folder(module_name, [""])
    first = module_name.partition(".")[0]
    if folder and _is_ours(first, _where(first)):
        module_name = _alias(folder, module_name)
    return importlib.import_module(module_name)


def _where(name: str) -> Path | None:
    """Return the file, or the folder without one, that a package is or would be imported from."""
    module = sys.modules.get(name)
    spec = find_spec(name) if module is None else None
    file = spec.origin if spec else getattr(module, "__file__", None)
    if file:
        return Path(file).resolve()
    folders = spec.submodule_search_locations if spec else getattr(module, "__path__", None)
    return Path(next(iter(folders))).resolve() if folders else None


def _is_ours(name: str, found: Path | None) -> bool:
    return found == _ROOT / name / "__init__.py"


def _look_in_current_directory() -> None:
    """Do as ``python -m`` does; a console script does not look where it was started."""
    here = os.getcwd()
    if "" in sys.path or here in sys.path:
        return
    # Of our packages, those that are found now must not be hidden by that.
    found = {name: _where(name) for name in OWN}
    _protect([name for name, file in found.items() if _is_ours(name, file)])
    sys.path.insert(0, here)


# How a user's module that is called as one of ours is imported: as part of a package with a name
# that nobody uses, made of the user's folder, so that relative imports in it find the user's
# modules. `import envs.lights` gives the same module, where our own package has none such.


def _users_folder(module_name: str, places: Iterable[str]) -> Path | None:
    """Return the first of ``places`` with a user's module that is called as one of ours."""
    first, *others = module_name.split(".")
    if first not in OWN:
        return None
    for place in map(_resolve, places):
        target = place.joinpath(first, *others)
        is_module = target.with_suffix(".py").is_file() or (target / "__init__.py").is_file()
        if place != _ROOT and (is_module or (others and target.is_dir())):
            return place
    return None


def _resolve(place: str) -> Path:
    return Path(place or os.getcwd()).resolve()


def _alias(place: Path, module_name: str) -> str:
    """Return what a user's module is imported as, once the package around it is there."""
    first, _, rest = module_name.partition(".")
    alias = f"_{first}_of_user_{zlib.crc32(os.fsencode(place)):08x}"
    if alias not in sys.modules:
        _make_package(alias, place / first)
    return f"{alias}.{rest}" if rest else alias


def _make_package(alias: str, folder: Path) -> None:
    """Import a user's folder, or file, as ``alias``."""
    if folder.is_dir():
        init = folder / "__init__.py"
        spec = spec_from_file_location(alias, init, submodule_search_locations=[str(folder)])
        run = init.is_file()
    else:
        spec, run = spec_from_file_location(alias, folder.with_suffix(".py")), True
    assert spec is not None  # a path that ends in .py always has one
    module = sys.modules[alias] = module_from_spec(spec)
    try:
        if run:
            assert spec.loader is not None
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[alias]
        raise


def _protect(names: Iterable[str]) -> None:
    """Let ``names`` be found beside this package, before ``sys.path`` is looked through."""
    ours = next((finder for finder in sys.meta_path if isinstance(finder, _Ours)), None)
    if ours is None:
        ours = _Ours()
        sys.meta_path.insert(0, ours)
    ours.names.update(names)


def _find_users_too() -> None:
    """Let modules that our packages do not have be found in a user's folder of the same name."""
    if not any(isinstance(finder, _Users) for finder in sys.meta_path):
        sys.meta_path.append(_Users())


class _Ours(MetaPathFinder):
    """Finds our own packages beside this one."""

    def __init__(self):
        self.names: set[str] = set()

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: Any = None):
        if fullname in self.names:
            return PathFinder.find_spec(fullname, [str(_ROOT)])
        return None


class _Users(MetaPathFinder):
    """Finds ``envs.lights`` and the like in a user's folder, after everybody else has failed."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: Any = None):
        folder = _users_folder(fullname, ["", *sys.path]) if "." in fullname else None
        if folder is None:
            return None
        module = importlib.import_module(_alias(folder, fullname))
        return ModuleSpec(fullname, _Imported(module), is_package=hasattr(module, "__path__"))


class _Imported(Loader):
    """Gives a module that is imported already, under another name."""

    def __init__(self, module: ModuleType):
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
