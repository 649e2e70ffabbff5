"""Arguments of metareasoning problems: what means the same, and what is told to the wrong ones."""

import numpy as np
import pytest

import envs
from envs import Mouselab, Pandora
from rrplan.errors import InputError


@pytest.mark.parametrize(
    "values", [[-1, 1], (-1.0, 1.0), np.array([-1, 1]), [[-1, 1]] * 6, np.array([[-1.0, 1]] * 6)]
)
def test_lists_tuples_and_arrays_are_the_same_values(values):
    env = Mouselab(values=values)
    hash(env)
    np.testing.assert_array_equal(env.nodes.values, [[-1, 1]] * 6)


def test_probabilities_that_are_shared_go_with_rows_of_values():
    env = Pandora(values=((1, 2), (3, 5)), probabilities=(0.25, 0.75), costs=(1, 1))
    np.testing.assert_allclose(env.boxes.means, [1.75, 4.5])


WRONG = [
    ("bernoulli", {"arms": 0}, "arms is 0: expected a whole number, at least 1"),
    ("bernoulli", {"arms": 2.0}, "arms is 2.0: expected a whole number, at least 1"),
    ("bernoulli", {"arms": True}, "arms is True: expected a whole number, at least 1"),
    ("bernoulli", {"horizon": 0}, "horizon is 0: expected a whole number, at least 1"),
    ("bernoulli", {"horizon": "x"}, "horizon is 'x': expected a whole number, at least 1"),
    ("bernoulli", {"alternative": "x"}, "alternative is 'x': expected a number, or none"),
    ("bernoulli", {"alternative": True}, "alternative is True: expected a number, or none"),
    ("bernoulli", {"alternative": np.nan}, "alternative is nan: expected a number, or none"),
    ("bernoulli", {"cost": -0.1}, "cost is -0.1: expected a number, at least 0"),
    ("mouselab", {"cost": np.nan}, "cost is nan: expected a number, at least 0"),
    ("mouselab", {"cost": np.inf}, "cost is inf: expected a number, at least 0"),
    ("pandora", {"cost": "1"}, "cost is '1': expected a number, at least 0"),
    ("pandora", {"cost": True}, "cost is True: expected a number, at least 0"),
    ("pandora", {"costs": (0.1, -1)}, "a number in costs is -1: expected a number, at least 0"),
    ("pandora", {"costs": [np.nan]}, "a number in costs is nan: expected a number, at least 0"),
    ("pandora", {"costs": ()}, "costs is (): expected a number for each box"),
    ("pandora", {"costs": 0.1}, "costs is 0.1: expected a number for each box"),
    (
        "mouselab",
        {"probabilities": (0.5, 0.4)},
        "probabilities (0.5, 0.4) sum to 0.9: expected 1",
    ),
    (
        "mouselab",
        {"values": (1, 2, 3), "probabilities": (0.3333333,) * 3},
        "probabilities (0.3333333, 0.3333333, 0.3333333) sum to 0.9999999: expected 1",
    ),
    (
        "pandora",
        {"values": (0, 1), "probabilities": (1.5, -0.5)},
        "probabilities holds -0.5: expected numbers from 0 on",
    ),
    (
        "mouselab",
        {"probabilities": (0.2, 0.3, 0.5)},
        "probabilities holds (0.2, 0.3, 0.5), 3 numbers, for the 2 values (-1.0, 1.0): expected "
        "as many",
    ),
    (
        "mouselab",
        {"values": ((0, 1), (2, 3))},
        "values has 2 rows: expected one, or one for each of 6",
    ),
    (
        "pandora",
        {"values": (0, 1), "probabilities": ((0.5, 0.5),) * 4},
        "probabilities has 4 rows: expected one, or one for each of 3",
    ),
    ("mouselab", {"values": ()}, "values is (): expected numbers, such as (-1, 1)"),
    ("mouselab", {"values": 3}, "values is 3: expected numbers, such as (-1, 1)"),
    (
        "pandora",
        {"values": ((), (1,), (2,))},
        "values has a row (): expected numbers, such as (-1, 1)",
    ),
    (
        "pandora",
        {"values": (0, (1,), (2,))},
        "values has a row 0: expected numbers, such as (-1, 1)",
    ),
    ("mouselab", {"values": (1, np.nan)}, "values holds nan: expected a finite number"),
    ("mouselab", {"values": (1, -np.inf)}, "values holds -inf: expected a finite number"),
    ("mouselab", {"values": (1, True)}, "values holds True: expected a finite number"),
    ("mouselab", {"values": (1, "x")}, "values holds 'x': expected a finite number"),
    *(
        (
            "mouselab",
            {"parents": parents},
            f"parents is no tree: node {node} is below {parents[node]!r}, expected a node with a "
            "smaller number, or -1 for the root",
        )
        for node, parents in [
            (0, (1, 0)),  # a cycle
            (1, (-1, 2, 0)),  # a node that comes later
            (1, (-1, 1)),  # itself
            (0, (-2, 0)),
            (1, (-1, False)),
            (1, (-1, 0.0)),
        ]
    ),
    ("mouselab", {"parents": ()}, "parents is (): expected a node's number for each, or -1"),
    ("mouselab", {"parents": -1}, "parents is -1: expected a node's number for each, or -1"),
    *(
        (
            "mouselab",
            {"branching": branching},
            f"branching is {branching!r}: expected whole numbers from 1 on, as (2, 2)",
        )
        for branching in [(2, 0), (), (2, -1), (True,), (1.5,), 2]
    ),
]


@pytest.mark.parametrize(("name", "kwargs", "message"), WRONG)
def test_bad_arguments_get_one_clear_line(name, kwargs, message):
    with pytest.raises(InputError) as caught:
        envs.make(name, **kwargs)
    assert str(caught.value) == f"environment '{name}': {message}"
