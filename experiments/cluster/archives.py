"""Folders that travel: packed into one file, and written again elsewhere."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path


def pack(directory: Path, names: Iterable[str] | None = None) -> bytes:
    """Return a folder as one file; one that is not there is an empty one.

    Args:
        directory: the folder.
        names: what of it is packed, where it is there; all if None.
    """
    chosen = directory.glob("*") if names is None else (directory / name for name in names)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted(chosen):
            if path.exists():
                archive.add(path, arcname=path.name)
    return buffer.getvalue()


def unpack(packed: bytes, directory: Path) -> None:
    """Write what :func:`pack` has packed into a folder, made if missing."""
    directory.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        # Python before 3.11.4 knows no filters, and takes no argument for one.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(directory)
