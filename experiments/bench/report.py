"""The result file of a benchmark: where it ran, what it was asked, what came out."""

import dataclasses
import datetime
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from experiments import runs
from rrplan.errors import InputError

BENCHES = ("search", "lanes", "scaling")
_BUSY = 0.25  # load a core at the start from which the times are not to be trusted


def result_path(directory: Path, bench: str) -> Path:
    """Where a benchmark's result is kept."""
    return Path(directory) / f"{bench}.json"


def claim(directory: Path, bench: str, *, overwrite: bool) -> None:
    """Make the directory of a result, before any time is spent.

    Raises:
        InputError: the result is there already and ``overwrite`` is not given, or the directory
            cannot be made.
    """
    path = result_path(directory, bench)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{directory} is a file, not a directory for results") from None
    except OSError as error:
        raise InputError(f"cannot make the directory {directory}: {error.strerror}") from None
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already: choose another --out, or give --overwrite")


def write(
    directory: Path, bench: str, config: Mapping[str, Any], start: Mapping[str, Any], results: Any
) -> dict[str, Any]:
    """Write a result with the machine it came from, and return it.

    Args:
        directory: as given to :func:`claim`.
        bench: one of :data:`BENCHES`.
        config: the options, as JSON.
        start: what :func:`begin` returned before the first measurement.
        results: what was measured, as JSON.
    """
    data = {
        "bench": bench,
        "config": dict(config),
        "machine": describe_machine(),
        "started": start["time"],
        "finished": _now(),
        "load_average": {"start": start["load"], "end": _load()},
        "warnings": start["warnings"],
        **results,
    }
    runs.write_json(result_path(directory, bench), data)
    return data


def config(options: Any) -> dict[str, Any]:
    """Return options as JSON, without where results are written."""
    fields = dataclasses.asdict(options)
    return {name: value for name, value in fields.items() if name not in ("out", "overwrite")}


def load(directory: Path, bench: str) -> dict[str, Any]:
    """Return a result.

    Raises:
        InputError: there is none, or it is damaged.
    """
    path = result_path(directory, bench)
    data = runs.read_json(path, missing=f"{directory} holds no result: {path.name} is missing")
    if not isinstance(data, dict) or data.get("bench") != bench:
        raise InputError(f"{path} is damaged: it is not the result of `rrplan bench {bench}`")
    return data


def begin() -> dict[str, Any]:
    """Return the time, the load and what they warn of, before anything is measured."""
    load, warnings = _load(), []
    cores = _cores()
    if load is not None and load[0] > _BUSY * cores:
        warnings.append(
            f"the machine was busy at the start (load {load[0]:.2f} on {cores} cores):"
            " times and ratios are not to be trusted"
        )
    return {"time": _now(), "load": load, "warnings": warnings}


def describe_machine() -> dict[str, Any]:
    """Return what decides the times: processor, cores, memory, devices, system and versions."""
    devices = jax.devices()
    stats = devices[0].memory_stats() or {}
    return {
        "cpu": _cpu_model(),
        "cores": _cores(),
        "memory_bytes": _memory(),
        "device": {
            "platform": devices[0].platform,
            "kind": devices[0].device_kind,
            "count": len(devices),
            "memory_bytes": stats.get("bytes_limit"),
        },
        "os": platform.platform(),
        "versions": runs.versions(),
    }


def machine_line(data: Mapping[str, Any]) -> str:
    """Return the machine and the day of a result in one line."""
    machine = data["machine"]
    where = f"{machine['cores']} cores of {machine['cpu']}"
    if machine["device"]["platform"] != "cpu":
        where = f"{machine['device']['count']} x {machine['device']['kind']}"
    versions = machine["versions"]
    day = data["started"][:10]
    return f"{where}, jax {versions['jax']}, mctx {versions['mctx']}, {day}"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _load() -> list[float] | None:
    return list(os.getloadavg()) if hasattr(os, "getloadavg") else None


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))  # a container may use fewer than there are
    return os.cpu_count() or 1


def _memory() -> int | None:
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
