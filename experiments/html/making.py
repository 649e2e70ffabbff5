"""How a run was made: its settings, its versions, and the commands that make it again."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agents.presets import PRESETS
from experiments import studies
from experiments.runs import Run
from experiments.runs.codec import to_dict


def describe(run: Run, directory: Path, name: str, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a page tells of a run, whatever study it is of."""
    config = run.config
    return {
        "name": name,
        "env": config.env,
        "options": as_text(config.env_kwargs),
        "warnings": results.get("warnings", []),
        "versions": list(run.versions.items()),
        "settings": settings(config),
        "commands": commands(run, directory),
    }


def commands(run: Run, directory: Path) -> list[str]:
    """Return the commands that make a run and its report again, and show it otherwise."""
    place = shlex.quote(str(directory))
    return [
        f"{run_again(run.config, priced=bool(run.priced))} --out {place}",
        f"rrplan report {place}",
        f"rrplan table {place}",
        f"rrplan figures {place}",
    ]


def run_again(config: Any, *, priced: bool) -> str:
    """Return a command that runs a study with this configuration, without ``--out``.

    It is one of the presets with what else was chosen, whichever takes fewer options.

    Args:
        config: of any study.
        priced: whether its prices were worked out, so that they need not be given.
    """
    preset, candidates = studies.of_config(config).get("preset"), []
    for name in PRESETS:
        base = preset(config.env, name)
        if priced:
            base = base.with_prices(config.sweep.prices)
        words = [] if name == "quick" else ["--preset", name]
        for path, value in _differences(to_dict(base), to_dict(config)):
            words += _option(path, value)
        candidates.append(words)
    chosen = min(candidates, key=len)
    return shlex.join(["rrplan", "run", config.env, *chosen])


def settings(config: Any) -> list[tuple[str, str]]:
    """Return every setting with its value, as text."""
    return [(path, as_text(value)) for path, value in _leaves(to_dict(config), "")]


def _differences(there: Mapping, here: Mapping, path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in here.items():
        inner = f"{path}.{key}" if path else key
        other = there.get(key)
        if inner == "env_kwargs":
            if value != other:  # as a whole: with any of them given, the preset's do not hold
                yield from ((f"env.{name}", own) for name, own in value.items())
        elif isinstance(value, Mapping) and isinstance(other, Mapping):
            yield from _differences(other, value, inner)
        # A scale that was measured is measured again.
        elif value != other and not (inner.endswith("return_scale") and other is None):
            yield inner, value


def _option(path: str, value: Any) -> list[str]:
    if path.startswith("env."):
        return [f"--{path}", str(value)]
    flag = "--" + path.replace("_", "-")
    if isinstance(value, bool):
        outer, _, last = flag.removeprefix("--").rpartition(".")
        return [flag] if value else [f"--{outer}.no-{last}" if outer else f"--no-{last}"]
    if isinstance(value, list):
        return [flag, *map(str, value)]
    return [flag, str(value)]


def _leaves(data: Mapping, path: str) -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        inner = f"{path}.{key}" if path else key
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, inner)
        else:
            yield inner, value


def as_text(value: Any) -> str:
    """Return a setting as text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {own}" for name, own in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
