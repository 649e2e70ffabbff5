"""Whether the arguments of Sokoban can stand."""

from collections.abc import Mapping
from typing import Any

from envs.options import check_integer
from rrplan.errors import InputError

LARGEST = 50  # rows or columns


def check_size(rows: Any, columns: Any, num_boxes: Any) -> None:
    """Check the size of levels that are to be generated.

    Raises:
        InputError: a number is out of range, or the boxes cannot fit.
    """
    check_integer("rows", rows, 3, LARGEST)
    check_integer("columns", columns, 3, LARGEST)
    inside = (rows - 2) * (columns - 2)
    if inside < 3:
        raise InputError(
            f"rows and columns are {rows} and {columns}: expected at least 3 cells inside the "
            "border, such as 3 and 5"
        )
    check_integer("num_boxes", num_boxes, 1)
    # Boxes, targets and the player stand on different cells.
    if num_boxes > (inside - 1) // 2:
        raise InputError(
            f"num_boxes is {num_boxes}: expected at most {(inside - 1) // 2} in a level of "
            f"{rows} x {columns}"
        )


def check_as_read(given: Mapping[str, Any], read: Mapping[str, int], path: str) -> None:
    """Check that what is asked for of levels is what the files have.

    Raises:
        InputError: it is not.
    """
    for name, value in given.items():
        if value is not None and value != read[name]:
            raise InputError(
                f"{name} is {value!r}: expected {read[name]}, as the levels of {path!r}"
            )
