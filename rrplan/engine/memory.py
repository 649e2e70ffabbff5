"""How much memory lanes take, and whether they fit before anything is allocated."""

import functools
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from rrplan.errors import InputError
from rrplan.search import trees
from rrplan.types import Device

# Of a control group of each version: its limit, its use, and what of that is cached of files that
# are not in use, which is taken back where memory runs short.
_VERSION_1 = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
_VERSION_2 = "memory.max", "memory.current", "inactive_file"


def bytes_per_lane(max_simulations: int, num_actions: int, state: Any) -> int:
    """Return the bytes that one lane's search tree takes.

    Args:
        max_simulations: the largest budget; a lane has one slot more.
        num_actions: ``A``.
        state: what one lane's node holds, as arrays or ``jax.ShapeDtypeStruct`` leaves.

    Linear in the largest budget: ``(max_simulations + 1) x (32 + 20 A + state)``.
    """
    lane: Any = jax.ShapeDtypeStruct((1,), jnp.float32)  # stands in for an array
    edge: Any = jax.ShapeDtypeStruct((1, num_actions), jnp.float32)
    states = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype), state)
    node = trees.Node(states, edge, lane, lane, lane)
    slot = jax.eval_shape(functools.partial(trees.allocate, 1, node))
    size = sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(slot))
    return (max_simulations + 1) * size  # in Python's integers, which hold any number


def free_bytes(device: Device) -> int | None:
    """Return what a device has free, or the machine where it does not say."""
    stats = device.memory_stats()
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"] - stats.get("bytes_in_use", 0)
    return host_bytes()


def host_bytes(root: Path = Path("/")) -> int | None:
    """Return what this process can still be given of the machine; None where it does not say.

    That is what is available, memory of caches that can be taken back included, and no more than
    what is left of the limits of the process's control groups (a container's, a batch job's).

    Args:
        root: of the file system in which ``proc`` and ``sys`` are looked up.
    """
    available = _available_bytes(root)
    return None if available is None else min([available, *_left_to_groups(root)])


def _available_bytes(root: Path) -> int | None:
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 2**10  # in kB
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _left_to_groups(root: Path) -> Iterator[int]:
    """Yield what is left to each control group around this process that has a limit.

    A limit holds for all groups below. Where a container does not see the path of its group, the
    group is what is mounted.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, kinds, path = line.split(":", 2)
        if number == "0":
            mount, names = root / "sys/fs/cgroup", _VERSION_2
        elif "memory" in kinds.split(","):
            mount, names = root / "sys/fs/cgroup/memory", _VERSION_1
        else:
            continue
        group = mount / path.lstrip("/")
        for folder in (group, *group.parents):
            limit, used = (_read(folder / name).strip() for name in names[:2])
            if limit.isdigit() and used.isdigit():  # "max" is no limit
                stat = dict(row.split() for row in _read(folder / "memory.stat").splitlines())
                yield max(0, int(limit) - int(used) + int(stat.get(names[2], 0)))


def _read(path: Path) -> str:
    """Return what is in a file of the system; nothing where there is none."""
    try:
        return path.read_text()
    except OSError:
        return ""


def check_fits(
    num_lanes: int,
    max_simulations: int,
    num_actions: int,
    state: Any,
    devices: Sequence[Device] | None = None,
) -> None:
    """Raise an :class:`InputError` with the numbers where the trees cannot fit.

    ``num_lanes`` is lanes per device; devices that are parts of one host share its memory.
    """
    lane = bytes_per_lane(max_simulations, num_actions, state)
    devices = devices or jax.local_devices()[:1]
    free = free_bytes(devices[0])
    if free is not None and devices[0].platform == "cpu":
        free //= len(devices)
    if free is not None and lane * num_lanes > free:
        raise InputError(
            f"num_lanes is {num_lanes}: trees of {max_simulations} simulations take"
            f" {lane / 2**20:.2f} MiB a lane, {lane * num_lanes / 2**30:.1f} GiB in all, but"
            f" {free / 2**30:.1f} GiB are free; at most {max(0, free // lane)} lanes fit"
        )
