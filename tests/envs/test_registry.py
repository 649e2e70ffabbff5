"""Environments by name: what is found, where options go, and what a wrong one is told."""

import gymnax
import jax
import jax.numpy as jnp
import pytest

import envs
from envs import Knapsack, make, parse_value, register
from envs.adapters import libraries
from rrplan.errors import InputError

USER_MODULE = """
import gymnax
from gymnax.environments.bsuite.catch import Catch

class Small(Catch):
    def __init__(self, rows: int = 4, columns: int = 3, fast: bool = False):
        super().__init__(rows=rows, columns=columns)

class Wrong:
    default_params = None

class Raises(Catch):
    def __init__(self):
        raise ValueError("two\\nlines")

def wrapped():
    from gymnax.wrappers.purerl import GymnaxWrapper
    return GymnaxWrapper(Catch())

NUMBER = 3
"""


@pytest.fixture
def user_module(tmp_path, monkeypatch):
    """A module that lies in the current directory, as a user's does."""
    (tmp_path / "my_little_envs.py").write_text(USER_MODULE)
    (tmp_path / "my_broken_module.py").write_text("import there_is_no_such_thing")
    monkeypatch.chdir(tmp_path)
    # What a console script sees: its own directory, not the current one.
    monkeypatch.setattr("sys.path", ["/elsewhere", *filter(None, __import__("sys").path)])
    return "my_little_envs"


def test_knapsack_is_made_with_options_for_constructor_and_parameters():
    env, params = make("knapsack", num_items=6, law="weakly", max_steps_in_episode=3)
    assert env == Knapsack(num_items=6, law="weakly")
    assert params == env.default_params.replace(max_steps_in_episode=3)


def test_an_option_that_is_both_reaches_constructor_and_parameters():
    env, params = make("knapsack", capacity_fraction=0.25)
    assert env.capacity_fraction == params.capacity_fraction == 0.25


def test_gymnax_options_are_routed_too():
    env, params = make("FrozenLake-misc", is_slippery=False, max_steps_in_episode=7)
    assert env.is_slippery is False
    assert params.max_steps_in_episode == 7
    state = env.reset_env(jax.random.key(0), params)[1]
    keys = jax.random.split(jax.random.key(1), 50)
    step = jax.vmap(lambda key: env.step_env(key, state, jnp.int32(1), params)[0])
    assert set(step(keys).tolist()) == {4}


def test_array_options_keep_dtype_and_shape():
    _, params = make("Acrobot-v1", available_torque=[1, 2, 3])
    assert params.available_torque.dtype == jnp.float32
    assert params.available_torque.tolist() == [1, 2, 3]


def test_names_are_the_suites_own_and_every_discrete_gymnax_environment():
    continuous = {
        "Pendulum-v1",
        "MountainCarContinuous-v0",
        "PointRobot-misc",
        "Reacher-misc",
        "Swimmer-misc",
    }
    puzzles = {"imagine", "knapsack", "sliding_tiles", "sokoban", "tardiness", "traps"}
    own = puzzles | {"bernoulli", "mouselab", "pandora"}
    expected = own | set(gymnax.registered_envs) - continuous | set(libraries.installed())
    assert set(envs.names()) == expected
    assert [row.name for row in envs.describe()] == envs.names()


def test_the_table_says_actions_shape_and_what_is_special():
    rows = {row.name: row for row in envs.describe()}
    assert rows["knapsack"][1:] == (10, "10 x 5", "legal-action mask, greedy rule")
    assert rows["sokoban"][1:] == (4, "7 x 7 x 6", "legal-action mask")
    assert rows["FrozenLake-misc"][1:] == (4, "one of 16", "")
    assert rows["MNISTBandit-bsuite"][1:3] == (10, "28 x 28")
    assert "downloads" in rows["MNISTBandit-bsuite"].notes


def test_a_class_is_found_by_path_in_the_current_directory(user_module):
    env, params = make(f"{user_module}:Small", columns=5)
    assert type(env).__name__ == "Small"
    assert env.reset_env(jax.random.key(0), params)[0].shape == (4, 5)


WRONG = [
    ("knapsak", {}, "unknown environment 'knapsak': did you mean 'knapsack'?"),
    (
        "FrozenLake-misc",
        {"is_slipery": True},
        "unknown option of FrozenLake-misc 'is_slipery': did you mean 'is_slippery'?",
    ),
    (
        "FrozenLake-misc",
        {"is_slippery": "no"},
        "environment 'FrozenLake-misc': is_slippery is 'no', expected True or False",
    ),
    (
        "FrozenLake-misc",
        {"map_name": "9x9"},
        "environment 'FrozenLake-misc' cannot be built with map_name='9x9' "
        "(ValueError: map_name must be '4x4' or '8x8' when desc is omitted)",
    ),
    (
        "knapsack",
        {"law": "strong"},
        "environment 'knapsack': unknown law 'strong': did you mean 'strongly'?",
    ),
    (
        "knapsack",
        {"max_steps_in_episode": "many"},
        "environment 'knapsack': max_steps_in_episode is 'many', expected a number, such as 11",
    ),
    (
        "knapsack",
        {"max_steps_in_episode": -1.5},
        "environment 'knapsack': max_steps_in_episode is -1.5, expected a whole number from 1 on",
    ),
    (
        "CartPole-v1",
        {"max_steps_in_episode": 0},
        "environment 'CartPole-v1': max_steps_in_episode is 0, expected a whole number from 1 on",
    ),
    (
        "Pong-misc",
        {"paddle_y_speed": 1.5},
        "environment 'Pong-misc': paddle_y_speed is 1.5, expected a whole number",
    ),
    (
        "knapsack",
        {"price_spread": 0.5, "price_scale": -1},
        "environment 'knapsack': price_scale is -1.0, expected a number from 0 on",
    ),
    (
        "knapsack",
        {"price_scale": float("nan")},
        "environment 'knapsack': price_scale is nan, expected a number from 0 on",
    ),
    (
        "CartPole-v1",
        {"gravity": 1j},
        "environment 'CartPole-v1': gravity is 1j, expected a number, such as 9.8",
    ),
    (
        "Acrobot-v1",
        {"available_torque": [1, 2]},
        "environment 'Acrobot-v1': available_torque is [1, 2], expected an array of shape (3,)",
    ),
    (
        "Pendulum-v1",
        {},
        "the actions of Pendulum-v1 are continuous (shape (1,)): expected discrete actions",
    ),
    (3, {}, "an environment's name is a text, got 3"),
    (":Class", {}, "environment ':Class': expected 'package.module:Class'"),
    (
        "no_such_module:Class",
        {},
        "environment 'no_such_module:Class': cannot import it "
        "(ModuleNotFoundError: No module named 'no_such_module')",
    ),
    (
        "my_broken_module:Class",
        {},
        "environment 'my_broken_module:Class': cannot import it "
        "(ModuleNotFoundError: No module named 'there_is_no_such_thing')",
    ),
    (
        "my_little_envs:Smal",
        {},
        "unknown name in module my_little_envs 'Smal': did you mean 'Small'?",
    ),
    (
        "my_little_envs:NUMBER",
        {},
        "environment 'my_little_envs:NUMBER': expected a class or function, got a int",
    ),
    (
        "my_little_envs:Wrong",
        {},
        "environment 'my_little_envs:Wrong': expected a gymnax environment, got a Wrong: "
        "subclass gymnax.environments.environment.Environment",
    ),
    (
        "my_little_envs:wrapped",
        {},
        "environment 'my_little_envs:wrapped': expected a gymnax environment, got the wrapper "
        "GymnaxWrapper: give the environment inside, or subclass it",
    ),
    (
        "my_little_envs:Raises",
        {},
        "environment 'my_little_envs:Raises' cannot be built (ValueError: two lines)",
    ),
]


@pytest.mark.parametrize(("name", "kwargs", "message"), WRONG)
def test_what_cannot_be_made_gets_one_clear_line(name, kwargs, message, user_module):
    with pytest.raises(InputError) as caught:
        make(name, **kwargs)
    assert str(caught.value) == message


def test_mnist_offline_gets_one_clear_line(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no route\nto host")

    monkeypatch.setattr("gymnax.utils.load_mnist._download", offline)
    with pytest.raises(InputError) as caught:
        make("MNISTBandit-bsuite")
    assert str(caught.value) == (
        "environment 'MNISTBandit-bsuite' needs data it could not read or download "
        "(OSError: no route to host)"
    )


def test_register_adds_a_name_and_refuses_doubles(monkeypatch):
    monkeypatch.setattr("envs.registry._REGISTRY", {"knapsack": Knapsack})
    register("tiny", lambda items=2: Knapsack(num_items=items))
    assert make("tiny", items=3)[0] == Knapsack(num_items=3)
    assert "tiny" in envs.names()
    for taken in ("tiny", "knapsack", "CartPole-v1"):
        with pytest.raises(InputError, match=f"cannot register '{taken}': the name is taken"):
            register(taken, Knapsack)
    with pytest.raises(InputError, match="without a colon"):
        register("a:b", Knapsack)
    with pytest.raises(InputError, match="class or function"):
        register("new", 3)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("False", False),
        ("true", True),
        ("none", None),
        ("[1, 2]", [1, 2]),
        ("weakly", "weakly"),
        ("4x4", "4x4"),
        ("a b", "a b"),
        ("", ""),
    ],
)
def test_values_of_the_command_line(text, value):
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)
