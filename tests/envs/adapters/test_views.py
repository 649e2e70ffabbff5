"""Observations of jumanji as one array: what is a picture, what is a vector, and their numbers."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.adapters.views import read_view
from rrplan.errors import InputError
from tests.envs.adapters.stand_ins import Position, Spec, bounded


class Board(NamedTuple):
    board: Any
    step_count: Any
    action_mask: Any


def view_of(observation, spec, name="Some", time_limit=None):
    """Return a view, after a look at its bounds."""
    view = read_view(observation, spec, name, time_limit)
    array = view.encode(observation)
    low, high = view.bounds()
    assert array.shape == low.shape == high.shape
    assert array.dtype == low.dtype == high.dtype == jnp.float32
    assert ((array >= low) & (array <= high)).all()
    return view


def test_a_board_of_few_numbers_is_a_picture_with_the_time_as_a_plane():
    seen = Board(jnp.array([[0, 2], [1, 0]]), jnp.int32(3), jnp.ones(4, bool))
    view = view_of(seen, Spec(board=bounded((2, 2), 0, 2)), time_limit=12)
    picture = view.encode(seen)
    assert picture.shape == (2, 2, 4)
    np.testing.assert_array_equal(picture[..., :3], jax.nn.one_hot(seen.board, 3))
    np.testing.assert_array_equal(picture[..., 3], np.full((2, 2), 0.25))


def test_exponents_of_2048_are_one_hot_though_they_have_no_bound():
    seen = Board(jnp.array([[0, 17], [1, 0]]), jnp.int32(0), None)._asdict()
    del seen["step_count"], seen["action_mask"]
    view = view_of(seen, Spec(board=Spec(shape=(2, 2), dtype=jnp.int32)), "Game2048")
    np.testing.assert_array_equal(view.encode(seen), jax.nn.one_hot(seen["board"], 18))


def test_faces_of_a_cube_are_a_vector():
    cube = jnp.zeros((6, 2, 2), jnp.int8).at[3, 1, 0].set(5)
    seen = Board(cube, jnp.int32(50), None)
    view = view_of(seen, Spec(board=bounded((6, 2, 2), 0, 5)), "RubiksCube", 200)
    vector = view.encode(seen)
    assert vector.shape == (6 * 2 * 2 * 6 + 1,)
    assert vector[-1] == 0.25
    assert (vector[:-1] == jax.nn.one_hot(cube, 6).reshape(-1)).all()


class Maze(NamedTuple):
    walls: Any
    agent: Any
    more: Any


@pytest.mark.parametrize("row", [0, 1])
def test_a_cell_is_a_plane_beside_a_grid_of_its_size(row):
    walls = jnp.array([[False, True, False], [True, False, False]])
    seen = Maze(walls, Position(row=jnp.int32(row), col=jnp.int32(2)), jnp.float32(0.5))
    spec = Spec(
        walls=bounded((2, 3), False, True, bool),
        agent=Spec(row=bounded((), 0, 1), col=bounded((), 0, 2)),
        more=bounded((), 0.0, 1.0, float),
    )
    picture = view_of(seen, spec).encode(seen)
    assert picture.shape == (2, 3, 3)
    np.testing.assert_array_equal(picture[..., 0], walls)
    np.testing.assert_array_equal(picture[..., 1], np.eye(6)[3 * row + 2].reshape(2, 3))
    np.testing.assert_array_equal(picture[..., 2], np.full((2, 3), 0.5))


def test_without_a_grid_a_cell_is_its_row_and_its_column():
    seen = {
        "agent": Position(row=jnp.int32(1), col=jnp.int32(0)),
        "weights": jnp.array([0.5, -2.0]),
    }
    spec = Spec(
        agent=Spec(row=bounded((), 0, 1), col=bounded((), 0, 2)),
        weights=Spec(shape=(2,), dtype=jnp.float32),
    )
    assert view_of(seen, spec).encode(seen).tolist() == [0, 1, 1, 0, 0, 0.5, -2]


def test_many_numbers_become_a_share_of_their_range():
    seen = {"level": jnp.array([100, 300, 500])}
    assert view_of(seen, Spec(level=bounded((3,), 100, 500))).encode(seen).tolist() == [0, 0.5, 1]


def test_grids_of_two_sizes_are_a_vector():
    seen = {"a": jnp.ones((2, 2), bool), "b": jnp.zeros((3, 2), bool)}
    assert view_of(seen, Spec()).encode(seen).tolist() == [1] * 4 + [0] * 6


def test_what_is_no_array_is_refused_in_one_line():
    with pytest.raises(InputError) as caught:
        read_view({"name": "left"}, Spec(), "Some", None)
    assert str(caught.value) == "its observation's name is a str: expected an array"
    with pytest.raises(InputError, match="holds nothing but a mask"):
        read_view({"action_mask": jnp.ones(3, bool)}, Spec(), "Some", None)
