"""Targets and losses of a model, by hand on a model of which everything is known."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.model_learning import errors, losses
from agents.model_learning.config import ModelConfig
from agents.model_learning.history import Windows
from agents.model_learning.network import Imagined, Judged, expected_legal
from agents.model_learning.playing import Step

CONFIG = ModelConfig(unroll_steps=2, return_steps=2)
LENGTH = CONFIG.window


@dataclasses.dataclass(frozen=True)
class Counting:
    """Features are a number, which a step raises by its action and one more."""

    return_scale: float = 2.0
    discount: float = 0.5

    def embed(self, params, observation):
        return params * observation

    def step(self, params, features, action):
        after = features + action[:, None] + 1.0
        return Imagined(features[:, 0], features[:, 0] - 2.0, after)

    def judge(self, params, features):
        number = features[:, 0]
        logits = jnp.stack([number, -number], axis=1)
        return Judged(logits, logits, 10.0 * number)


def window(**changes):
    """Return one window of five steps, whose numbers are 1, 2, ...; fields may be replaced."""
    number = np.arange(1.0, LENGTH + 1, dtype=np.float32)
    rows = Step(
        observation=number[:, None],
        invalid_actions=np.zeros((LENGTH, 2), bool),
        action=np.zeros(LENGTH, np.int32),
        drawn=np.zeros(LENGTH, bool),
        policy_target=np.tile(np.float32([1.0, 0.0]), (LENGTH, 1)),
        search_value=100 * number,
        reward=number,
        ended=np.zeros(LENGTH, bool),
    )
    known = changes.pop("known", np.ones(LENGTH, bool))
    rows = rows._replace(**changes)
    rows = rows._replace(**{name: leaf[None] for name, leaf in rows._asdict().items()})
    return Windows(rows, known[None], np.ones(1, np.float32))


def flags(*places):
    return np.isin(np.arange(LENGTH), places)


# Compiled in one piece: operation by operation takes far longer.
@jax.jit
def make_targets(given):
    return losses.make_targets(given, 2, 2, 0.5)


@jax.jit
def loss(params, given):
    return losses.loss(Counting(), CONFIG, params, given)


@pytest.mark.parametrize(
    ("changes", "value", "going"),
    [
        # r1 + r2 / 2 + V3 / 4, and so on.
        ({}, [1 + 1 + 75, 2 + 1.5 + 100, 3 + 2 + 125], [1, 1, 1]),
        # The second step ends the episode: nothing comes after it.
        ({"ended": flags(1)}, [1 + 1, 2, None], [1, 1, 0]),
        # The third step was drawn: the search's own value stands in where it begins.
        ({"drawn": flags(2)}, [1 + 1 + 75, 2 + 150, 300], [1, 1, 1]),
        # The first step was drawn, but others are not to blame for it.
        ({"drawn": flags(0)}, [100, 2 + 1.5 + 100, 3 + 2 + 125], [1, 1, 1]),
        # Nothing is known after the second step.
        ({"known": np.arange(LENGTH) < 2}, [1 + 100, 200, None], [1, 1, 0]),
        # A last known step that ends the episode needs no value.
        ({"known": np.arange(LENGTH) < 2, "ended": flags(1)}, [1 + 1, 2, None], [1, 1, 0]),
    ],
)
def test_values_are_rewards_and_then_what_the_search_says(changes, value, going):
    targets = jax.device_get(make_targets(window(**changes)))
    np.testing.assert_array_equal(targets.going[0], np.array(going, bool))
    for found, expected in zip(targets.value[0], value, strict=True):
        assert expected is None or float(found) == expected


def test_losses_of_an_unroll_by_hand():
    # Features 1, 2, 3 are imagined where 1, 2, 3 are real: none is wrong but by the factor 1.1.
    total, (means, error) = jax.device_get(loss(1.1, window()))
    told, real = np.array([1.1, 2.1, 3.1]), 1.1 * np.array([1.0, 2.0, 3.0])
    values = np.array([77.0, 103.5, 130.0])
    expected = {
        "reward": np.mean(((told[:2] - [1, 2]) / 2) ** 2),
        "ended": np.mean(np.log1p(np.exp(told[:2] - 2))),
        "features": np.mean((told[1:] - real[1:]) ** 2),
        "value": np.mean(((10 * told - values) / 2) ** 2),
        "policy": np.mean(np.log1p(np.exp(-2 * told))),
        "legal": np.mean([np.log1p(np.exp(-told)), np.log1p(np.exp(told))]),
    }
    for name, value in expected.items():
        assert float(means[name]) == pytest.approx(value, rel=1e-5), name
    weights = {"reward": 1, "ended": 1, "features": 10, "value": 0.25, "policy": 0.5, "legal": 1}
    weighted = sum(weights[name] * value for name, value in expected.items())
    assert float(total) == pytest.approx(weighted, rel=1e-5)
    assert float(error[0]) == pytest.approx((11 - 77) / 2, rel=1e-5)


def test_what_comes_after_an_end_counts_for_nothing():
    ended = {"ended": flags(1)}
    plain, _ = loss(1.1, window(**ended))
    others = {
        "reward": np.float32([1.0, 2.0, 9.0, 9.0, np.nan]),
        "search_value": np.float32([7.0, 7.0, 9.0, 9.0, np.nan]),
        "action": np.int32([0, 0, 1, 1, 1]),
        "invalid_actions": np.arange(LENGTH)[:, None] > np.array([9, 1]),
    }
    other, _ = loss(1.1, window(**ended, **others))
    assert float(other) == float(plain)


def test_where_no_action_is_expected_to_be_legal_all_are():
    logits = jnp.array([[1.0, -1.0, 0.0], [-1.0, -2.0, -0.1]])
    np.testing.assert_array_equal(expected_legal(logits), [[True, False, False], [True] * 3])


def test_errors_by_hand():
    targets = make_targets(window(drawn=flags(0, 1, 2)))

    @jax.jit
    def compare(targets):
        network = Counting()
        told = losses.unroll(network, jnp.float32(1.0), jnp.ones((1, 1)), targets.action)
        real = jnp.array([[[1.0], [2.0], [5.0]]])
        return errors.compare(network, told, real, targets)

    found = jax.device_get(compare(targets))
    np.testing.assert_array_equal(found.reward, [0.0, 0.0])
    np.testing.assert_array_equal(found.ended, [0.0, 0.0])  # a logit of 0 says that it goes on
    spread = np.square(np.array([2.0, 5.0]) - 8 / 3)
    np.testing.assert_allclose(found.features, [0.0, 4 / spread[1]], rtol=1e-5)
    np.testing.assert_allclose(found.value, [(200 - 20) / 2, (300 - 30) / 2])
    np.testing.assert_array_equal(found.best_action, [0.0, 0.0])
    np.testing.assert_array_equal(found.legal, [0.5, 0.5])
    np.testing.assert_array_equal(found.steps, [1.0, 1.0])
