"""The rule of two numbers on predicted gains: by hand, and its extremes."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from agents.metapolicies.selfaware import rule


class Head:
    """Predicts what it is shown."""

    menu = (1, 4)

    def __call__(self, params, features):
        return params * features


def answer(trust, effort, gains, price=0.1):
    seen = SimpleNamespace(features=jnp.asarray(gains, float), price=jnp.full(len(gains), price))
    params = rule.RuleParams(jnp.float32(1.0), trust, effort)
    return rule.trusting(Head()).apply(params, None, (), seen).extra_simulations.tolist()


@pytest.mark.parametrize(
    ("trust", "effort", "expected"),
    [
        (1.0, 0.0, [0, 1, 4]),  # 0.05 - 0.1 and 0.3 - 0.4; 0.2 - 0.1 and 0; 0 and 1 - 0.4
        (0.0, 0.0, [0, 0, 0]),
        (2.0, 0.0, [4, 4, 4]),  # 0.6 - 0.4; 0.78 - 0.4, more than 0.4 - 0.1; 2 - 0.4
        (1.0, 2.0, [0, 0, 4]),  # a search takes 0.2 more
        (0.0, -3.0, [1, 1, 1]),  # a search is favoured: the least that costs below 0
    ],
)
def test_answers_by_hand(trust, effort, expected):
    gains = [[0.05, 0.3], [0.2, 0.39], [0.0, 1.0]]
    assert answer(trust, effort, gains) == expected


def test_candidates_hold_the_self_aware_agent_and_acting_at_once():
    grid = rule.candidates(Head(), 0.0)
    assert len({candidate.name for candidate in grid}) == len(grid) == 26
    pairs = {(candidate.params.trust, candidate.params.effort) for candidate in grid}
    assert {(0.0, 0.0), (1.0, 0.0)} <= pairs
    np.testing.assert_array_equal(answer(0.0, 0.0, [[9.0, 9.0]]), [0])
