"""The result file of a benchmark: where it ran, what it was asked, what came out."""

import dataclasses
import datetime
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from experiments import cores, runs
from rrplan.errors import InputError

_BUSY = 0.25  # cores that others use from which the times are not to be trusted
_LOOK = 0.5  # seconds


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
        bench: name of the benchmark.
        config: the options, as JSON.
        start: what :func:`begin` returned before the first measurement.
        results: what was measured, as JSON.
    """
    load = measure_load()
    data = {
        "bench": bench,
        "config": dict(config),
        "machine": describe_machine(),
        "started": start["time"],
        "finished": _now(),
        "load": {"start": start["load"], "end": load},
        "warnings": [*start["warnings"], *_warn("end", load)],
        **results,
    }
    runs.write_json(result_path(directory, bench), data)
    return data


def config_of(options: Any) -> dict[str, Any]:
    """Return options as JSON, without where results are written."""
    fields = dataclasses.asdict(options)
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in fields.items()
        if name not in ("out", "overwrite")
    }


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
    load = measure_load()
    return {"time": _now(), "load": load, "warnings": _warn("start", load)}


def measure_load() -> dict[str, Any]:
    """Return the load averages, and the cores that other processes use just now.

    The averages look back for minutes, and so also at a benchmark that has just ended; what
    others use now is what disturbs. Either is None where the system does not tell.
    """
    average = list(os.getloadavg()) if hasattr(os, "getloadavg") else None
    before, own_before, start = _busy_seconds(), time.process_time(), time.perf_counter()
    if before is None:
        return {"average": average, "cores_used_by_others": None}
    time.sleep(_LOOK)
    after, own = _busy_seconds(), time.process_time() - own_before
    assert after is not None  # as it was told before
    others = max(0.0, after - before - own) / (time.perf_counter() - start)
    return {"average": average, "cores_used_by_others": round(others, 3)}


def describe_machine() -> dict[str, Any]:
    """Return what decides the times: processor, cores, memory, devices, system and versions."""
    devices = jax.devices()
    stats = devices[0].memory_stats() or {}
    return {
        "cpu": _cpu_model(),
        "cores": cores.count(),
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


def note_line(data: Mapping[str, Any]) -> str:
    """Return what stands below a figure: the machine, what is drawn, whether it was busy."""
    busy = "; THE MACHINE WAS BUSY" if data["warnings"] else ""
    return f"{machine_line(data)}; medians, with least and most{busy}"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _warn(when: str, load: Mapping[str, Any]) -> list[str]:
    others = load["cores_used_by_others"]
    if others is None or others <= _BUSY:
        return []
    return [
        f"the machine was busy at the {when} (others used {others:.2f} of {cores.count()} cores):"
        " times and ratios are not to be trusted"
    ]


def _busy_seconds() -> float | None:
    """Return the seconds that all cores have worked since the system started, if it says so."""
    try:
        ticks = [int(field) for field in Path("/proc/stat").read_text().split()[1:9]]
    except (OSError, ValueError):
        return None
    idle = ticks[3] + ticks[4]  # idle, and waiting for input or output
    return (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK")


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
