"""A study on several processes: who they are, what they share, and who writes.

Every process runs the whole study: all train the same planners, and all go on with those of
process 0, so that they agree to the last bit; each evaluates its share of the episodes, and
:func:`rrplan.evaluate` gives the results to all. Only process 0 keeps files: the others work in
a copy of its directory that is thrown away.
"""

import atexit
import contextlib
import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from experiments.cluster.archives import pack, unpack
from rrplan.errors import InputError, unknown

Tree = TypeVar("Tree")
_PREFIX = "--distributed."
_SHARED = ("config.json", "metrics.jsonl", "checkpoints", "control", "seeds", "evaluations")


@dataclasses.dataclass(frozen=True)
class Processes:
    """Where process 0 listens, how many processes there are, and which one this is."""

    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None


def split_options(arguments: Sequence[str]) -> tuple[list[str], Processes | None]:
    """Divide a command line into what the command reads and the ``--distributed.`` options.

    Raises:
        InputError: one of them is unknown, is missing or has no sensible value.
    """
    rest, found, pending = [], {}, list(arguments)
    names = {field.name.replace("_", "-"): field.name for field in dataclasses.fields(Processes)}
    while pending:
        argument = pending.pop(0)
        if not argument.startswith(_PREFIX):
            rest.append(argument)
            continue
        option, assigned, value = argument.partition("=")
        name = option.removeprefix(_PREFIX).replace("_", "-")
        if name not in names:
            raise unknown("option", option, [_PREFIX + known for known in names])
        if not assigned:
            if not pending or pending[0].startswith("--"):
                raise InputError(f"{option} needs a value: {option} VALUE")
            value = pending.pop(0)
        found[names[name]] = value
    if not found:
        return rest, None
    for name, field in names.items():
        if field not in found:
            raise InputError(f"missing {_PREFIX}{name}: the three of them come together")
    count, index = (_to_int(name, found[names[name]]) for name in ("num-processes", "process-id"))
    if count < 1:
        raise InputError(f"{_PREFIX}num-processes is {count}: expected at least 1")
    if not 0 <= index < count:
        raise InputError(f"{_PREFIX}process-id is {index}: expected 0 to {count - 1}")
    host, _, port = found["coordinator"].rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(
            f"{_PREFIX}coordinator is {found['coordinator']!r}: expected HOST:PORT,"
            " as localhost:1234"
        )
    return rest, Processes(found["coordinator"], count, index)


def join(processes: Processes | None) -> None:
    """Start ``jax.distributed``, before anything else touches JAX. None does nothing."""
    if processes is None:
        return
    import jax

    jax.distributed.initialize(processes.coordinator, processes.num_processes, processes.process_id)


def is_first() -> bool:
    """Return whether this process is the one that writes and prints."""
    import jax

    return jax.process_index() == 0


@contextlib.contextmanager
def own_directory(path: Path) -> Iterator[Path]:
    """Yield the run's directory to process 0, and to the others a copy to throw away."""
    import jax

    if jax.process_count() == 1:
        yield path
        return
    packed = _broadcast_bytes(pack(path, _SHARED) if is_first() else b"")
    try:
        if is_first():
            yield path
            return
        with tempfile.TemporaryDirectory(prefix="rrplan-") as name:
            unpack(packed, Path(name))
            yield Path(name)
    except BaseException as error:
        # The others may be waiting for this process where it will never come: JAX ends them when
        # it is gone, but as it leaves in good order it would wait for them, for minutes.
        statuses = {InputError: 2, KeyboardInterrupt: 130}
        atexit.register(_leave_at_once, statuses.get(type(error), 1))
        raise


def hand_over(tree: Tree) -> Tree:
    """Return process 0's arrays to all: training twice need not agree in the last digits."""
    import jax
    from jax.experimental import multihost_utils

    return tree if jax.process_count() == 1 else multihost_utils.broadcast_one_to_all(tree)


def _leave_at_once(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _broadcast_bytes(data: bytes) -> bytes:
    import numpy as np
    from jax.experimental import multihost_utils

    # In two parts, as 32 bits hold no more than 2 GiB.
    parts = np.array(divmod(len(data), 2**31), np.int32)
    high, low = map(int, multihost_utils.broadcast_one_to_all(parts))
    size = high * 2**31 + low
    held = np.zeros(size, np.uint8)
    held[: len(data)] = np.frombuffer(data, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(held)).astype(np.uint8).tobytes()


def _to_int(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{_PREFIX}{name} is {text!r}: expected a whole number") from None
