"""What stands on the cells of a level, as bits and as the characters of Boxoban's files.

A *grid* is one level as it starts: an array ``[rows, columns]`` uint8 of these bits. Cells are
numbered row by row, so that cell ``c`` is in row ``c // columns``.
"""

import numpy as np

from rrplan.errors import InputError

WALL, TARGET, BOX, PLAYER, DEAD = 1, 2, 4, 8, 16
CHARACTERS = {
    " ": 0,
    "#": WALL,
    ".": TARGET,
    "$": BOX,
    "*": BOX | TARGET,
    "@": PLAYER,
    "+": PLAYER | TARGET,
}
"""The bits that a character stands for, in the format of Boxoban's files."""
PLANES = "#.$*@+"
"""The characters in the order of an observation's planes: each cell is in one plane, or in none."""

ACTIONS = ("up", "down", "left", "right")
UNKNOWN = 255  # no character's bits

_BITS = np.full(256, UNKNOWN, np.uint8)
for _character, _bits in CHARACTERS.items():
    _BITS[ord(_character)] = _bits
_NAMES = {bits: character for character, bits in CHARACTERS.items()}


def offsets(columns: int) -> np.ndarray:
    """Return what each of ``ACTIONS`` adds to the number of a cell, ``[4]`` int32."""
    return np.array([-columns, columns, -1, 1], np.int32)


def to_bits(characters: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Return the bits of some characters as an array; ``UNKNOWN`` where a character has none."""
    return _BITS[np.frombuffer(characters, np.uint8)].reshape(shape)


def to_text(grid: np.ndarray) -> str:
    """Return a grid ``[rows, columns]`` as text, a line a row, without a line feed at the end.

    Dead squares are not shown.

    Raises:
        InputError: if two things stand on one cell.
    """
    seen = np.asarray(grid) & ~np.uint8(DEAD)
    odd = seen[~np.isin(seen, list(_NAMES))]
    if odd.size:
        raise InputError(f"a cell of the grid is {odd[0]}: expected one of {sorted(_NAMES)}")
    return "\n".join("".join(_NAMES[int(cell)] for cell in row) for row in seen)
