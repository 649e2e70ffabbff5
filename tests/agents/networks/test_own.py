"""A user's own network: built by its name, and checked where it comes in."""

import sys

import jax
import jax.numpy as jnp
import pytest

from agents.networks import NetworkConfig, build
from envs.adapters.gymnax_adapter import adapt
from envs.puzzles.knapsack import Knapsack
from rrplan.errors import InputError

KEY = jax.random.key(0)
MODULE = "my_networks_of_own_test"
OWN = """
import dataclasses

import jax
import jax.numpy as jnp

from rrplan.types import Evaluation


class Net:
    num_actions = 10

    def __init__(self, environment, env_params, config):
        self.config = config

    def init(self, key):
        return {"w": jax.random.normal(key, (5, 3))}

    def features(self, params, observation):
        return observation.mean(axis=1) @ params["w"]

    def __call__(self, params, observation):
        features = self.features(params, observation)
        logits = jnp.zeros((len(features), self.num_actions))
        return Evaluation(logits, self.value(features), features)

    def value(self, features):
        return features.sum(axis=-1) * self.config.return_scale


@dataclasses.dataclass(frozen=True)
class Equal(Net):
    kind = "items"
    return_scale = 7.0
    config: object

    def __eq__(self, other):
        return type(self) is type(other)

    def __hash__(self):
        return 1


def equal(environment, env_params, config):
    return Equal(config)


class FewActions(Net):
    num_actions = 9


class Column(Net):
    def value(self, features):
        return features


class Nan(Net):
    def value(self, features):
        return features.sum(axis=-1) * jnp.nan


class Half(Net):
    def features(self, params, observation):
        return super().features(params, observation).astype(jnp.float16)


class Unhashable(Net):
    __hash__ = None


class NoInit(Net):
    init = None


class Counts(Net):
    def init(self, key):
        return {"w": jnp.zeros((5, 3), jnp.int32)}


class Infinite(Net):
    def init(self, key):
        return {"w": jnp.full((5, 3), jnp.inf)}


class Pair(Net):
    def __call__(self, params, observation):
        return tuple(super().__call__(params, observation))


class Fails(Net):
    def features(self, params, observation):
        return observation @ jnp.ones(4)


class Nobody(Net):
    def __init__(self, environment):
        pass


def three(*_):
    return 3


FOUR = 4
"""


@pytest.fixture(scope="module", autouse=True)
def module(tmp_path_factory):
    place = tmp_path_factory.mktemp("own")
    (place / f"{MODULE}.py").write_text(OWN)
    sys.path.insert(0, str(place))
    yield
    sys.path.remove(str(place))
    sys.modules.pop(MODULE, None)


def make(name, **fields):
    env = Knapsack()
    config = NetworkConfig(f"{MODULE}:{name}", **fields)
    return build(config, adapt(env), env.default_params, KEY)


def test_it_is_handed_its_settings_and_evaluates():
    network, params = make("Net", return_scale=2.0)
    assert jax.tree.map(jnp.shape, params) == {"w": (5, 3)}
    answer = jax.jit(network)(params, jnp.ones((4, 10, 5)))
    assert jnp.allclose(answer.value, 2.0 * params["w"].sum())
    assert network.return_scale == 2.0
    assert network.kind == f"{MODULE}:Net"
    assert network.describe() == {"kind": f"{MODULE}:Net", "parameters": 15}


def test_what_it_says_of_itself_is_handed_on():
    network, _ = make("equal")
    assert (network.kind, network.return_scale) == ("items", 7.0)


def test_equal_ones_share_programs():
    (first, params), (second, _) = make("equal"), make("equal")
    assert first == second
    assert hash(first) == hash(second)
    traces = []

    def evaluate(network, params):
        traces.append(network)
        return network(params, jnp.ones((4, 10, 5)))

    jitted = jax.jit(evaluate, static_argnums=0)
    jitted(first, params)
    jitted(second, params)
    assert len(traces) == 1
    assert make("Net")[0] != make("Net")[0]  # the user's are told apart by identity
    assert first != make("Net")[0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("FewActions", "prior_logits is float32[11, 9] for B = 11: expected float32[B, 10]"),
        ("Column", "value is float32[11, 3] for B = 11: expected float32[B]"),
        ("Nan", "value holds NaN or infinity: expected finite numbers"),
        ("Half", "value is float16[11] for B = 11: expected float32[B]"),
        ("Unhashable", "makes a Unhashable that cannot be hashed (TypeError: unhashable type"),
        ("NoInit", "makes a NoInit without init: expected init(key) -> parameters"),
        ("Counts", "init(key)['w'] is int32: expected a JAX array of floats"),
        ("Infinite", "init(key)['w'] holds NaN or infinity: expected finite numbers"),
        ("Pair", "answers with a tuple: expected rrplan.types.Evaluation"),
        ("Fails", "cannot evaluate observations (TypeError: "),
        ("Nobody", "cannot be built (TypeError: "),
        ("three", "makes a int: expected a function (params, observation) -> Evaluation"),
        ("FOUR", "is a int: expected a class or function (environment, env_params, config)"),
        ("Nett", "did you mean 'Net'"),
    ],
)
def test_what_is_wrong_with_it_takes_one_line(name, message):
    with pytest.raises(InputError) as error:
        make(name)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert MODULE in str(error.value)
