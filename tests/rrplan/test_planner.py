"""A planner's search: what it refuses, and what it tells the engine."""

import jax.numpy as jnp
import numpy as np
import pytest

import rrplan


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"acting": "visit"}, "^unknown acting rule 'visit': did you mean 'visits'?"),
        ({"c_init": -0.5}, r"^c_init is -0\.5: expected a finite number >= 0$"),
        ({"c_init": np.nan}, r"^c_init is nan: expected a finite number >= 0$"),
        ({"c_base": 0.0}, r"^c_base is 0\.0: expected a finite number > 0$"),
        ({"c_base": np.inf}, r"^c_base is inf: expected a finite number > 0$"),
        ({"value_floor": -1.0}, r"^value_floor is -1\.0: expected a finite number >= 0$"),
        ({"c_init": "1.25"}, r"^c_init is '1\.25': expected a finite number >= 0$"),
        ({"c_base": True}, r"^c_base is True: expected a finite number > 0$"),
        ({"value_floor": np.zeros(2)}, r"^value_floor is array.*: expected a finite number >= 0$"),
        ({"discount": None}, r"^discount is None: expected a number in \[0, 1\]$"),
        ({"discount": 1.5}, r"^discount is 1\.5: expected a number in \[0, 1\]$"),
    ],
)
def test_a_search_refuses_what_makes_no_sense(arguments, message):
    with pytest.raises(rrplan.InputError, match=message):
        rrplan.Search(**arguments)


def test_a_search_tells_the_engine_its_numbers():
    told = rrplan.Search("completed_q", 1.5, jnp.float32(1e4), np.float64(0.25), 0.5).traced(
        return_scale=100.0
    )
    rule, floor = told.pop("acting")
    assert (int(rule), float(floor)) == (1, 25.0)
    assert {name: float(value) for name, value in told.items()} == {
        "c_init": 1.5, "c_base": 1e4, "discount": 0.5,
    }  # fmt: skip


def test_a_rule_that_is_not_chosen_yet_is_no_rule_to_search_with():
    search = rrplan.Search(acting="validate")
    message = "^acting is 'validate', so no rule is chosen yet: expected 'visits' or 'completed_q'"
    with pytest.raises(rrplan.InputError, match=message):
        search.traced()
