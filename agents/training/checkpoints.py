"""Checkpoints that a kill cannot halve and that notice when they are damaged.

A checkpoint is a directory ``<step>`` with two Orbax trees, ``state`` (everything) and
``params`` (the network alone), and ``manifest.json``: the digest of every file and what the
caller wants to find again. It is written under a temporary name and renamed.
"""

# Tried in place of this: CheckpointManager of Orbax 0.12. It saves no time. It makes a checkpoint
# final before digests of its files can be known, so that a kill may leave one without. Digests of
# the arrays instead see only what is read, and cannot tell damage from another network. The
# search for the last intact one, and the way to read checkpoints that exist, would stay ours.

import errno
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from rrplan.errors import InputError
from rrplan.types import PyTree

_MANIFEST = "manifest.json"
_KEPT = 2
_OVERHEAD = 2**18  # bytes of a checkpoint's files beside its arrays, at most


class Restored(NamedTuple):
    """An intact checkpoint."""

    step: int
    tree: PyTree
    metadata: dict[str, Any]


def save(
    directory: Path | str, step: int, tree: PyTree, params: PyTree, metadata: dict[str, Any]
) -> Path:
    """Write checkpoint ``step`` and drop all but the last two.

    Args:
        directory: where checkpoints live; made if missing.
        step: its number; an existing one of that number is replaced.
        tree: arrays and typed PRNG keys, everything that is needed to go on.
        params: the network's parameters, kept apart so that they load without the rest.
        metadata: JSON values to find again at :func:`restore_latest`.

    Returns:
        The checkpoint's directory.

    Raises:
        OSError: it cannot be written, such as on a full disk; those that are there stay.
    """
    directory = Path(directory).absolute()
    directory.mkdir(parents=True, exist_ok=True)
    for leftover in directory.glob(".tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = directory / f".tmp-{step:08d}-{os.getpid()}"
    temporary.mkdir()
    try:
        _write(temporary, state=tree, params=params)
    except Exception as error:
        shutil.rmtree(temporary, ignore_errors=True)
        # Orbax tells of a full disk in several types.
        full = errno.ENOSPC
        if isinstance(error, OSError) or os.strerror(full) not in str(error):
            raise
        raise OSError(full, os.strerror(full), str(directory)) from error
    manifest = {"step": step, "metadata": metadata, "files": _digests(temporary)}
    (temporary / _MANIFEST).write_text(json.dumps(manifest))
    final = directory / f"{step:08d}"
    if final.exists():
        shutil.rmtree(final)
    os.replace(temporary, final)
    for old in list_steps(directory)[:-_KEPT]:
        shutil.rmtree(directory / f"{old:08d}", ignore_errors=True)
    return final


def _write(directory: Path, **trees: PyTree) -> None:
    plain = {name: _to_plain(tree) for name, tree in trees.items()}
    needed = sum(leaf.nbytes for leaf in jax.tree.leaves(plain)) + _OVERHEAD
    if needed > shutil.disk_usage(directory).free:
        # Where Orbax runs out of space its threads print hundreds of lines.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory.parent))
    with ocp.StandardCheckpointer() as checkpointer:
        for name, tree in plain.items():
            checkpointer.save(directory / name, tree)
            checkpointer.wait_until_finished()


def list_steps(directory: Path | str) -> list[int]:
    """Return the steps of the checkpoints in ``directory``, ascending; none if it is missing."""
    directory = Path(directory)
    if not directory.is_dir():
        return []
    return sorted(int(path.name) for path in directory.iterdir() if path.name.isdigit())


def restore_latest(directory: Path | str, template: PyTree) -> Restored | None:
    """Load the last intact checkpoint; ``None`` where there is none at all.

    Damaged ones are skipped, each with a warning.

    Args:
        directory: where :func:`save` wrote.
        template: a tree of the same structure, shapes and dtypes; keys as keys, the rest as
            arrays or their shapes.

    Raises:
        InputError: where every checkpoint is damaged, or none fits ``template``.
    """
    return _restore(directory, "state", template, list_steps(directory))


def restore_step(directory: Path | str, step: int, template: PyTree) -> Restored | None:
    """Load one checkpoint; ``None`` where it is not there.

    Args:
        directory: where :func:`save` wrote.
        step: its number.
        template: as for :func:`restore_latest`.

    Raises:
        InputError: where it is damaged, or does not fit ``template``.
    """
    steps = [step] if step in list_steps(directory) else []
    return _restore(directory, "state", template, steps)


def load_params(directory: Path | str, template: PyTree) -> PyTree:
    """Return the network's parameters from the last intact checkpoint.

    Args:
        directory: where :func:`save` wrote.
        template: parameters of the same network, arrays or their shapes.

    Raises:
        InputError: where there is no intact checkpoint, or none fits ``template``.
    """
    restored = _restore(directory, "params", template, list_steps(directory))
    if restored is None:
        raise InputError(f"no checkpoint in {directory}: expected a trained planner there")
    return restored.tree


def read_metadata(directory: Path | str) -> dict[str, Any] | None:
    """Return the metadata of the last checkpoint with a readable manifest, or ``None``."""
    for step in reversed(list_steps(directory)):
        try:
            return json.loads((Path(directory) / f"{step:08d}" / _MANIFEST).read_text())["metadata"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _restore(
    directory: Path | str, item: str, template: PyTree, steps: list[int]
) -> Restored | None:
    directory = Path(directory).absolute()
    reasons = []
    for step in reversed(steps):
        path = directory / f"{step:08d}"
        try:
            manifest = _verified_manifest(path)
            tree = _read(path / item, template)
        except _UnusableError as reason:
            reasons.append(f"{path}: {reason}")
            continue
        for reason in reasons:
            warnings.warn(f"skipped a checkpoint, {reason}", stacklevel=3)
        return Restored(step, tree, manifest["metadata"])
    if reasons:
        raise InputError(f"no usable checkpoint: {'; '.join(reasons)}")
    return None


class _UnusableError(Exception):
    """One checkpoint cannot be used; says why in a few words."""


def _verified_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((path / _MANIFEST).read_text())
        expected = dict(manifest["files"])
        manifest["metadata"]
    except (OSError, ValueError, KeyError, TypeError):
        raise _UnusableError("damaged, its manifest cannot be read") from None
    found = _digests(path)
    for name in sorted(expected):
        if name not in found:
            raise _UnusableError(f"damaged, {name} is missing")
        if found[name] != expected[name]:
            raise _UnusableError(f"damaged, {name} has changed since it was written")
    return manifest


def _read(path: Path, template: PyTree) -> PyTree:
    shapes = _to_plain(template)
    try:
        with ocp.StandardCheckpointer() as checkpointer:
            plain = checkpointer.restore(path, shapes)
    except Exception:
        # Orbax raises many kinds; its files are intact here, so they hold something else.
        raise _UnusableError("holds another network or other settings") from None
    for expected, found in zip(jax.tree.leaves(shapes), jax.tree.leaves(plain), strict=True):
        if expected.shape != found.shape or expected.dtype != found.dtype:
            raise _UnusableError("holds another network or other settings")
    return jax.tree.map(_from_plain, template, plain)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _to_plain(tree: PyTree) -> PyTree:
    """Turn typed PRNG keys into their data, and arrays of nothing into one 0: what Orbax stores."""

    def convert(leaf):
        if _is_key(leaf):
            return np.asarray(jax.random.key_data(leaf))
        if leaf.size == 0:
            return np.zeros(1, leaf.dtype)
        if isinstance(leaf, jax.ShapeDtypeStruct):
            return leaf
        return np.asarray(leaf)

    return jax.tree.map(convert, tree)


def _from_plain(like: Any, leaf: Any) -> jax.Array:
    array = jax.numpy.asarray(leaf)
    if _is_key(like):
        return jax.random.wrap_key_data(array, impl=str(jax.random.key_impl(like)))
    return array if like.size else jnp.zeros(like.shape, like.dtype)


def _digests(path: Path) -> dict[str, str]:
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in _files(path)
    }


def _files(path: Path) -> Iterator[Path]:
    for file in sorted(path.rglob("*")):
        if file.is_file() and file.name != _MANIFEST:
            yield file
