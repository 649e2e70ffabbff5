"""The exact optimum of imagining: cases by hand, and its answers in the augmented problem."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import envs
import rrplan
from agents.thinker.augmented import advance
from agents.thinker.config import StageConfig
from agents.thinker.inspect.optimum import Optimum, Standing
from agents.thinker.lanes import start
from agents.thinker.player import prepare
from agents.thinker.supply import Supply
from rrplan.costs import Costs
from rrplan.errors import InputError
from rrplan.types import Evaluation

STAGE = StageConfig(steps=10, chosen=True, depth=2)


def test_a_single_decision_by_hand():
    """One look tells all that matters: half of the time it finds a 1, else the other is even."""
    for price in (0.0, 0.3, 0.45):
        best = Optimum(2, 1, STAGE, price).start
        # At no price the second look is worth as little as it costs, and is not taken.
        assert best.value == pytest.approx(0.5 - price)
        assert best.calls == pytest.approx(1.0)
    assert Optimum(2, 1, STAGE, 0.55).start == (0.0, 0, 0.0, 0.0)  # acting at once


def test_two_decisions_at_a_high_price_by_hand():
    """One look at each decision, and no deeper: 2 (1/2 - c) = 0.2 at c = 0.4."""
    best = Optimum(2, 2, STAGE, 0.4).start
    assert best.value == pytest.approx(0.2)
    assert best.calls == best.levels == pytest.approx(2.0)


def test_free_imagination_finds_the_best_path():
    """No path of 2 with chance (5/8)², all -2 with chance (1/8)²: 2 (1 - 25/64 - 1/64) = 19/16."""
    assert Optimum(2, 2, STAGE, 0.0).start.value == pytest.approx(19 / 16)


def test_prices_bound_each_other():
    """More expensive is worse, and by no more than the calls of the cheaper optimum."""
    found = [Optimum(2, 2, STAGE, price).start for price in (0.0, 0.05, 0.1, 0.2, 0.4)]
    values, calls = [one.value for one in found], [one.calls for one in found]
    assert sorted(values, reverse=True) == values
    assert sorted(calls, reverse=True) == calls
    for (v, n), (w, m), step in zip(
        zip(values, calls, strict=True),
        zip(values[1:], calls[1:], strict=True),
        (0.05, 0.05, 0.1, 0.2),
        strict=False,
    ):
        assert v - n * step - 1e-9 <= w <= v - m * step + 1e-9


def test_rules_that_take_something_away_are_worth_less():
    whole = Optimum(2, 2, STAGE, 0.05).start.value
    for changes in (
        {"keep_tree": False},
        {"resets": False},
        {"charge_revisits": True},
        {"steps": 3},
        {"depth": 1},
    ):
        assert Optimum(2, 2, dataclasses.replace(STAGE, **changes), 0.05).start.value < whole - 1e-3


def test_thinker_imagines_as_long_as_it_must():
    """Where it cannot act early, steps past what is needed are taken, and free ones chosen."""
    best = Optimum(2, 1, dataclasses.replace(STAGE, chosen=False, steps=4), 0.1).start
    assert best.levels == 3.0
    assert best.value == pytest.approx(0.4)


@dataclasses.dataclass(frozen=True)
class Silent:
    """Says nothing of observations ``[B, 2, 1]``."""

    def __call__(self, params, observation):
        number = observation.shape[0]
        return Evaluation(jnp.zeros((number, 2)), jnp.zeros(number), jnp.zeros((number, 1)))


@functools.cache
def planner():
    env, params = envs.make("imagine")
    return rrplan.Planner(envs.adapt(env), params, Silent(), (), rrplan.Search(), 16)


def supply_of(number):
    return Supply(lambda place: (place, jnp.zeros(place.shape)), jnp.int32(number))


@functools.partial(jax.jit, static_argnums=0)
def begin(problem, settings, rewards):
    """Return lanes that stand at the roots of the trees ``[64, 6]``."""
    lanes = start(problem, settings, supply_of(len(rewards)), len(rewards))
    return lanes._replace(
        real=jax.tree.map(lambda leaf: rewards if leaf.shape == rewards.shape else leaf, lanes.real)
    )


@functools.partial(jax.jit, static_argnums=0)
def step(problem, settings, lanes, answer):
    return advance(problem, settings, supply_of(len(answer)), lanes, answer)


def play(optimum):
    """Play the optimum's answers in the augmented environment, on every tree; return its sums."""
    problem, settings = prepare(planner(), optimum.stage, Costs())
    rewards = np.array(list(itertools.product((-1, 1), repeat=6)), np.float32)
    lanes = begin(problem, settings, rewards)
    standings = [optimum.first] * len(rewards)
    ways = [0] * len(rewards)  # numbers of the roots
    total = np.zeros(len(rewards))
    spent = np.zeros(len(rewards))
    while any(at is not None for at in standings):
        answers = [0 if at is None else optimum.best(at).answer for at in standings]
        before = np.asarray(lanes.sums.simulations)
        lanes, outcome = step(problem, settings, lanes, np.array(answers, np.int32))
        outcome = jax.device_get(outcome)
        for lane, (at, answer) in enumerate(zip(standings, answers, strict=True)):
            if at is None:
                continue
            spent[lane] += int(outcome.sums.simulations[lane]) - before[lane]
            total[lane] += float(outcome.reward[lane])
            seen = 1 if rewards[lane, _edge(ways[lane], at, answer)] > 0 else -1
            standings[lane] = optimum.follow(at, answer, seen)
            if answer < 2:
                ways[lane] = 2 * ways[lane] + 1 + answer
    return total, spent, np.asarray(outcome.ended)


def _edge(root, at: Standing, answer):
    """Return the place of the reward of the edge that a step goes along; 0 past an end."""
    node = 0 if answer < 2 else at.node
    if node >= 2**at.height - 1:
        return 0
    path = []
    child = 2 * node + 1 + answer % 2
    while child:
        path.append((child - 1) % 2)
        child = (child - 1) // 2
    for action in reversed(path):
        root = 2 * root + 1 + action
    return root - 1


@pytest.mark.parametrize(
    ("price", "changes"),
    [
        (0.02, {}),
        (0.1, {}),
        (0.02, {"keep_tree": False}),
        (0.03, {"charge_revisits": True, "depth": 3}),
        (0.02, {"steps": 4, "resets": False}),
    ],
)
def test_its_policy_earns_its_value_on_all_trees(price, changes):
    """The mean over all 64 trees, by the augmented environment itself, is the value: exactly."""
    optimum = Optimum(2, 2, dataclasses.replace(STAGE, **changes), price)
    total, spent, ended = play(optimum)
    assert ended.shape == (64,)
    assert (total - price * spent).mean() == pytest.approx(optimum.start.value, abs=1e-6)
    assert spent.mean() == pytest.approx(optimum.start.calls, abs=1e-6)
    alone = [optimum.play(tree) for tree in itertools.product((-1, 1), repeat=6)]
    np.testing.assert_allclose(alone, total - price * spent, atol=1e-6)  # tree by tree


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2, 2, STAGE, -0.1), "price is -0.1: expected a number, at least 0"),
        ((2, 3, STAGE, 0.1), "expected at most 200,000, and 100 imaginary steps"),
    ],
)
def test_bad_arguments_get_one_clear_line(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        Optimum(*arguments)
    assert "\n" not in str(caught.value)
