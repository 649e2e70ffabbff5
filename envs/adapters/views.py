"""Observations of jumanji environments as one array: a picture where they are one, else a vector.

A *picture* is ``[H, W, C]`` with all that is not a grid as further planes; it suits a convolution.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs.adapters.records import fields_of, find_fields
from rrplan.errors import InputError
from rrplan.types import Array, PyTree

MOST_VALUES = 32
"""Whole numbers with at most so many values become one-hot; larger ones a share of their range."""
MASK = "action_mask"
CLOCK = "step_count"


class Hint(NamedTuple):
    """What the specification of an observation does not tell."""

    flat: bool = False  # never a picture
    values: Mapping[str, int] = {}  # of fields without bounds: 0 to one less


HINTS: Mapping[str, Hint] = {
    # The exponents on its board have no bound; 2 ** 17 is the largest tile that there can be.
    "Game2048": Hint(values={"board": 18}),
    # Six faces, which do not lie beside each other as three rows of a picture do.
    "RubiksCube": Hint(flat=True),
}
"""By the name of the class."""


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """One part of an observation, and how it is encoded.

    Attributes:
        path: names of fields that lead to it.
        shape: of the part as it is.
        kind: ``"one-hot"`` (whole numbers), ``"share"`` (of a range), ``"cell"`` (a record of row
            and column) or ``"plain"``.
        low: least value, a number or an array of ``shape``.
        high: largest value, likewise.
    """

    path: tuple[str, ...]
    shape: tuple[int, ...]
    kind: Literal["one-hot", "share", "cell", "plain"]
    low: Any
    high: Any

    @property
    def values(self) -> int:
        """How many values a one-hot part has."""
        return int(np.max(self.high) - np.min(self.low)) + 1

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns, where it is a grid."""
        return (self.shape[0], self.shape[1]) if len(self.shape) in (2, 3) else None

    def encode(self, value: Any) -> Array:
        """Return the part as float32, ``[*shape]``, or ``[*shape, values]`` where it is one-hot."""
        if self.kind == "one-hot":
            index = jnp.asarray(value, jnp.int32) - int(np.min(self.low))
            return jax.nn.one_hot(index, self.values, dtype=jnp.float32)
        number = jnp.asarray(value, jnp.float32)
        if self.kind == "share":
            return jnp.clip((number - self.low) / (self.high - self.low), 0.0, 1.0)
        return number

    def bounds(self) -> tuple[Any, Any]:
        """Return the least and the largest that :meth:`encode` returns, arrays of its shape."""
        shape = (*self.shape, self.values) if self.kind == "one-hot" else self.shape
        low, high = (self.low, self.high) if self.kind == "plain" else (0.0, 1.0)
        least, most = (np.broadcast_to(np.asarray(b, np.float32), shape) for b in (low, high))
        return least, most


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """How an observation becomes one array. Static.

    Attributes:
        parts: in their order; cells are given as ``(row, column)``.
        grid: rows and columns of the picture; None where it is a vector.
    """

    parts: tuple[Part, ...]
    grid: tuple[int, int] | None

    def encode(self, observation: PyTree) -> Array:
        """Return the array of an observation: ``[H, W, C]`` or ``[n]`` float32."""
        pieces = []
        for part in self.parts:
            value = _look_up(observation, part.path)
            if part.kind == "cell":
                pieces.append(self._cell(part, value))
            else:
                pieces.append(self._place(part.encode(value)))
        return jnp.concatenate(pieces, axis=-1)

    def bounds(self) -> tuple[Any, Any]:
        """Return the least and the largest that :meth:`encode` returns, arrays of its shape."""
        sides = []
        for side in (0, 1):
            pieces = []
            for part in self.parts:
                if part.kind == "cell":
                    shape = (*self.grid, 1) if self.grid else (sum(part.shape),)
                    pieces.append(np.full(shape, float(side), np.float32))
                else:
                    pieces.append(self._place(part.bounds()[side]))
            sides.append(np.concatenate(pieces, axis=-1))
        return sides[0], sides[1]

    def _cell(self, part: Part, value: Any) -> Array:
        """Return a cell as a plane with a one in it, or as its row and column, one-hot."""
        row, column = (
            jax.nn.one_hot(jnp.asarray(index, jnp.int32), size, dtype=jnp.float32)
            for index, size in zip(fields_of(value).values(), part.shape, strict=True)
        )
        if self.grid:
            return (row[:, None] * column)[..., None]
        return jnp.concatenate([row, column])

    def _place(self, piece: Any) -> Any:
        """Return an encoded part as planes, or flat."""
        if not self.grid:
            return piece.reshape(-1)
        height, width = self.grid
        if piece.shape[:2] == self.grid:
            return piece.reshape(height, width, -1)
        numpy = np if isinstance(piece, np.ndarray) else jnp  # bounds are known while tracing
        return numpy.broadcast_to(piece.reshape(-1), (height, width, piece.size))


def read_view(observation: PyTree, spec: Any, name: str, time_limit: int | None) -> View:
    """Return how observations become one array. The mask is left out: it is told apart.

    Args:
        observation: one, or its shapes.
        spec: the environment's ``observation_spec``; its fields are named as the observation's.
        name: of the environment's class.
        time_limit: of an episode, where there is one.

    Raises:
        InputError: a part of the observation is no array; one line names it.
    """
    hint = HINTS.get(name, Hint())
    parts = tuple(_parts(observation, spec, (), hint, time_limit))
    if not parts:
        raise InputError("its observation holds nothing but a mask: expected an array or more")
    grids = {part.grid for part in parts if part.grid and part.kind != "cell"}
    loose = [part for part in parts if not part.grid or part.kind == "cell"]
    is_picture = len(grids) == 1 and all(
        part.shape in (*grids, ()) if part.kind == "cell" else part.shape == () for part in loose
    )
    return View(parts, grids.pop() if is_picture and not hint.flat else None)


def _parts(tree: PyTree, spec: Any, path: tuple[str, ...], hint: Hint, time_limit: int | None):
    """Yield the parts of an observation."""
    fields = find_fields(tree)
    if fields is None:
        yield _part(tree, spec, path, hint, time_limit)
        return
    sizes = _sizes_of_cell(fields, spec)
    if sizes is not None and path:
        yield Part(path, sizes, "cell", 0, 1)
        return
    for field, value in fields.items():
        if (*path, field) != (MASK,):
            inner = getattr(spec, field, None)
            yield from _parts(value, inner, (*path, field), hint, time_limit)


def _part(leaf: Any, spec: Any, path: tuple[str, ...], hint: Hint, time_limit: int | None) -> Part:
    where = ".".join(path) or "observation"
    if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        raise InputError(f"its observation's {where} is a {type(leaf).__name__}: expected an array")
    shape, field = tuple(leaf.shape), path[-1] if path else ""
    if field == CLOCK and shape == () and time_limit:
        return Part(path, shape, "share", 0, time_limit)
    low, high = getattr(spec, "minimum", None), getattr(spec, "maximum", None)
    if field in hint.values:
        low, high = 0, hint.values[field] - 1
    if leaf.dtype == bool:
        return Part(path, shape, "plain", 0.0, 1.0)
    if low is None or high is None:
        return Part(path, shape, "plain", -np.inf, np.inf)
    low, high = np.asarray(low), np.asarray(high)
    if not jnp.issubdtype(leaf.dtype, jnp.integer):
        return Part(path, shape, "plain", low, high)
    if int(high.max()) - int(low.min()) < MOST_VALUES:
        return Part(path, shape, "one-hot", low, high)
    return Part(path, shape, "share", low, np.maximum(high, low + 1))


def _sizes_of_cell(fields: Mapping[str, Any], spec: Any) -> tuple[int, int] | None:
    """Return the rows and columns that a record of a cell counts; None where it is something else.

    Its fields are ``row`` and ``col``, whole numbers with bounds.
    """
    if list(fields) != ["row", "col"] or any(np.shape(value) != () for value in fields.values()):
        return None
    ends = [np.asarray(getattr(getattr(spec, field, None), "maximum", None)) for field in fields]
    if any(end.ndim or not np.issubdtype(end.dtype, np.integer) for end in ends):
        return None
    return int(ends[0]) + 1, int(ends[1]) + 1


def _look_up(tree: PyTree, path: tuple[str, ...]) -> Any:
    for field in path:
        tree = fields_of(tree)[field]
    return tree
