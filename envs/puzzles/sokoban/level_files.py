"""Levels from text: Boxoban's files, or a level written by hand."""

import functools
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from envs.puzzles.sokoban.tiles import BOX, CHARACTERS, PLAYER, TARGET, UNKNOWN, WALL, to_bits
from rrplan.errors import InputError

_KNOWN = " ".join(character for character in CHARACTERS if character != " ")


class LevelSet(NamedTuple):
    """Some levels of one size with equally many boxes. ``L`` is their number.

    Attributes:
        grids: the levels as they start.
        digest: a hash of all that was read.
    """

    grids: np.ndarray  # [L, rows, columns] uint8
    digest: str


class _Block(NamedTuple):
    """The rows of one level, and where they stand."""

    name: str  # what error messages call it: the file, the line of the first row and the number
    rows: list[str]


def read_levels(path: str | Path) -> LevelSet:
    """Read all levels of a file, or of all ``.txt`` files of a folder and the folders in it.

    The format is that of Boxoban (Guez et al. 2018). A line ``; NUMBER`` stands before each level.
    A level is rows of characters: ``#`` wall, ``@`` player, ``$`` box, ``.`` target, ``*`` box on
    a target, ``+`` player on a target, and a space for the floor. Empty lines separate levels too.
    Every level must have the same size and number of boxes, because they share one array.

    Args:
        path: a relative one counts from the current directory.

    Raises:
        InputError: one line that names the file and the level, where there is nothing to read, a
            file is damaged, or a level has no player, not as many boxes as targets, another
            size or another number of boxes than the first, a border that is not all wall, or
            is solved from the start.
    """
    files = _find_files(path)
    # A file that is written anew is read anew.
    return _read_files(tuple(files), tuple(_stamp(file) for file in files))


@functools.lru_cache(maxsize=4)
def _read_files(files: tuple[Path, ...], stamps: tuple) -> LevelSet:
    hashed, found, shape, boxes = hashlib.sha256(), [], None, None
    for file in files:
        raw = _read(file)
        hashed.update(raw)
        blocks = list(_split(_decode(raw, file), str(file)))
        if not blocks:
            raise InputError(f"{file} holds no level: expected rows of {_KNOWN} and spaces")
        grids = _stack(blocks, shape)
        _check(grids, [block.name for block in blocks], boxes)
        shape, boxes = grids.shape[1:], int(((grids[0] & BOX) > 0).sum())
        found.append(grids)
    grids = np.concatenate(found)
    grids.setflags(write=False)
    return LevelSet(grids, hashed.hexdigest()[:16])


def parse_level(text: str) -> np.ndarray:
    """Return the one level that a text holds, as a grid ``[rows, columns]`` uint8.

    Raises:
        InputError: as :func:`read_levels`, or if there is not exactly one level.
    """
    blocks = list(_split(text, "text"))
    if len(blocks) != 1:
        raise InputError(f"the text holds {len(blocks)} levels: expected one")
    grids = _stack(blocks, None)
    _check(grids, [blocks[0].name], None)
    return grids[0]


def _find_files(path: str | Path) -> list[Path]:
    place = Path(path).expanduser()
    if place.is_dir():
        files = sorted(place.rglob("*.txt"))
        if not files:
            raise InputError(f"levels is {str(path)!r}: the folder has no .txt files to read")
        return files
    if not place.is_file():
        raise InputError(
            f"levels is {str(path)!r}: expected a file or a folder, {place.absolute()} is neither"
        )
    return [place]


def _stamp(file: Path) -> tuple[str, int, int]:
    """Return what tells a file from what it was before."""
    try:
        told = file.stat()
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror})") from error
    return str(file.absolute()), told.st_mtime_ns, told.st_size


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror})") from error


def _decode(raw: bytes, file: Path) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            f"{file} line {line}: expected rows of {_KNOWN} and spaces, got the byte "
            f"{raw[error.start]}"
        ) from None


def _split(text: str, source: str) -> Iterator[_Block]:
    """Yield the levels of a text: what stands after a line ``; NUMBER`` or an empty line."""
    rows: list[str] = []
    title, count, first = "", 0, 0
    for number, line in enumerate([*text.split("\n"), ";"], start=1):
        line = line.removesuffix("\r")
        header = line.startswith(";")
        if not header and line.strip():
            first = first if rows else number
            rows.append(line)
            continue
        if rows:
            yield _Block(f"{source} line {first}, level {title or count}", rows)
            rows, title, count = [], "", count + 1
        elif header and title:
            raise InputError(f"{source} line {number - 1}: level {title} has no rows")
        title = line[1:].strip() if header else title


def _stack(blocks: Sequence[_Block], shape: tuple[int, ...] | None) -> np.ndarray:
    """Return the bits of some levels ``[L, rows, columns]``, of this shape or that of the first."""
    rows, columns = shape or (len(blocks[0].rows), len(blocks[0].rows[0]))
    for name, lines in blocks:
        for index, line in enumerate(lines, start=1):
            if len(line) != columns:
                raise InputError(
                    f"{name}: row {index} has {len(line)} characters, expected {columns} as in "
                    "the first row of all"
                )
        if len(lines) != rows:
            raise InputError(f"{name} has {len(lines)} rows, expected {rows} as the first level")
    joined = "".join("".join(lines) for _, lines in blocks)
    grids = to_bits(joined.encode(), (len(blocks), rows, columns))
    if (grids == UNKNOWN).any():
        level, row, column = np.argwhere(grids == UNKNOWN)[0]
        name, lines = blocks[level]
        raise InputError(
            f"{name}: row {row + 1} holds {lines[row][column]!r}, expected {_KNOWN} or a space"
        )
    return grids


def _check(grids: np.ndarray, names: Sequence[str], boxes: int | None) -> None:
    """Refuse the first level that cannot be played, or has not this number of boxes."""

    def refuse(bad: np.ndarray, tell) -> None:
        if bad.any():
            index = int(bad.argmax())
            raise InputError(f"{names[index]} {tell(index)}")

    def count(bit: int) -> np.ndarray:
        return ((grids & bit) > 0).sum(axis=(1, 2))

    players, crates, targets = count(PLAYER), count(BOX), count(TARGET)
    refuse(players != 1, lambda i: f"has {players[i]} players, expected 1")
    refuse(crates == 0, lambda i: "has no box, expected at least 1")
    refuse(
        crates != targets,
        lambda i: f"has {crates[i]} boxes and {targets[i]} targets, expected as many of each",
    )
    expected = crates[0] if boxes is None else boxes
    refuse(
        crates != expected,
        lambda i: f"has {crates[i]} boxes, expected {expected} as the first level",
    )
    inside = grids.copy()
    inside[:, 1:-1, 1:-1] = WALL
    refuse(
        (inside != WALL).any(axis=(1, 2)), lambda i: "has a gap in its border, expected # all round"
    )
    on_target = ((grids & (BOX | TARGET)) == BOX | TARGET).sum(axis=(1, 2))
    refuse(on_target == crates, lambda i: "is solved from the start, expected a box off its target")
